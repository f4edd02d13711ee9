package muc

// A Config is what an owner can set of a room (XEP-0045 §10.2). It is kept as JSON.
type Config struct {
	Preset      string // what the room began as; for people, the code does not look at it
	Name        string
	Description string
	Language    string
	Password    string // empty: none is needed
	MaxUsers    int    // occupants; 0: no bound of the room's own
	Fetch       int    // how many messages of history a newcomer is sent at most; -1: as many as the service sends (muc#maxhistoryfetch)
	Contacts    []string
	Hats        []Hat `json:",omitempty"` // that owners have made, changed or given to somebody
	Policy      Policy
}

// NewConfig is what a room of a preset begins with; ok tells whether there is such a preset.
func NewConfig(preset string) (c Config, ok bool) {
	p, ok := Presets[preset]
	return Config{Preset: preset, Fetch: -1, Policy: p}, ok
}
