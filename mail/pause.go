package mail

import (
	"encoding/binary"
	"io"
	"time"
)

// pause is how long to wait after so many tries: twice as long each time, a quarter more or less by chance.
func (o *Outbox) pause(tries int) time.Duration {
	d := o.opts.Times.First
	for i := 1; i < tries && d < o.opts.Times.Longest; i++ {
		d *= 2
	}
	d = min(d, o.opts.Times.Longest)
	var b [4]byte
	if _, err := io.ReadFull(o.opts.Rand, b[:]); err != nil {
		return d
	}
	share := float64(binary.BigEndian.Uint32(b[:])) / (1 << 32) // 0 to 1
	return time.Duration(float64(d) * (0.75 + share/2))
}
