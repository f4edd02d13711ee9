package history

import (
	"crypto/sha256"
	"encoding/binary"

	"palabre/xmpp"
)

// digest is what a message that is sent again is known by: its sender's account, to, type, id and content, each with its length.
func digest(sender xmpp.JID, st *xmpp.Stanza) int64 {
	parts := [...]string{sender.String(), st.To.String(), st.Type, st.ID, st.Inner}
	n := 0
	for _, part := range parts {
		n += 4 + len(part)
	}
	b := make([]byte, 0, n)
	for _, part := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return number(b)
}

// streamOf is a stream's name in the archive.
func streamOf(id string) int64 { return number([]byte(id)) }

// number is the beginning of a hash; it is never 0.
func number(b []byte) int64 {
	sum := sha256.Sum256(b)
	if n := int64(binary.BigEndian.Uint64(sum[:])); n != 0 {
		return n
	}
	return 1
}
