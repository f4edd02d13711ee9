package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"palabre/bench"
)

// benchOptions are the flags of "palabre bench" that are not fields of bench.Config.
type benchOptions struct {
	address string
	direct  bool
	ca      string
	sources string

	users    string
	count    int
	password string
	domain   string

	config bench.Config
}

// benchCommand is the load tool. It measures any XMPP server, so it reads no configuration file of ours.
func benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench SCENARIO",
		Short: "Put load on an XMPP server and measure it",
		Long: `Put load on an XMPP server and measure what it costs, as pgbench does for databases.

The server can be any. Its users must exist already; see --users. Scenarios:
` + scenarioList() + `
A run warms up, measures, checks that all that was sent arrived exactly once and in order, and prints one line of JSON.
The exit status is 1 if anything was lost, came twice or out of order, or did not work. Load is a closed loop, in which
each sender waits for what it has under way (--window), or comes at a fixed rate (--rate). With the process ids of the
server (and its database), their processor time and memory are measured with all their descendants, on this machine.`,
		Example: `  palabre bench chat --address 127.0.0.1:5222 --users users.csv --server-pid 4711
  palabre bench connect --users load --count 2000 --password secret --domain example.org --source 127.0.0.0/8
  palabre bench chat --users users.csv --rate 500 --duration 60s
  palabre bench chat --users users.csv --count 2 --senders 1 --window 1 --stream-management
  palabre bench muc --users load --count 200 --password secret --domain example.org --occupants 50 --rooms 4
  palabre bench archive --users users.csv --count 4 --fill 10000 --server-pid 4711 --database-pid 4242`,
		Args:         takes(1),
		ValidArgs:    scenarioNames(),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.config.Scenario = args[0]
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.run(cmd)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *benchOptions) flags(cmd *cobra.Command) {
	c, d, f := &o.config, bench.Defaults, cmd.Flags()
	f.StringVar(&o.address, "address", "127.0.0.1:5222", "host and port of the server")
	f.BoolVar(&o.direct, "direct-tls", false, "TLS from the first byte instead of STARTTLS")
	f.StringVar(&o.ca, "ca", "", "file with the certificates to check the server's against (without it, it is not checked)")
	f.StringVar(&o.sources, "source", "", "addresses to connect from, in turn, such as 127.0.0.0/8: each has some 28,000 ports")
	f.StringVar(&o.users, "users", "", "file with lines of address,password; or the prefix of the names of --count users")
	f.IntVar(&o.count, "count", 0, "log in as PREFIX0, PREFIX1 and so on; with a file, use only the first so many")
	f.StringVar(&o.password, "password", "", "password of all users, with a prefix")
	f.StringVar(&o.domain, "domain", "localhost", "domain of the users, with a prefix")
	f.IntVar(&c.Window, "window", 0, "closed loop: how many a sender has under way (0: 4 in chat and follow, 2 in muc, 1 in presence); in enter, how many enter at once (0: 1)")
	f.IntVar(&c.Senders, "senders", 0, "how many of the users write; with --count 2 and --window 1, one does, a message at a time (chat; 0: all); in muc, of each room (0: 5)")
	f.IntVar(&c.Rooms, "rooms", d.Rooms, "how many rooms, each with other occupants (muc)")
	f.IntVar(&c.Occupants, "occupants", 0, "how many are in each room (muc; 0: 50), or in the room before measuring begins (enter; 0: 1000)")
	f.StringVar(&c.Service, "service", "", "domain of the rooms (muc, enter; without it, conference. and the domain of the users)")
	f.BoolVar(&c.StreamManagement, "stream-management", false, "turn on stream management in each session, ask for acknowledgements and check them")
	f.Float64Var(&c.Rate, "rate", 0, "open loop: how many are sent a second, by all together (0: closed loop)")
	f.Uint64Var(&c.Units, "messages", 0, "stop after so many, if --duration is not over before (0: do not)")
	f.DurationVar(&c.Duration, "duration", d.Duration, "how long to measure (chat, muc, enter, presence, archive, follow)")
	f.DurationVar(&c.Warmup, "warmup", d.Warmup, "load before that, which does not count")
	f.DurationVar(&c.Timeout, "timeout", d.Timeout, "give up if the whole run takes longer")
	f.IntVar(&c.Body, "body", d.Body, "characters in a message")
	f.IntVar(&c.Contacts, "contacts", d.Contacts, "contacts of each user (presence)")
	f.IntVar(&c.Rounds, "rounds", d.Rounds, "how often all log in and out (churn)")
	f.IntVar(&c.Parallel, "parallel", d.Parallel, "how many log in at once (all but churn)")
	f.IntVar(&c.Connections, "connections", d.Connections, "how many connections never log in (hold)")
	f.IntVar(&c.Fill, "fill", d.Fill, "how many messages each archive holds; what is missing is sent first (archive)")
	f.IntVar(&c.Unacked, "unacked", d.Unacked, "how many messages each session leaves unacknowledged (unacked)")
	f.StringVar(&c.Metrics, "metrics", "", "URL of a Palabre's metrics, which must come back to where they were (churn, hold)")
	f.DurationVar(&c.Hold, "hold", d.Hold, "how long sessions stay idle before memory is read (connect, unacked)")
	f.IntSliceVar(&c.Server, "server-pid", nil, "process id of the server; may be given several times")
	for _, name := range []string{"users", "ca"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // there is no such flag
		}
	}
	f.IntSliceVar(&c.Database, "database-pid", nil, "process id of its database; may be given several times")
}

func scenarioNames() []string {
	var names []string
	for _, s := range bench.Scenarios() {
		names = append(names, s.Name())
	}
	return names
}

func scenarioList() string {
	var b strings.Builder
	for _, s := range bench.Scenarios() {
		fmt.Fprintf(&b, "  %-10s %s\n", s.Name(), s.About())
	}
	return b.String()
}

// check refuses what makes no sense before anything is done, and names the flag.
func (o *benchOptions) check(cmd *cobra.Command) error {
	if !slices.Contains(scenarioNames(), o.config.Scenario) {
		return fmt.Errorf("there is no scenario %q; there are %s", o.config.Scenario, strings.Join(scenarioNames(), ", "))
	}
	c := &o.config
	for _, f := range []struct {
		name        string
		value       float64
		least, most float64
	}{
		{"count", float64(o.count), 1, maxUsers}, {"window", float64(c.Window), 0, 1e6}, {"rate", c.Rate, 0, 1e6},
		{"body", float64(c.Body), 1, bench.MaxBody}, {"contacts", float64(c.Contacts), 1, maxUsers}, {"rounds", float64(c.Rounds), 1, 1e6},
		{"parallel", float64(c.Parallel), 1, maxUsers}, {"connections", float64(c.Connections), 1, maxUsers},
		{"senders", float64(c.Senders), 0, maxUsers}, {"rooms", float64(c.Rooms), 1, maxUsers}, {"occupants", float64(c.Occupants), 0, maxUsers}, {"fill", float64(c.Fill), 1, 1e9}, {"unacked", float64(c.Unacked), 1, 1e6},
		{"duration", c.Duration.Seconds(), 0.001, 1e6}, {"warmup", c.Warmup.Seconds(), 0.001, 1e6},
		{"timeout", c.Timeout.Seconds(), 0.001, 1e6}, {"hold", c.Hold.Seconds(), 0.001, 1e6},
	} {
		if cmd.Flags().Changed(f.name) && !(f.least <= f.value && f.value <= f.most) { // NaN is nowhere
			return fmt.Errorf("--%s can't be %s; choose from %s", f.name, cmd.Flag(f.name).Value, span(cmd.Flag(f.name).Value.Type(), f.least, f.most))
		}
	}
	if _, _, err := net.SplitHostPort(o.address); err != nil {
		return fmt.Errorf("--address: %q is not HOST:PORT, such as 127.0.0.1:5222", o.address)
	}
	if _, err := bench.Defaults.Proc.Tree(slices.Concat(c.Server, c.Database)...); err != nil {
		return fmt.Errorf("--server-pid or --database-pid: %w", err)
	}
	return nil
}

// maxUsers is more than one machine can log in.
const maxUsers = 1_000_000

// span says in a flag's own unit from where to where it goes.
func span(kind string, least, most float64) string {
	if kind == "duration" {
		return fmt.Sprintf("%v to %v", time.Duration(least*1e9), time.Duration(most*1e9).Round(time.Hour))
	}
	return fmt.Sprintf("%.0f to %.0f", least, most)
}

func (o *benchOptions) run(cmd *cobra.Command) error {
	var err error
	if o.config.Users, err = o.readUsers(); err != nil {
		return err
	}
	if o.config.Dialer, err = o.dialer(); err != nil {
		return err
	}
	o.config.Progress = func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }
	report, err := bench.Do(cmd.Context(), o.config)
	if report.Scenario == "" {
		return err // it did not begin
	}
	if report.Units > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), &report)
	}
	return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(report))
}

// readUsers takes --users as a file if there is one of that name, else as a prefix.
func (o *benchOptions) readUsers() ([]bench.User, error) {
	if o.users == "" {
		return nil, errors.New("who is to log in? Give a file with --users FILE, or --users PREFIX --count N --password PASSWORD")
	}
	file, err := os.Open(o.users)
	if errors.Is(err, os.ErrNotExist) && o.count > 0 {
		if o.password == "" {
			return nil, fmt.Errorf("there is no file %s; if that is the prefix of names, give their --password", o.users)
		}
		return bench.NumberedUsers(o.users, o.domain, o.password, o.count)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; for users with numbers give --count and --password", err)
	}
	defer file.Close()
	users, err := bench.ReadUsers(file)
	if o.count > 0 && o.count < len(users) {
		users = users[:o.count]
	}
	return users, err
}

func (o *benchOptions) dialer() (*bench.Dialer, error) {
	sources, err := bench.ParseSources(o.sources)
	if err != nil {
		return nil, err
	}
	d := &bench.Dialer{Address: o.address, Direct: o.direct, Sources: sources}
	if o.ca == "" {
		return d, nil
	}
	text, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	d.Roots = x509.NewCertPool()
	if !d.Roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", o.ca)
	}
	return d, nil
}
