package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything is the configuration of the documents: every key parses from the first release on.
const everything = `domains  = ["example.org", "EXAMPLE.net"]
data_dir = "/var/lib/palabre"

[database]
url = "postgres://palabre@db/palabre"

[listen]
c2s     = ["0.0.0.0:5222"]
c2s_tls = ["0.0.0.0:5223"]
https   = ["0.0.0.0:5443"]
metrics = ["127.0.0.1:5280"]

[tls]
cert = ""
key  = ""

[auth]
mechanisms        = ["SCRAM-SHA-256", "PLAIN"]
iterations        = 20000
iterations_sha512 = 5000

[sessions]
resume   = "1h30m"
location = "chat1.example.org:5222"

[contact]
abuse = ["mailto:abuse@example.org"]

[history]
enabled = true
keep    = "365d"

[rooms]
new     = "open"
service = "ROOMS"

[directory]
service = "WHO"
chat    = "granted"
roster_groups = ["Staff", "board"]

[smtp]
address       = "mail.example.org:587"
tls           = "starttls"
username      = "palabre"
password_file = "smtp-password"
from          = "chat@example.org"
ca_file       = "ca.pem"
retry         = "12h"

[limits]
off = false

[domain."example.net"]
mechanisms = ["SCRAM-SHA-512"]
tls.cert = "net.pem"
tls.key  = "net.key"
history.enabled = false
rooms.new     = "group"
rooms.service = "Chat.example.com"
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "palabre.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryKeyParses(t *testing.T) {
	t.Parallel()
	path := write(t, everything)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Domains, " "); got != "example.org example.net" {
		t.Errorf("domains %s", got)
	}
	d := c.Domain["example.net"]
	if want := filepath.Join(filepath.Dir(path), "net.pem"); d.TLS.Cert != want {
		t.Errorf("a relative path became %s, not %s", d.TLS.Cert, want)
	}
	if h := c.HistoryOf("example.net"); h.Enabled || !c.HistoryOf("example.org").Enabled || h.Keep != "365d" {
		t.Errorf("history of one domain: %+v", h)
	}
	if r := c.RoomsOf("example.org"); r.New != "open" || r.Service != "rooms.example.org" {
		t.Errorf("rooms: %+v", r)
	}
	if r := c.RoomsOf("example.net"); r.New != "group" || r.Service != "chat.example.com" {
		t.Errorf("rooms of one domain: %+v", r)
	}
	if d := c.DirectoryOf("example.org"); d.Service != "who.example.org" || d.Chat != "granted" || !slices.Equal(d.RosterGroups, []string{"staff", "board"}) {
		t.Errorf("directory: %+v", d)
	}
	if r := (&Config{}).RoomsOf("example.org"); r.Service != "conference.example.org" {
		t.Errorf("rooms of a configuration that says nothing: %+v", r)
	}
	if time.Duration(c.Sessions.Resume) != 90*time.Minute || c.Sessions.Location != "chat1.example.org:5222" {
		t.Errorf("sessions: %+v", c.Sessions)
	}
	if c.Auth.Iterations != 20000 || c.Rooms.New != "open" || c.Database.URL == "" {
		t.Errorf("values are lost: %+v", c)
	}
}

func TestExampleInTheReadmeIsRead(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readme), "```toml\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("the README has no example of a configuration")
	}
	if _, err := Load(write(t, example)); err != nil {
		t.Error(err)
	}
}

func TestBadConfigurationIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "domainz = ['a.org']\n", `palabre.toml:1: there is no key "domainz"; did you mean "domains"?`},
		{"unknown key in a section", "domains = ['a.org']\n\n[listen]\nc2s_tsl = []\n", `palabre.toml:4: there is no key "listen.c2s_tsl"; did you mean "listen.c2s_tls"?`},
		{"key of another section", "[listen]\nurl = 'x'\n", `palabre.toml:2: there is no key "listen.url"; did you mean "database.url"?`},
		{"nothing near", "[listen]\nsomething_else_entirely = 1\n", `palabre.toml:2: there is no key "listen.something_else_entirely"; the README lists the keys`},
		{"unknown section", "domains = ['a.org']\n[limts]\noff = true\n", `palabre.toml:2: there is no key "limts"; did you mean "limits"?`},
		{"unknown key of one domain", "domains = ['a.org']\n[domain.'a.org']\nnew = 'open'\n", `palabre.toml:3: there is no key "domain.a.org.new"; did you mean "domain.a.org.rooms.new"?`},
		{"wrong type", "domains = ['a.org']\n[limits]\noff = 'yes'\n", "palabre.toml:3: limits.off: it takes true or false"},
		{"no list", "domains = 'a.org'\n", `palabre.toml:1: domains: it takes a list of texts, such as ["one", "two"]`},
		{"no text", "data_dir = 5\n", "palabre.toml:1: data_dir: it takes a text in quotes"},
		{"no number, at one domain", "domains = ['a.org']\n[domain.'a.org'.history]\nkeep = 5\n", "palabre.toml:3: domain.a.org.history.keep: it takes a text in quotes"},
		{"no section", "limits = true\n", "palabre.toml:1: limits: it takes a section, such as [limits]"},
		{"no quotes", "data_dir = here\n", "palabre.toml:1: unexpected character U+0068 'h' at start of value; put it in quotes"},
		{"not TOML", "domains = [\n", "palabre.toml:"},
		{"no domain", "domains = []\n", "palabre.toml:1: domains: name at least one domain"},
		{"not a domain", "domains = ['a b']\n", `palabre.toml:1: domains: "a b" is not a domain name`},
		{"a person is no domain", "domains = ['me@a.org']\n", `"me@a.org" is not a domain name`},
		{"not an address", "[listen]\nhttps = ['5443']\n", `palabre.toml:2: listen.https: "5443" is not HOST:PORT`},
		{"port too high", "[listen]\nc2s = ['0.0.0.0:70000']\n", `palabre.toml:2: listen.c2s: `},
		{"another database", "[database]\nurl = 'mysql://x'\n", "palabre.toml:2: database.url: it must begin with postgres://"},
		{"certificate without key", "[tls]\ncert = 'x.pem'\n", "palabre.toml:2: tls.cert: name both"},
		{"too few iterations", "[auth]\niterations = 1000\n", "palabre.toml:2: auth.iterations: at least 4096"},
		{"unknown mechanism", "[auth]\nmechanisms = ['DIGEST-MD5']\n", `palabre.toml:2: auth.mechanisms: "DIGEST-MD5" is none of`},
		{"kept for some time", "[history]\nkeep = 'a year'\n", `palabre.toml:2: history.keep: "a year" is not a time such as 365d`},
		{"kept for no time, at one domain", "domains = ['a.org']\n[domain.'a.org'.history]\nkeep = '0d'\n", `domain.a.org.history.keep: "0d" is not a time`},
		{"a time that is none", "[sessions]\nresume = 'a while'\n", `palabre.toml:2: sessions.resume: "a while" is not a time such as "90s"`},
		{"a time without a unit", "[sessions]\nresume = '10'\n", `palabre.toml:2: sessions.resume: "10" is not a time`},
		{"a number for a time", "[sessions]\nresume = 10\n", `palabre.toml:2: sessions.resume: `},
		{"a negative time", "[sessions]\nresume = '-5m'\n", `palabre.toml:2: sessions.resume: "-5m" is not a time`},
		{"days", "[sessions]\nresume = '48h'\n", `palabre.toml:2: sessions.resume: it is at least 1s and at most 24h`},
		{"no time", "[sessions]\nresume = '1ms'\n", `palabre.toml:2: sessions.resume: it is at least 1s`},
		{"a place without a port", "[sessions]\nlocation = 'chat.a.org'\n", `palabre.toml:2: sessions.location: "chat.a.org" is not HOST:PORT`},
		{"unknown preset", "[rooms]\nnew = 'visit'\n", "palabre.toml:2: rooms.new: "},
		{"unknown preset of one domain", "domains = ['a.org']\n[domain.'a.org'.rooms]\nnew = 'visit'\n", `domain.a.org.rooms.new: "visit" is neither`},
		{"rooms at no domain", "[rooms]\nservice = 'a room'\n", `palabre.toml:2: rooms.service: "a room" is neither what stands before`},
		{"rooms at nothing", "[rooms]\nservice = ''\n", `palabre.toml:2: rooms.service: "" is neither`},
		{"rooms where people are", "domains = ['a.org', 'b.a.org']\n[rooms]\nservice = 'b'\n", `palabre.toml:3: rooms.service: "b.a.org" is one of 'domains'`},
		{"a directory at no domain", "[directory]\nservice = 'a@b'\n", `palabre.toml:2: directory.service: "a@b" is neither what stands before`},
		{"chat for nobody", "[directory]\nchat = 'nobody'\n", `palabre.toml:2: directory.chat: "nobody" is neither "everybody" nor "granted"`},
		{"chat of one domain for nobody", "domains = ['a.org']\n[domain.'a.org'.directory]\nchat = ''\n", `domain.a.org.directory.chat: "" is neither`},
		{"a roster group that can't be", "[directory]\nroster_groups = ['a b@c']\n", `palabre.toml:2: directory.roster_groups: "a b@c" can't be an ID`},
		{"a roster group twice", "[directory]\nroster_groups = ['staff', 'Staff']\n", `palabre.toml:2: directory.roster_groups: "staff" is there twice`},
		{"a directory where rooms are", "[directory]\nservice = 'conference'\n", `palabre.toml:2: directory.service: the directory of localhost and the rooms of localhost can't both be at "conference.localhost"`},
		{"a directory of one domain where people are", "domains = ['a.org', 'b.org']\n[domain.'a.org'.directory]\nservice = 'b.org'\n", `palabre.toml:3: domain.a.org.directory.service: "b.org" is one of 'domains'`},
		{"rooms of two domains at one", "domains = ['a.org', 'b.org']\n[rooms]\nservice = 'c.org'\n", `palabre.toml:3: rooms.service: the rooms of b.org and the rooms of a.org can't both be at "c.org"`},
		{"mail in the clear", "[smtp]\naddress = 'mail.a.org:25'\ntls = 'none'\n", "palabre.toml:3: smtp.tls: "},
		{"mail to no port", "[smtp]\naddress = 'mail.a.org'\n", "palabre.toml:2: smtp.address: "},
		{"mail from nobody", "[smtp]\naddress = 'mail.a.org:25'\n", "smtp.from: name the address"},
		{"mail from an injection", "[smtp]\naddress = 'mail.a.org:25'\nfrom = \"a@a.org> SIZE=0\"\n", "palabre.toml:3: smtp.from: "},
		{"mail from afar", "[smtp]\naddress = 'mail.a.org:25'\nfrom = 'é@a.org'\n", "palabre.toml:3: smtp.from: "},
		{"half a login", "[smtp]\naddress = 'mail.a.org:25'\nfrom = 'a@a.org'\nusername = 'a'\n", "palabre.toml:4: smtp.username: "},
		{"mail for ever", "[smtp]\naddress = 'mail.a.org:25'\nfrom = 'a@a.org'\nretry = '1000h'\n", "palabre.toml:4: smtp.retry: "},
		{"a contact that is no URI", "[contact]\nabuse = ['abuse@a.org']\n", `palabre.toml:2: contact.abuse: "abuse@a.org" is not a URI, such as "mailto:`},
		{"a contact of one domain", "domains = ['a.org']\n[domain.'a.org'.contact]\nadmin = ['mailto:me@a.org', '']\n", `palabre.toml:3: domain.a.org.contact.admin: "" is not a URI`},
		{"section of another domain", "domains = ['a.org']\n[domain.'b.org']\nmechanisms = []\n", `"b.org" is not one of the domains`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, c.text))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got   %v\nwant  %s", err, c.want)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"c2s", "c2s", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, not %d", c.a, c.b, got, c.want)
		}
	}
}
