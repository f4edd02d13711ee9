package letter

import "html/template"

// A Head is what a letter begins with. It and the other parts are what templates are given.
type Head struct {
	Lang         string // of the texts
	Title        string
	Period       string // empty if nothing was said
	Times        string // in which zone they are
	Requester    string // may be empty
	Count        string
	Participants []string
	Others       string // how many more there are than those listed; may be empty
	Cover        string // in a cover: where the letter itself is
}

// A Day is one of the calendar, or what is left of it after the clocks were changed.
type Day struct{ Date string }

// A Message is what somebody has said.
type Message struct {
	Time   string
	Name   string
	Colour template.CSS // of the name
	Heads  bool         // the name and the time are not those of the message before it
	Act    bool         // it says what the one of that name does (XEP-0245)
	Title  string       // its subject; most have none
	Reply  string       // to whom it is one, if it does not repeat what was said; may be empty
	Lines  []Line
	Files  []File
	Gone   string   // why there is nothing to be seen of what was said; empty if there is
	Notes  []string // what became of it
}

// A Line is a line of what was said.
type Line struct {
	Text  string
	Quote bool // it repeats what was said before, with a '>' as its first character
	links []link
}

// A Piece is a part of a Line; URL is empty if it leads nowhere.
type Piece struct {
	Text string
	URL  template.URL // of a scheme that is safe
}

// A File is one that was shared.
type File struct {
	Name, Size string // empty if not told
	Address    Line
}

// An Event is what happened beside the messages.
type Event struct {
	Time string
	Line Line
}
