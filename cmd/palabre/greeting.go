package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"palabre/daemon"
)

// A greeting is what a server says when it has started: where to connect and, at the very first start without a configuration, as whom.
type greeting struct {
	d        *daemon.Daemon
	out      io.Writer
	terminal bool // out is a person's
	defaults bool // there is no configuration
}

func (g greeting) say(ctx context.Context) error {
	for _, b := range g.d.Bound() {
		g.d.Log.Info("listening", "service", b.Service, "addr", b.Addr.String())
	}
	if !g.defaults {
		return g.invite(ctx)
	}
	first, err := g.d.FirstAccount(ctx)
	if err != nil {
		return err
	}
	if g.terminal {
		g.welcome(first)
		return nil
	}
	if first.Password == "" {
		return nil
	}
	file := filepath.Join(g.d.Config.DataDir, "admin-password")
	if err := os.WriteFile(file, []byte(first.Password+"\n"), 0o600); err != nil {
		return fmt.Errorf("the password of %s can't be kept: %w; set another with 'palabre user password %s'", first.JID, err, first.JID)
	}
	g.d.Log.Info("made the first account; its password is in the file", "jid", first.JID.String(), "file", file)
	return nil
}

// invite tells whoever has configured a server that nobody can log in yet.
func (g greeting) invite(ctx context.Context) error {
	domain := g.d.Config.Domains[0]
	list, err := g.d.Accounts.List(ctx, domain, "", 1)
	if err == nil && len(list) == 0 {
		g.d.Log.Info("nobody has an account yet; make one: palabre user add NAME@" + domain)
	}
	return err
}

// welcome is for the person at the terminal.
func (g greeting) welcome(first daemon.First) {
	fmt.Fprintf(g.out, "\nPalabre serves localhost, to this machine only. Connect an XMPP client:\n\n")
	fmt.Fprintf(g.out, "  server    %s\n  address   %s\n", g.server(), first.JID)
	if first.Password != "" {
		fmt.Fprintf(g.out, "  password  %s  (it is not shown again)\n", first.Password)
	} else {
		fmt.Fprintf(g.out, "  password  as before; to set another: %s user password %s\n", os.Args[0], first.JID)
	}
	fmt.Fprintf(g.out, `
The server has signed its certificate by itself, so the client will ask whether to trust it.
For somebody to talk to, run in another terminal: %s user add alice@localhost
Ctrl-C ends the server.

`, os.Args[0])
}

// server says where clients connect.
func (g greeting) server() string {
	plain, direct := g.d.Addr("c2s"), g.d.Addr("c2s_tls")
	host, port, err := net.SplitHostPort(fmt.Sprint(plain))
	if err != nil {
		return "none: [listen] c2s is empty"
	}
	text := fmt.Sprintf("%s, port %s (STARTTLS)", host, port)
	if _, port, err = net.SplitHostPort(fmt.Sprint(direct)); err == nil {
		text += fmt.Sprintf(" or %s (TLS)", port)
	}
	return text
}
