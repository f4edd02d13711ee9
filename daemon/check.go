package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"palabre/directory"
	"palabre/mail"
	"palabre/xmpp"
)

// A keyError is what is wrong with a key's value.
type keyError struct {
	key, text string
}

func (e *keyError) Error() string { return e.key + ": " + e.text }

func wrong(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

// lineOf finds the line on which the key of an error is set, as ":12".
func lineOf(raw []byte, err error) string {
	var e *keyError
	if !errors.As(err, &e) {
		return ""
	}
	section, key := "", e.key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		section, key = key[:i], key[i+1:]
	}
	at := ""
	for i, line := range bytes.Split(raw, []byte("\n")) {
		l := strings.TrimSpace(string(line))
		if strings.HasPrefix(l, "[") {
			at = strings.NewReplacer(`"`, "", "'", "").Replace(strings.Trim(l, "[] "))
		}
		name, _, _ := strings.Cut(l, "=")
		if at == section && strings.TrimSpace(name) == key {
			return ":" + strconv.Itoa(i+1)
		}
	}
	return ""
}

// check says what is wrong with values that have the right type.
func (c *Config) check() error {
	if len(c.Domains) == 0 {
		return wrong("domains", "name at least one domain, such as [\"example.org\"]")
	}
	for i, d := range c.Domains {
		j, err := xmpp.ParseJID(d)
		if err != nil || j.Local() != "" || j.Resource() != "" {
			return wrong("domains", "%q is not a domain name", d)
		}
		c.Domains[i] = j.Domain()
	}
	if c.DataDir == "" {
		return wrong("data_dir", "name the folder that the server keeps its data in")
	}
	for name := range c.Domain {
		if !slices.Contains(c.Domains, name) {
			return wrong("domain."+name, "%q is not one of the domains: add it to 'domains', or remove this section", name)
		}
	}
	for _, check := range []func() error{c.checkDatabase, c.checkListen, c.checkTLS, c.checkWeb, c.checkAuth, c.checkHistory, c.checkSessions, c.checkRooms, c.checkDirectory, c.checkServices, c.checkContacts, c.checkChoices} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkDatabase() error {
	if c.Database.URL == "" {
		return nil
	}
	u, err := url.Parse(c.Database.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return wrong("database.url", "it must begin with postgres:// (leave it empty for the embedded database)")
	}
	return nil
}

func (c *Config) checkListen() error {
	lists := []struct {
		key   string
		addrs []string
	}{{"c2s", c.Listen.C2S}, {"c2s_tls", c.Listen.C2STLS}, {"https", c.Listen.HTTPS}, {"metrics", c.Listen.Metrics}}
	for _, l := range lists {
		for _, a := range l.addrs {
			_, port, err := net.SplitHostPort(a)
			n, bad := strconv.Atoi(port)
			if err != nil || bad != nil || n < 0 || n > 65535 {
				return wrong("listen."+l.key, "%q is not HOST:PORT, such as \"0.0.0.0:5222\"", a)
			}
		}
	}
	return nil
}

func (c *Config) checkTLS() error {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return wrong("tls.cert", "name both 'cert' and 'key', or neither")
	}
	for name, d := range c.Domain {
		if (d.TLS.Cert == "") != (d.TLS.Key == "") {
			return wrong("domain."+name+".tls.cert", "name both 'cert' and 'key', or neither")
		}
	}
	return nil
}

// checkWeb brings origins into the form in which browsers send them.
func (c *Config) checkWeb() error {
	for i, o := range c.Web.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return wrong("web.origins", "%q is not an origin, such as \"https://chat.example.org\"", o)
		}
		c.Web.Origins[i] = strings.ToLower(u.Scheme + "://" + u.Host)
	}
	return nil
}

// checkContacts refuses addresses that clients can't open (XEP-0157 §3).
func (c *Config) checkContacts() error {
	if err := c.Contact.check("contact"); err != nil {
		return err
	}
	for name, d := range c.Domain {
		if d.Contact == nil {
			continue
		}
		if err := d.Contact.check("domain." + name + ".contact"); err != nil {
			return err
		}
	}
	return nil
}

func (c *Contact) check(section string) error {
	for _, l := range []struct {
		key  string
		uris []string
	}{
		{"abuse", c.Abuse}, {"admin", c.Admin}, {"feedback", c.Feedback}, {"sales", c.Sales},
		{"security", c.Security}, {"status", c.Status}, {"support", c.Support},
	} {
		for _, uri := range l.uris {
			if u, err := url.Parse(uri); err != nil || u.Scheme == "" {
				return wrong(section+"."+l.key, "%q is not a URI, such as \"mailto:me@example.org\" or \"https://example.org/help\"", uri)
			}
		}
	}
	return nil
}

const leastIterations = 4096 // RFC 7677 §4

func (c *Config) checkAuth() error {
	if c.Auth.Iterations < leastIterations {
		return wrong("auth.iterations", "at least %d are needed", leastIterations)
	}
	if c.Auth.IterationsSHA512 < leastIterations {
		return wrong("auth.iterations_sha512", "at least %d are needed", leastIterations)
	}
	if err := mechanisms("auth.mechanisms", c.Auth.Mechanisms); err != nil {
		return err
	}
	for name, d := range c.Domain {
		if err := mechanisms("domain."+name+".mechanisms", d.Mechanisms); err != nil {
			return err
		}
	}
	return nil
}

// known are the SASL mechanisms that can be allowed; each SCRAM one brings its -PLUS form with it.
var known = []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}

func mechanisms(key string, list []string) error {
	for _, m := range list {
		if !slices.Contains(known, m) {
			return wrong(key, "%q is none of %s", m, strings.Join(known, ", "))
		}
	}
	return nil
}

// longestWait bounds how long sessions wait: each holds memory.
const longestWait = 24 * time.Hour

func (c *Config) checkSessions() error {
	if t := time.Duration(c.Sessions.Resume); t > longestWait || t > 0 && t < time.Second {
		return wrong("sessions.resume", "it is at least 1s and at most 24h, or 0 if no session is to wait for its client")
	}
	if l := c.Sessions.Location; l != "" {
		if _, port, err := net.SplitHostPort(l); err != nil || port == "" {
			return wrong("sessions.location", "%q is not HOST:PORT, such as \"chat1.example.org:5222\"", l)
		}
	}
	return nil
}

// checkRooms also brings the names of room services into their normal form.
func (c *Config) checkRooms() error {
	if err := checkRooms("rooms", &c.Rooms.New, &c.Rooms.Service); err != nil {
		return err
	}
	for name, d := range c.Domain {
		if err := checkRooms("domain."+name+".rooms", d.Rooms.New, d.Rooms.Service); err != nil {
			return err
		}
	}
	return nil
}

func checkRooms(section string, preset, service *string) error {
	if preset != nil && !slices.Contains([]string{"group", "open"}, *preset) {
		return wrong(section+".new", "%q is neither \"group\" nor \"open\"", *preset)
	}
	return checkService(section, service, "conference")
}

// checkDirectory also brings the names of services into their normal form.
func (c *Config) checkDirectory() error {
	if err := checkDirectory("directory", &c.Directory.Chat, &c.Directory.Service); err != nil {
		return err
	}
	if err := checkGroups("directory", c.Directory.RosterGroups); err != nil {
		return err
	}
	for name, d := range c.Domain {
		if err := checkDirectory("domain."+name+".directory", d.Directory.Chat, d.Directory.Service); err != nil {
			return err
		}
		if own := d.Directory.RosterGroups; own != nil {
			if err := checkGroups("domain."+name+".directory", *own); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkGroups brings the IDs of groups into their normal form.
func checkGroups(section string, ids []string) error {
	for i, id := range ids {
		clean, err := directory.CleanID("example.org", id)
		if err != nil {
			return wrong(section+".roster_groups", "%v", err)
		}
		if slices.Contains(ids[:i], clean) {
			return wrong(section+".roster_groups", "%q is there twice", clean)
		}
		ids[i] = clean
	}
	return nil
}

func checkDirectory(section string, chat, service *string) error {
	if chat != nil && *chat != chatEverybody && *chat != chatGranted {
		return wrong(section+".chat", "%q is neither %q nor %q", *chat, chatEverybody, chatGranted)
	}
	return checkService(section, service, "directory")
}

func checkService(section string, service *string, usual string) error {
	if service == nil {
		return nil
	}
	j, err := xmpp.ParseJID(*service)
	if err != nil || j.Local() != "" || j.Resource() != "" {
		return wrong(section+".service", "%q is neither what stands before the domain, such as %q, nor a domain name", *service, usual)
	}
	*service = j.Domain()
	return nil
}

// checkServices refuses names that two services have, or that are domains of people.
func (c *Config) checkServices() error {
	taken := map[string]string{}
	for _, d := range c.Domains {
		own := c.Domain[d]
		for _, s := range []struct {
			section, what, usual, name string
			own                        *string
		}{
			{"rooms", "the rooms", "conference", c.RoomsOf(d).Service, own.Rooms.Service},
			{"directory", "the directory", "directory", c.DirectoryOf(d).Service, own.Directory.Service},
		} {
			key := s.section + ".service"
			if s.own != nil {
				key = "domain." + d + "." + key
			}
			if slices.Contains(c.Domains, s.name) {
				return wrong(key, "%q is one of 'domains', whose addresses are people's: choose another name for %s, such as %q", s.name, s.what, s.usual)
			}
			if other := taken[s.name]; other != "" {
				return wrong(key, "%s of %s and %s can't both be at %q: name what stands before the domain, such as %q, or set it for each domain", s.what, d, other, s.name, s.usual)
			}
			taken[s.name] = s.what + " of " + d
		}
	}
	return nil
}

func (c *Config) checkChoices() error {
	if !slices.Contains([]string{"starttls", "tls", "none"}, c.SMTP.TLS) {
		return wrong("smtp.tls", "%q is none of \"starttls\", \"tls\", \"none\"", c.SMTP.TLS)
	}
	if !slices.Contains([]string{"anyone", "directory"}, c.SMTP.To) {
		return wrong("smtp.to", "%q is neither \"anyone\" nor \"directory\"", c.SMTP.To)
	}
	if c.SMTP.Address != "" {
		return c.checkMail()
	}
	return nil
}

// checkMail looks at [smtp] where it names a relay.
func (c *Config) checkMail() error {
	s := &c.SMTP
	host, port, err := net.SplitHostPort(s.Address)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 || host == "" {
		return wrong("smtp.address", "%q is not HOST:PORT, such as \"mail.example.org:587\"", s.Address)
	}
	if s.TLS == "none" && !loopback(s.Address) {
		return wrong("smtp.tls", "\"none\" is for a relay on this machine only; use \"starttls\"")
	}
	switch from, err := mail.ParseAddress(s.From); {
	case s.From == "":
		return wrong("smtp.from", "name the address that mail comes from, such as \"chat@%s\"", c.Domains[0])
	case err != nil:
		return wrong("smtp.from", "%v", err)
	case from.International():
		return wrong("smtp.from", "what is before the @ must be ASCII, which every mail server understands")
	}
	if (s.Username == "") != (s.PasswordFile == "") {
		return wrong("smtp.username", "name both 'username' and 'password_file', or neither")
	}
	if t := time.Duration(s.Retry); t < time.Minute || t > longestRetry {
		return wrong("smtp.retry", "it is at least 1m and at most 168h")
	}
	return nil
}

// longestRetry is a week: who asked for a mail is to hear of its end while they remember it.
const longestRetry = 7 * 24 * time.Hour

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// suggestion names the valid key or section that is nearest to a wrong one, if one is near.
func suggestion(key []string) string {
	best, least := "", 4
	keys := keysOf(reflect.TypeFor[Config](), nil)
	if len(key) > 2 && key[0] == "domain" {
		keys = keysOf(reflect.TypeFor[DomainConfig](), key[:2])
	}
	for _, valid := range keys {
		section, _, _ := cutLast(valid)
		if d := distance(strings.Join(key, "."), section); len(key) == 1 && section != "" && d < min(least, 3) {
			best, least = section, d
		}
	}
	for _, valid := range keys {
		if d := distance(strings.Join(key, "."), valid); d < least {
			best, least = valid, d
		}
		// the same name in another section is likely meant, too
		if _, last, _ := cutLast(valid); last == key[len(key)-1] && least > 2 {
			best, least = valid, 2
		}
	}
	if best == "" {
		return "; the README lists the keys"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// keysOf lists the keys of a struct of the configuration.
func keysOf(t reflect.Type, prefix []string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("toml")
		if tag == "" {
			continue
		}
		name := append(slices.Clone(prefix), tag)
		in := f.Type
		if in.Kind() == reflect.Pointer {
			in = in.Elem()
		}
		if in.Kind() == reflect.Struct {
			out = append(out, keysOf(in, name)...)
			continue
		}
		out = append(out, strings.Join(name, "."))
	}
	return out
}

// wantedFor says what kind of value a key takes; "" if there is no such key.
func wantedFor(key []string) string {
	t := reflect.TypeFor[Config]()
	for _, name := range key {
		if t = within(t, name); t == nil {
			return ""
		}
	}
	if t == reflect.TypeFor[Duration]() {
		return "a time in quotes, such as \"10m\""
	}
	switch t.Kind() {
	case reflect.String:
		return "a text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list of texts, such as [\"one\", \"two\"]"
	}
	return "a section, such as [limits]"
}

// within is the type of what a name stands for in a section, without pointers; nil if there is nothing of that name.
func within(t reflect.Type, name string) reflect.Type {
	var in reflect.Type
	switch t.Kind() {
	case reflect.Map:
		in = t.Elem()
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("toml") == name {
				in = f.Type
			}
		}
	}
	if in != nil && in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	return in
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
