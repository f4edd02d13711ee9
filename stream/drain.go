package stream

import (
	"net"
	"time"
)

// drain writes until nothing waits. There is one at a time; Wait waits for it.
func (q *Queue) drain() {
	for {
		q.mu.Lock()
		if q.failed || len(q.waiting) == 0 && !q.flush && q.final == nil {
			calls := q.endLocked()
			q.mu.Unlock()
			if calls == nil {
				return
			}
			for _, call := range calls {
				call()
			}
			continue
		}
		batch, size, final := q.waiting, q.size, q.final
		q.waiting, q.flush, q.final = nil, false, nil
		q.mu.Unlock()

		if q.OnWrite != nil {
			batch = q.OnWrite(batch)
		}
		err := q.write(batch, size, final)
		if q.OnWritten != nil {
			q.OnWritten(err)
		}

		q.mu.Lock()
		q.size -= size
		if err != nil {
			q.failLocked(err)
		}
		q.mu.Unlock()
	}
}

// endLocked gives what is to be called before the drainer may end; if there is nothing, it has ended.
func (q *Queue) endLocked() (calls []func()) {
	if q.failed && !q.told {
		q.told = true
		if err := q.err; q.OnError != nil {
			calls = append(calls, func() { q.OnError(err) })
		}
	}
	calls = append(calls, q.done...)
	q.done = nil
	if calls == nil {
		if q.err != nil {
			q.relaxLocked()
		}
		q.draining = false
		q.idle.Broadcast()
	}
	return calls
}

// write sends a batch and what follows it, of about size bytes, in as few writes as buffers allow.
func (q *Queue) write(batch []Packet, size int, final []byte) error {
	buf := getBuffer(min(size+len(final), largeBuffer))
	b := buf[:0]
	defer putBuffer(buf)
	for i := range batch {
		if p := &batch[i]; len(b) > 0 && len(b)+p.Size() > largeBuffer {
			if err := q.flushOut(b); err != nil {
				return err
			}
			b = b[:0]
		}
		b = batch[i].AppendTo(b)
	}
	return q.flushOut(append(b, final...))
}

// flushOut makes one write, under the deadline.
func (q *Queue) flushOut(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	conn, err := q.arm()
	if err != nil {
		return err
	}
	_, err = conn.Write(b)
	return err
}

// arm sees to it that the next write has a deadline, at least half of Timeout away: to set one costs about a sixth of what a small write does. An overflow in the
// meantime makes it the last one.
func (q *Queue) arm() (net.Conn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed {
		return nil, q.err
	}
	if !q.until.IsZero() {
		return q.conn, q.conn.SetWriteDeadline(q.until)
	}
	now := time.Now()
	if q.armed.Sub(now) > q.Timeout/2 {
		return q.conn, nil
	}
	q.armed = now.Add(q.Timeout)
	if q.relaxing == nil {
		q.relaxing = time.AfterFunc(q.Timeout/4*3, q.relax)
	}
	return q.conn, q.conn.SetWriteDeadline(q.armed)
}

// relax takes the deadline away before it has passed, unless something is being written. The reader writes, too, when the peer changes its TLS keys; a deadline
// that has passed would end the connection then.
func (q *Queue) relax() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.relaxing == nil:
	case q.draining:
		q.relaxing.Reset(q.Timeout / 4)
	default:
		q.relaxLocked()
	}
}

func (q *Queue) relaxLocked() {
	if q.relaxing != nil {
		q.relaxing.Stop()
		q.relaxing = nil
	}
	if !q.failed && (!q.armed.IsZero() || !q.until.IsZero()) {
		_ = q.conn.SetWriteDeadline(time.Time{}) // a connection that is gone says so at the next write
	}
	q.armed = time.Time{}
}
