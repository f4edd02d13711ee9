package account

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"palabre/xmpp"
)

// importBatch is how many accounts are made in one transaction.
const importBatch = 256

// Progress says how far an import has come.
type Progress struct {
	Created  int
	Existing int // were there already, and have kept their password
	Refused  int
	Problems []Problem // the rows refused since the last report
}

// A Problem is a row that can't be an account.
type Problem struct {
	Line int
	JID  string // as it stands in the file
	Err  error
}

// Import makes many accounts, on all cores. An account that is there already is left as it is, its password too, so that an import
// can be run again after a break. A row that can't be an account is refused, and the import goes on. report is called after each batch,
// on the caller's goroutine. The error is the context's or one of the store's; what was reported as created before stays.
func (r *Registry) Import(ctx context.Context, rows iter.Seq[Row], report func(Progress)) (Progress, error) {
	total := Progress{}
	batch := newBatch()
	flush := func() error {
		if err := r.importBatch(ctx, batch, &total); err != nil {
			return fmt.Errorf("account: import: %w", err)
		}
		report(total)
		batch = newBatch()
		total.Problems = nil
		return nil
	}
	for row := range rows {
		jid, err := r.importable(row)
		switch {
		case err != nil:
			total.Refused++
			total.Problems = append(total.Problems, Problem{row.Line, row.JID, err})
		case batch.rows[jid].Line != 0:
			total.Existing++ // the same once more
		default:
			batch.add(jid, row)
		}
		if len(batch.jids)+len(total.Problems) < importBatch {
			continue
		}
		if err := flush(); err != nil {
			return total, err
		}
	}
	return total, flush()
}

// A batch is a part of an import: no account twice.
type batch struct {
	jids []xmpp.JID
	rows map[xmpp.JID]Row
}

func newBatch() *batch { return &batch{rows: make(map[xmpp.JID]Row, importBatch)} }

func (b *batch) add(jid xmpp.JID, row Row) {
	b.jids = append(b.jids, jid)
	b.rows[jid] = row
}

// importable reads a row. The error is for people.
func (r *Registry) importable(row Row) (xmpp.JID, error) {
	if row.Err != nil {
		return xmpp.JID{}, row.Err
	}
	jid, err := xmpp.ParseJID(row.JID)
	if err != nil {
		return xmpp.JID{}, ErrAddress
	}
	if err := r.check(jid); err != nil {
		return xmpp.JID{}, err
	}
	_, err = prepare(row.Password)
	return jid, err
}

// importBatch makes those accounts that there are not, and counts.
func (r *Registry) importBatch(ctx context.Context, b *batch, total *Progress) error {
	if len(b.jids) == 0 {
		return nil
	}
	missing, err := r.store.Missing(ctx, b.jids)
	if err != nil {
		return err
	}
	accounts, err := r.deriveAll(ctx, b, missing)
	if err != nil {
		return err
	}
	created := 0
	if len(accounts) > 0 {
		if created, err = r.store.CreateMany(ctx, accounts); err != nil {
			return err
		}
	}
	total.Created += created
	total.Existing += len(b.jids) - created
	return nil
}

// deriveAll makes the accounts' keys, on all cores.
func (r *Registry) deriveAll(ctx context.Context, b *batch, jids []xmpp.JID) ([]Account, error) {
	out := make([]Account, len(jids))
	todo := make(chan int)
	var workers sync.WaitGroup
	var once sync.Once
	var failed error
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range todo {
				keys, err := r.deriveKeys(b.rows[jids[i]].Password)
				if err != nil {
					once.Do(func() { failed = err })
				}
				out[i] = Account{JID: jids[i], Created: r.opts.Now().UTC(), Keys: keys}
			}
		})
	}
	var err error
	for i := range jids {
		if err = ctx.Err(); err != nil {
			break
		}
		todo <- i
	}
	close(todo)
	workers.Wait()
	if err == nil {
		err = failed
	}
	return out, err
}
