package roster

import "palabre/xmpp"

// A state is one of the nine states of RFC 6121 §A.1, as the owner of the item sees it.
type state uint8

const (
	isNone      state = iota
	isNoneOut         // None + Pending Out
	isNoneIn          // None + Pending In
	isNoneOutIn       // None + Pending Out+In
	isTo              // To
	isToIn            // To + Pending In
	isFrom            // From
	isFromOut         // From + Pending Out
	isBoth            // Both
	states            // how many there are
)

// stateParts says what of an Item makes up each state.
var stateParts = [states]struct {
	subscription Subscription
	ask, in      bool
}{
	isNone:      {None, false, false},
	isNoneOut:   {None, true, false},
	isNoneIn:    {None, false, true},
	isNoneOutIn: {None, true, true},
	isTo:        {To, false, false},
	isToIn:      {To, false, true},
	isFrom:      {From, false, false},
	isFromOut:   {From, true, false},
	isBoth:      {Both, false, false},
}

// state is the item's. A request beside a subscription that it asks for means nothing.
func (it Item) state() state {
	ask, in := it.Ask && it.Subscription&To == 0, it.In && it.Subscription&From == 0
	for s, p := range stateParts {
		if p.subscription == it.Subscription && p.ask == ask && p.in == in {
			return state(s)
		}
	}
	return isNone
}

// in gives the item in another state. A request that is answered is forgotten.
func (it Item) in(s state) Item {
	p := stateParts[s]
	it.Subscription, it.Ask, it.In = p.subscription, p.ask, p.in
	if !it.In {
		it.Request = ""
	}
	return it
}

// A cell of the tables of RFC 6121 §A.2 and §A.3 says what a stanza does in one state.
type cell struct {
	next  state
	pass  bool // it is routed to the contact, or delivered to the user
	other bool // outbound: it is a pre-approval; inbound: the server answers on the user's behalf
}

// outbound is RFC 6121 §A.2.1 to §A.2.4. Where a table says SHOULD NOT, we do not.
var outbound = map[string]*[states]cell{
	xmpp.TypeSubscribe: {
		isNone:      {isNoneOut, true, false},
		isNoneOut:   {isNoneOut, true, false},
		isNoneIn:    {isNoneOutIn, true, false},
		isNoneOutIn: {isNoneOutIn, true, false},
		isTo:        {isTo, true, false},
		isToIn:      {isToIn, true, false},
		isFrom:      {isFromOut, true, false},
		isFromOut:   {isFromOut, true, false},
		isBoth:      {isBoth, true, false},
	},
	xmpp.TypeUnsubscribe: {
		isNone:      {isNone, true, false},
		isNoneOut:   {isNone, true, false},
		isNoneIn:    {isNoneIn, true, false},
		isNoneOutIn: {isNoneIn, true, false},
		isTo:        {isNone, true, false},
		isToIn:      {isNoneIn, true, false},
		isFrom:      {isFrom, true, false},
		isFromOut:   {isFrom, true, false},
		isBoth:      {isFrom, true, false},
	},
	xmpp.TypeSubscribed: {
		isNone:      {isNone, false, true},
		isNoneOut:   {isNoneOut, false, true},
		isNoneIn:    {isFrom, true, false},
		isNoneOutIn: {isFromOut, true, false},
		isTo:        {isTo, false, true},
		isToIn:      {isBoth, true, false},
		isFrom:      {isFrom, false, false},
		isFromOut:   {isFromOut, false, false},
		isBoth:      {isBoth, false, false},
	},
	xmpp.TypeUnsubscribed: {
		isNone:      {isNone, false, false},
		isNoneOut:   {isNoneOut, false, false},
		isNoneIn:    {isNone, true, false},
		isNoneOutIn: {isNoneOut, true, false},
		isTo:        {isTo, false, false},
		isToIn:      {isTo, true, false},
		isFrom:      {isNone, true, false},
		isFromOut:   {isNoneOut, true, false},
		isBoth:      {isTo, true, false},
	},
}

// inbound is RFC 6121 §A.3.1 to §A.3.4.
var inbound = map[string]*[states]cell{
	xmpp.TypeSubscribe: {
		isNone:      {isNoneIn, true, false},
		isNoneOut:   {isNoneOutIn, true, false},
		isNoneIn:    {isNoneIn, false, false},
		isNoneOutIn: {isNoneOutIn, false, false},
		isTo:        {isToIn, true, false},
		isToIn:      {isToIn, false, false},
		isFrom:      {isFrom, false, true},
		isFromOut:   {isFromOut, false, true},
		isBoth:      {isBoth, false, true},
	},
	xmpp.TypeUnsubscribe: {
		isNone:      {isNone, false, false},
		isNoneOut:   {isNoneOut, false, false},
		isNoneIn:    {isNone, true, true},
		isNoneOutIn: {isNoneOut, true, true},
		isTo:        {isTo, false, false},
		isToIn:      {isTo, true, true},
		isFrom:      {isNone, true, true},
		isFromOut:   {isNoneOut, true, true},
		isBoth:      {isTo, true, true},
	},
	xmpp.TypeSubscribed: {
		isNone:      {isNone, false, false},
		isNoneOut:   {isTo, true, false},
		isNoneIn:    {isNoneIn, false, false},
		isNoneOutIn: {isToIn, true, false},
		isTo:        {isTo, false, false},
		isToIn:      {isToIn, false, false},
		isFrom:      {isFrom, false, false},
		isFromOut:   {isBoth, true, false},
		isBoth:      {isBoth, false, false},
	},
	xmpp.TypeUnsubscribed: {
		isNone:      {isNone, false, false},
		isNoneOut:   {isNone, true, false},
		isNoneIn:    {isNoneIn, false, false},
		isNoneOutIn: {isNoneIn, true, false},
		isTo:        {isNone, true, false},
		isToIn:      {isNoneIn, true, false},
		isFrom:      {isFrom, false, false},
		isFromOut:   {isFrom, true, false},
		isBoth:      {isFrom, true, false},
	},
}

// answers are what the server sends where a cell of inbound says that it answers.
var answers = map[string]string{xmpp.TypeSubscribe: xmpp.TypeSubscribed, xmpp.TypeUnsubscribe: xmpp.TypeUnsubscribed}

// sent is the item after its owner has sent the contact a subscription stanza (RFC 6121 §A.2), and whether that goes to the contact.
func (it Item) sent(typ string) (next Item, route bool) {
	c := outbound[typ][it.state()]
	next = it.in(c.next)
	switch typ {
	case xmpp.TypeSubscribe:
		next.Listed = true
	case xmpp.TypeSubscribed:
		next.Approved = next.Approved || c.other // §3.4.2
		next.Listed = next.Listed || c.pass || c.other
	case xmpp.TypeUnsubscribed:
		next.Approved = false // §3.2.2
	}
	return next, c.pass
}

// A reaction says what becomes of a stanza that came from the contact.
type reaction struct {
	deliver bool
	answer  string // the type of what the server answers on the owner's behalf, or empty
}

// received is the item after a subscription stanza from the contact (RFC 6121 §A.3). request is what to keep of one that waits.
func (it Item) received(typ, request string) (Item, reaction) {
	s := it.state()
	if typ == xmpp.TypeSubscribe && it.Approved && s != isFrom && s != isFromOut && s != isBoth {
		return it.preApproved(), reaction{answer: xmpp.TypeSubscribed}
	}
	c := inbound[typ][s]
	next := it.in(c.next)
	if next.In && !it.In {
		next.Request = request
	}
	r := reaction{deliver: c.pass}
	if c.other {
		r.answer = answers[typ]
	}
	return next, r
}

// preApproved: RFC 6121 §3.4.2. An approval in advance is good for one request: who unsubscribes later asks anew.
func (it Item) preApproved() Item {
	it.Subscription |= From
	it.Approved, it.In, it.Request = false, false, ""
	it.Listed = true
	return it
}
