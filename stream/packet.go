package stream

import "palabre/xmpp"

// A Packet is what one recipient is sent: a shared stanza with their address and a tail of the server's own,
// or bytes that are written as they stand.
type Packet struct {
	Stanza  *xmpp.Stanza // shared with other recipients, or nil
	To      xmpp.JID     // written as the stanza's to; nothing is written if zero
	Tail    string       // XML that goes inside the stanza after what its sender wrote: stanza-id, delay
	Raw     string       // what is sent when there is no stanza: a nonza, stream features
	Mark    int64        // names the stanza in the recipient's archive; 0 where it is in none
	At      int64        // when a message without a mark was sent, in microseconds since 1970; 0: not noted
	Whole   bool         // Raw is one stanza
	Answers bool         // Raw is an <a/> (XEP-0198 §4)
	Begins  bool         // the count of what is sent begins behind it (XEP-0198 §4)

	// Shared says that many others are sent the same stanza: to keep its bytes for one of them would take more memory than to keep it.
	Shared bool

	// Volatile says that no copy may outlive the process: what is said in a room that keeps nothing.
	Volatile bool
}

// IsHollow tells whether the packet is no more than a mark: what it names is to be read from the archive before it can be written.
func (p *Packet) IsHollow() bool { return p.Mark != 0 && p.Stanza == nil && p.Raw == "" }

// IsStanza tells whether the packet counts as one (XEP-0198 §4).
func (p *Packet) IsStanza() bool { return p.Stanza != nil || p.Whole || p.IsHollow() }

// overhead is what a start tag and an end tag need beside their values; escaping can make it more.
const overhead = 96

// Size is about how many bytes the packet takes on the wire. It is what queues are bounded by.
func (p *Packet) Size() int {
	s := p.Stanza
	if s == nil {
		return len(p.Raw)
	}
	return overhead + len(s.Type) + len(s.ID) + len(s.Lang) + len(p.To.String()) + len(s.From.String()) +
		len(s.Extra) + len(s.Inner) + len(p.Tail)
}

// AppendTo writes the packet.
func (p *Packet) AppendTo(b []byte) []byte {
	if p.Stanza == nil {
		return append(b, p.Raw...)
	}
	return p.Stanza.AppendXML(b, p.To, p.Tail)
}
