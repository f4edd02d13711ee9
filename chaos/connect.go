package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"palabre/xmpp"
)

// connect logs in, and resumes the session that was lost or begins a new one.
func (d *Device) connect(ctx context.Context) error {
	d.run.gate <- struct{}{}
	defer func() { <-d.run.gate }()
	l, err := dial(ctx, d.run.dialer, d.user)
	if err != nil {
		return err
	}
	d.link = l
	l.incarnation, l.trace = d.run.server.Incarnation(), d.trace
	if err = d.session(); err != nil {
		d.link = nil
		l.close(silently)
		return err
	}
	d.stats.Logins++
	d.heard = time.Now()
	return nil
}

func (d *Device) session() error {
	if _, ok := d.link.Features.Child(nsSM, "sm"); !ok {
		return errors.New("chaos: the server offers no stream management")
	}
	if d.previd != "" {
		resumed, err := d.resume()
		if err != nil || resumed {
			return err
		}
	} else if d.out.enabled {
		if err := d.lost(xmpp.Element{}); err != nil {
			return err
		}
	}
	return d.anew()
}

// resume is XEP-0198 §5.
func (d *Device) resume() (resumed bool, err error) {
	l := d.link
	l.out = fmt.Appendf(l.out, "<resume xmlns='%s' h='%d' previd='%s'/>", nsSM, d.in.handled, d.previd)
	if err := l.flush(); err != nil {
		return false, err
	}
	answer, err := l.nonza()
	switch {
	case err != nil:
		return false, err
	case answer.Is(nsSM, "failed"):
		d.stats.NotResumed++
		return false, d.lost(answer)
	case !answer.Is(nsSM, "resumed"):
		return false, fmt.Errorf("chaos: the server answers <resume/> with <%s/>", answer.Name.Local)
	}
	d.stats.Resumed++
	h, err := count(answer)
	if !d.breach(err) {
		return false, err
	}
	rest, err := d.out.resumed(h)
	if !d.breach(err) {
		return false, err
	}
	d.in.replay = true
	if d.hall != nil {
		d.hall.resumed(l.incarnation)
	}
	// What the server has not counted goes out again; it stands in unacked already.
	for _, it := range rest {
		if it.number >= 0 {
			d.out.sends[it.number].Tries++
			d.out.sends[it.number].Last = d.run.now()
			it.raw = d.message(it.number)
		}
		if it.invites != nil {
			d.run.invites(*it.invites)
		}
		l.out = append(l.out, it.raw...)
	}
	d.askCount()
	return true, nil
}

// lost is the end of a session that can't be resumed; failed may hold a last count (XEP-0198 §5).
func (d *Device) lost(failed xmpp.Element) error {
	h, ok := uint32(0), failed.HasAttr("h")
	if ok {
		var err error
		if h, err = count(failed); !d.breach(err) {
			return err
		}
	}
	d.previd = ""
	known, err := d.out.lost(h, ok, d.run.now())
	d.run.board.acknowledged(len(known), d.link.incarnation)
	if err != nil {
		d.breach(fmt.Errorf("in <failed/>: %w", err))
	}
	return nil
}

// anew begins a session: resource, stream management, presence, and what was missed.
func (d *Device) anew() error {
	l := d.link
	if err := l.bind(d.Resource); err != nil {
		return err
	}
	l.out = append(l.out, "<enable xmlns='"+nsSM+"'"...)
	if d.Resume {
		l.out = append(l.out, " resume='true'"...)
	}
	l.out = append(l.out, "/>"...)
	if err := l.flush(); err != nil {
		return err
	}
	answer, err := l.nonza()
	if err != nil {
		return err
	}
	if !answer.Is(nsSM, "enabled") {
		return fmt.Errorf("chaos: the server answers <enable/> with <%s/>", answer.Name.Local)
	}
	if d.Resume {
		if d.previd = answer.Attr("id"); d.previd == "" {
			d.breach(errors.New("<enabled/> without an id, though the session is to be resumed"))
		}
	}
	d.out.begin()
	d.in.begin(d.out.session, d.Archive)
	if d.hall != nil {
		d.hall.begin()
	}
	if d.available = false; !d.Archive || !d.Ahead {
		d.appear()
	}
	if d.Archive {
		d.catchUp()
	}
	for id := range d.fences {
		d.sendFence(id)
	}
	return nil
}

// count reads h, a number below 2^32 (XEP-0198 §4).
func count(e xmpp.Element) (uint32, error) {
	h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("<%s/> counts %q", e.Name.Local, e.Attr("h"))
	}
	return uint32(h), nil
}
