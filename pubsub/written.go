package pubsub

import "palabre/xmpp"

// written is an element as XML, or "" if it would be longer than most: declarations of namespaces make it longer than it came.
func written(e xmpp.Element, most int) string {
	if left := most; !fits(e, "", &left) {
		return ""
	}
	if s := e.String(); len(s) <= most {
		return s
	}
	return ""
}

// fits counts what an element takes at least.
func fits(e xmpp.Element, space string, left *int) bool {
	if e.IsText() {
		*left -= len(e.Content())
		return *left >= 0
	}
	*left -= 2*len(e.Name.Local) + len("<></>") - len("></")
	if e.Name.Space != space {
		*left -= len(" xmlns=''") + len(e.Name.Space)
	}
	for _, a := range e.Attrs {
		*left -= len(a.Name.Space) + len(a.Name.Local) + len(a.Value) + len(" =''")
	}
	for i := 0; *left >= 0 && i < len(e.Children); i++ {
		fits(e.Children[i], e.Name.Space, left)
	}
	return *left >= 0
}
