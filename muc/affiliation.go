package muc

// An Affiliation is what somebody is to a room for good (XEP-0045 §5.2). Higher ones may do more.
type Affiliation uint8

// The affiliations.
const (
	Outcast Affiliation = iota
	None
	Member
	Admin
	Owner
)

var affiliations = [...]string{Outcast: "outcast", None: "none", Member: "member", Admin: "admin", Owner: "owner"}

func (a Affiliation) String() string { return affiliations[a] }

// ParseAffiliation reads what String writes.
func ParseAffiliation(s string) (a Affiliation, ok bool) {
	a = None
	err := a.UnmarshalText([]byte(s))
	return a, err == nil
}

// A Role is what an occupant is while inside (XEP-0045 §5.1). Higher ones may do more.
type Role uint8

// The roles.
const (
	NoRole Role = iota // not inside
	Visitor
	Participant
	Moderator
)

var roles = [...]string{NoRole: "none", Visitor: "visitor", Participant: "participant", Moderator: "moderator"}

func (r Role) String() string { return roles[r] }

// ParseRole reads what String writes.
func ParseRole(s string) (r Role, ok bool) {
	err := r.UnmarshalText([]byte(s))
	return r, err == nil
}
