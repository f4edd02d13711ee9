package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"palabre/mail"
	"palabre/server"
)

// A Config is what palabre.toml says. Every key has a default; an unknown one is an error.
type Config struct {
	Domains []string `toml:"domains"`  // the first is the default
	DataDir string   `toml:"data_dir"` // made if need be

	Database  Database                `toml:"database"`
	Listen    Listen                  `toml:"listen"`
	TLS       TLS                     `toml:"tls"`
	Web       Web                     `toml:"web"`
	Auth      Auth                    `toml:"auth"`
	Contact   Contact                 `toml:"contact"`
	Sessions  Sessions                `toml:"sessions"`
	History   History                 `toml:"history"`
	Rooms     Rooms                   `toml:"rooms"`
	Directory Directory               `toml:"directory"`
	SMTP      SMTP                    `toml:"smtp"`
	Limits    Limits                  `toml:"limits"`
	Domain    map[string]DomainConfig `toml:"domain"` // what differs for one domain

	Tuning Tuning `toml:"-"`

	path string // the file that it came from; empty for the defaults
}

// Database says where data is kept: in SQLite in the data directory unless there is a URL of PostgreSQL.
type Database struct {
	URL string `toml:"url"`
}

// Listen holds addresses, each HOST:PORT. An empty list turns the listener off.
type Listen struct {
	C2S     []string `toml:"c2s"`     // STARTTLS required
	C2STLS  []string `toml:"c2s_tls"` // TLS from the first byte (XEP-0368)
	HTTPS   []string `toml:"https"`
	Metrics []string `toml:"metrics"`
}

// TLS names the certificate's files, in PEM. Empty: the server signs one by itself.
type TLS struct {
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
}

// Web says what browsers may do.
type Web struct {
	// Origins are the pages that may connect by WebSocket, beside those of the domains and of the address that is connected to.
	Origins []string `toml:"origins"`
}

// Auth says how people prove who they are.
type Auth struct {
	Mechanisms       []string `toml:"mechanisms"`        // those allowed; empty: all
	Iterations       int      `toml:"iterations"`        // of SCRAM-SHA-1 and SCRAM-SHA-256; at least 4096
	IterationsSHA512 int      `toml:"iterations_sha512"` // at least 4096
}

// Contact holds the addresses of those who run the server (XEP-0157), as URIs.
type Contact struct {
	Abuse    []string `toml:"abuse"`
	Admin    []string `toml:"admin"`
	Feedback []string `toml:"feedback"`
	Sales    []string `toml:"sales"`
	Security []string `toml:"security"`
	Status   []string `toml:"status"`
	Support  []string `toml:"support"`
}

// Sessions says how long they wait for clients that have lost their connection (XEP-0198).
type Sessions struct {
	Resume   Duration `toml:"resume"`   // 0: not at all
	Location string   `toml:"location"` // where clients are to reconnect, HOST:PORT; empty: as they came
}

// A Duration is written as Go writes it: "90s", "10m", "1h30m".
type Duration time.Duration

// UnmarshalText is part of encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time such as \"90s\", \"10m\" or \"1h\"", text)
	}
	*d = Duration(v)
	return nil
}

// History is the archive, per account and per room.
type History struct {
	Enabled bool   `toml:"enabled"`
	Keep    string `toml:"keep"` // for how long, such as 365d or 36h; empty: for ever
}

// DomainHistory is what differs of a domain's archives.
type DomainHistory struct {
	Enabled *bool   `toml:"enabled"`
	Keep    *string `toml:"keep"`
}

// Rooms says what rooms are like, and where they are.
type Rooms struct {
	New     string `toml:"new"`     // preset of a room that an ordinary client makes: group, open
	Service string `toml:"service"` // where the rooms of a domain are: what stands before the domain, or a whole domain name
}

// DomainRooms is what differs of a domain's rooms.
type DomainRooms struct {
	New     *string `toml:"new"`
	Service *string `toml:"service"`
}

// Directory says where who is who can be looked up.
type Directory struct {
	Service string `toml:"service"` // where clients search it: what stands before the domain, or a whole domain name
	Chat    string `toml:"chat"`    // who may log in: everybody, or whom it is granted to
	// RosterGroups are the IDs of groups whose members all users have in their rosters.
	RosterGroups []string `toml:"roster_groups"`
}

// Who may log in, as the configuration names them.
const (
	chatEverybody = "everybody"
	chatGranted   = "granted" // by the directory: to them, or to a group of theirs
)

// DomainDirectory is what differs of a domain's directory.
type DomainDirectory struct {
	Service      *string   `toml:"service"`
	Chat         *string   `toml:"chat"`
	RosterGroups *[]string `toml:"roster_groups"`
}

// SMTP is the relay that takes our mail.
type SMTP struct {
	Address      string   `toml:"address"` // HOST:PORT; empty: there is no mail
	TLS          string   `toml:"tls"`     // starttls, tls, none (loopback only)
	CAFile       string   `toml:"ca_file"` // who may vouch for the relay, in PEM; empty: those that the system trusts
	Username     string   `toml:"username"`
	PasswordFile string   `toml:"password_file"` // its first line
	From         string   `toml:"from"`
	Retry        Duration `toml:"retry"` // for how long a mail is tried
	To           string   `toml:"to"`    // who gets what users send: anyone, or only those in the directory
}

// Limits can be turned off for measurements; sizes stay.
type Limits struct {
	Off bool `toml:"off"`
}

// Tuning is what no file sets, and tests do. What is zero is as the package that takes it has it.
type Tuning struct {
	Login, Write, Linger time.Duration    // the deadlines of clients' streams
	MaxWaitingEach       int              // streams of one address that have not logged in, and connections of HTTP
	Ping                 time.Duration    // how long a WebSocket may be silent, and how long an answer may take
	Now                  func() time.Time // the clock of accounts, by which guesses are counted
	RoomIdle             time.Duration    // after which a room that nobody needs is let go
	Mail                 mail.Times       // of the conversation with the relay

	// Committer is put before the store, for what stanzas write.
	Committer func(server.Committer) server.Committer
}

// A DomainConfig is what differs for one domain. What it leaves out is as for all.
type DomainConfig struct {
	Mechanisms []string        `toml:"mechanisms"`
	TLS        TLS             `toml:"tls"`
	Contact    *Contact        `toml:"contact"`
	History    DomainHistory   `toml:"history"`
	Rooms      DomainRooms     `toml:"rooms"`
	Directory  DomainDirectory `toml:"directory"`
}

// HistoryOf is what holds for the archives of one domain.
func (c *Config) HistoryOf(domain string) History {
	h, own := c.History, c.Domain[domain].History
	if own.Enabled != nil {
		h.Enabled = *own.Enabled
	}
	if own.Keep != nil {
		h.Keep = *own.Keep
	}
	return h
}

// RoomsOf is what holds for the rooms of one domain; Service is the whole name of theirs.
func (c *Config) RoomsOf(domain string) Rooms {
	r, own := c.Rooms, c.Domain[domain].Rooms
	if own.New != nil {
		r.New = *own.New
	}
	if own.Service != nil {
		r.Service = *own.Service
	}
	r.Service = serviceOf(r.Service, "conference", domain)
	return r
}

// DirectoryOf is what holds for the directory of one domain; Service is the whole name of where it is searched.
func (c *Config) DirectoryOf(domain string) Directory {
	d, own := c.Directory, c.Domain[domain].Directory
	if own.Service != nil {
		d.Service = *own.Service
	}
	if own.Chat != nil {
		d.Chat = *own.Chat
	}
	if own.RosterGroups != nil {
		d.RosterGroups = *own.RosterGroups
	}
	d.Service = serviceOf(d.Service, "directory", domain)
	return d
}

// serviceOf is the whole name of a service of a domain.
func serviceOf(name, usual, domain string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return cmp.Or(name, usual) + "." + domain
}

// Default is the configuration without a file: localhost, on loopback, in ./palabre-data.
func Default() Config {
	return Config{
		Domains: []string{"localhost"},
		DataDir: "palabre-data",
		Listen: Listen{
			C2S:     []string{"127.0.0.1:5222", "[::1]:5222"},
			C2STLS:  []string{"127.0.0.1:5223", "[::1]:5223"},
			HTTPS:   []string{"127.0.0.1:5443", "[::1]:5443"},
			Metrics: []string{"127.0.0.1:5280"},
		},
		Auth:      Auth{Iterations: 10000, IterationsSHA512: 4096},
		Sessions:  Sessions{Resume: Duration(10 * time.Minute)},
		History:   History{Enabled: true},
		Rooms:     Rooms{New: "group", Service: "conference"},
		Directory: Directory{Service: "directory", Chat: chatEverybody},
		SMTP:      SMTP{TLS: "starttls", To: "anyone", Retry: Duration(24 * time.Hour)},
	}
}

// Load reads a file over the defaults. Its errors name the file, the line and the key, and what to do. Relative paths in it are relative to its folder.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("the configuration can't be read: %w", err)
	}
	c := Default()
	c.path = path
	d := toml.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, explain(path, err)
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("%s%s: %w", path, lineOf(raw, err), err)
	}
	c.resolve(filepath.Dir(path))
	return c, nil
}

// resolve makes relative paths relative to the file's folder.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.DataDir, &c.TLS.Cert, &c.TLS.Key, &c.SMTP.PasswordFile, &c.SMTP.CAFile}
	for name, d := range c.Domain {
		for _, p := range []*string{&d.TLS.Cert, &d.TLS.Key} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
		c.Domain[name] = d
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// explain turns the decoder's errors into one sentence each.
func explain(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var out []error
		for _, e := range unknown.Errors {
			row, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			out = append(out, fmt.Errorf("%s:%d: there is no key %q%s", path, row, key, suggestion(e.Key())))
		}
		return errors.Join(out...)
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, _ := wrong.Position()
		text := strings.TrimPrefix(wrong.Error(), "toml: ")
		if want := wantedFor(wrong.Key()); want != "" && strings.HasPrefix(text, "cannot ") { // the decoder speaks of the types of Go
			text = "it takes " + want
		}
		if key := strings.Join(wrong.Key(), "."); key != "" {
			return fmt.Errorf("%s:%d: %s: %s", path, row, key, text)
		}
		if strings.HasSuffix(text, "at start of value") {
			text += "; put it in quotes: \"…\""
		}
		return fmt.Errorf("%s:%d: %s", path, row, text)
	}
	return fmt.Errorf("%s: %w", path, err)
}
