package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"palabre/mail"
)

// MailParams name a mail.
type MailParams struct {
	ID string `json:"id"`
}

// MailResult names the mail.
type MailResult struct {
	ID string `json:"id"`
}

// MailQueueParams ask for a page of the outbox: first what waits, in the order in which it is tried, then what has failed.
type MailQueueParams struct {
	After MailMark `json:"after,omitzero"`
	Limit int      `json:"limit,omitempty"` // 1 to 1000; 0: 100
}

// A MailMark is where a page ended.
type MailMark struct {
	State string    `json:"state"`
	Due   time.Time `json:"due"`
	ID    string    `json:"id"`
}

// MailQueueResult is a page of the outbox.
type MailQueueResult struct {
	Relay string     `json:"relay,omitempty"`      // its address; empty: [smtp] is not set up
	Away  string     `json:"relay_away,omitempty"` // why no mail can be sent at the moment
	Next  *time.Time `json:"relay_next,omitempty"` // when that is tried again
	Mails []Mail     `json:"mails"`
	More  bool       `json:"more"`
}

// A Mail is one of the outbox.
type Mail struct {
	ID        string    `json:"id"`
	State     string    `json:"state"` // waits, failed
	Due       time.Time `json:"due"`   // the next try; of one that has failed: since when
	Queued    time.Time `json:"queued"`
	Tries     int       `json:"tries"`
	Size      int64     `json:"size"` // in bytes
	Subject   string    `json:"subject,omitempty"`
	Requester string    `json:"requester,omitempty"`
	About     string    `json:"about,omitempty"`
	Problem   string    `json:"problem,omitempty"` // why the last try came to nothing
}

// MailDetails are what there is to know about a mail; not its text.
type MailDetails struct {
	Mail
	MessageID  string          `json:"message_id,omitempty"`
	ReplyTo    string          `json:"reply_to,omitempty"`
	Recipients []MailRecipient `json:"recipients"`
}

// A MailRecipient is somebody whom it goes to.
type MailRecipient struct {
	Address string `json:"address"`
	Name    string `json:"name,omitempty"`
	State   string `json:"state"`            // waits, sent, failed
	Answer  string `json:"answer,omitempty"` // the relay's last
}

// MailTestParams ask for a mail that says that mail works.
type MailTestParams struct {
	Address string `json:"address"`
	Wait    bool   `json:"wait,omitempty"` // until the relay has answered, but no longer than a minute
}

// MailTestResult tells what came of it.
type MailTestResult struct {
	ID     string `json:"id"`
	Sent   bool   `json:"sent"`
	Failed bool   `json:"failed"`           // for good
	Answer string `json:"answer,omitempty"` // the relay's, or why there is none so far
}

var mailStates = map[mail.State]string{mail.Waits: "waits", mail.Failed: "failed"}

var deliveryStates = map[mail.DeliveryState]string{mail.Pending: "waits", mail.Taken: "sent", mail.Refused: "failed", mail.Told: "failed"}

func mailOf(m *mail.Mail) Mail {
	return Mail{
		ID: m.ID, State: mailStates[m.State], Due: m.Due, Queued: m.Queued, Tries: m.Tries, Size: m.Size, Subject: m.Subject,
		Requester: m.Requester.String(), About: m.About.String(), Problem: m.Problem,
	}
}

func (a *API) mailQueue(ctx context.Context, p MailQueueParams) (MailQueueResult, error) {
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 0 || p.Limit > 1000 {
		return MailQueueResult{}, &Error{BadRequest, "A page has 1 to 1000 mails."}
	}
	s := a.Outbox.Situation()
	out := MailQueueResult{Relay: s.Relay, Away: s.Away, Mails: []Mail{}}
	if s.Away != "" {
		out.Next = &s.Next
	}
	after := mail.Mark{Due: p.After.Due, ID: p.After.ID}
	for _, state := range []mail.State{mail.Waits, mail.Failed} {
		if state == mail.Waits && p.After.State == mailStates[mail.Failed] {
			continue
		}
		list, err := a.Outbox.List(ctx, state, after, p.Limit-len(out.Mails))
		if err != nil {
			return out, err
		}
		for i := range list {
			out.Mails = append(out.Mails, mailOf(&list[i]))
		}
		if out.More = len(out.Mails) == p.Limit; out.More {
			break
		}
		after = mail.Mark{}
	}
	return out, nil
}

func (a *API) mailShow(ctx context.Context, p MailParams) (MailDetails, error) {
	m, err := a.Outbox.Show(ctx, p.ID)
	if err != nil {
		return MailDetails{}, err
	}
	out := MailDetails{Mail: mailOf(m), MessageID: a.Outbox.MessageID(m.ID), ReplyTo: m.ReplyTo.String()}
	for _, d := range m.To {
		out.Recipients = append(out.Recipients, MailRecipient{d.Address.String(), d.Name, deliveryStates[d.State], d.Answer})
	}
	return out, nil
}

func (a *API) mailRetry(ctx context.Context, p MailParams) (MailResult, error) {
	return MailResult(p), a.Outbox.Retry(ctx, p.ID)
}

func (a *API) mailDrop(ctx context.Context, p MailParams) (MailResult, error) {
	return MailResult(p), a.Outbox.Discard(ctx, p.ID)
}

// testTime is how long a test waits for the relay.
const testTime = time.Minute

func (a *API) mailTest(ctx context.Context, p MailTestParams) (MailTestResult, error) {
	if a.Host == nil {
		return MailTestResult{}, &Error{NotRunning, "No server runs that could send it. Start one with 'palabre serve'; 'palabre doctor' tries the relay without one."}
	}
	text := "This mail was sent by 'palabre mail test'. If you can read it, this server can send mail.\n"
	d, err := a.Outbox.Compose(ctx, mail.Letter{
		Subject: "Palabre can send mail", Language: "en", Recipients: []mail.Recipient{{Address: p.Address}},
		Alternative: []mail.Part{{Type: "text/plain", Write: func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}}},
	})
	var address *mail.AddressError
	if errors.As(err, &address) || errors.Is(err, mail.ErrDisabled) {
		return MailTestResult{}, &Error{BadRequest, sentence(err.Error())}
	}
	if err != nil {
		return MailTestResult{}, err
	}
	results := make(chan mail.Mail, 1)
	defer a.Outbox.Watch(d.ID, func(m mail.Mail) {
		select {
		case results <- m:
		default:
		}
	})()
	if err := a.Host.Append(ctx, d.Queue()); err != nil {
		d.Drop(ctx)
		return MailTestResult{}, err
	}
	a.Outbox.Hurry()
	out := MailTestResult{ID: d.ID}
	if !p.Wait {
		return out, nil
	}
	timeout := time.NewTimer(testTime)
	defer timeout.Stop()
	select {
	case m := <-results:
		out.Answer = m.Problem
		if len(m.To) == 1 {
			out.Sent, out.Failed, out.Answer = m.To[0].State == mail.Taken, m.State == mail.Failed, m.To[0].Answer
		}
	case <-timeout.C:
		out.Answer = fmt.Sprintf("the mail relay has not answered within %v", testTime)
	case <-ctx.Done():
		return out, ctx.Err()
	}
	return out, nil
}
