package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"palabre/directory"
	"palabre/presence"
	"palabre/roster"
	"palabre/server"
	"palabre/xmpp"
)

// shares has the rosters of all users hold the members of the groups that the configuration names.
type shares struct {
	config   *Config
	people   directory.Source
	contacts *roster.Module
	presence *presence.Module
	log      *slog.Logger

	turns server.Turnstile           // one reads the groups and says what they are, then the next
	mu    sync.Mutex                 // leaf
	in    map[string]map[string]bool // by domain, the IDs of those in its groups
}

// all reads the groups of all domains.
func (s *shares) all(ctx context.Context) error {
	for _, domain := range s.config.Domains {
		if err := s.read(ctx, domain); err != nil {
			return err
		}
	}
	return nil
}

// follow reads the groups of a domain anew if that may be another answer than before.
func (s *shares) follow(ctx context.Context, domain string, changed []directory.Outcome) {
	if !slices.ContainsFunc(changed, func(o directory.Outcome) bool { return s.concerns(domain, o) }) {
		return
	}
	if err := s.read(ctx, domain); err != nil {
		s.log.Error("the groups in everybody's roster are as they were before", "module", "directory", "err", err)
	}
}

func (s *shares) concerns(domain string, o directory.Outcome) bool {
	if o.Kind == directory.Group {
		return slices.Contains(s.config.DirectoryOf(domain).RosterGroups, o.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in[domain][o.ID]
}

func (s *shares) read(ctx context.Context, domain string) error {
	ids := s.config.DirectoryOf(domain).RosterGroups
	if len(ids) == 0 {
		return nil
	}
	if err := s.turns.Take(ctx); err != nil {
		return err
	}
	defer s.turns.Leave()
	var groups []roster.SharedGroup
	in := map[string]bool{}
	for _, id := range ids {
		g, err := s.group(ctx, domain, id, in)
		if errors.Is(err, directory.ErrUnknown) {
			s.log.Warn("roster_groups: the directory has no such group yet", "id", id, "module", "directory")
			continue
		}
		if err != nil {
			return fmt.Errorf("roster_groups: %w", err)
		}
		groups = append(groups, g)
	}
	s.mu.Lock()
	if s.in == nil {
		s.in = map[string]map[string]bool{}
	}
	s.in[domain] = in
	s.mu.Unlock()
	s.contacts.Share(ctx, domain, groups, s.presence)
	return nil
}

// group reads one, and notes who is in it.
func (s *shares) group(ctx context.Context, domain, id string, in map[string]bool) (g roster.SharedGroup, err error) {
	e, err := s.people.Find(ctx, domain, id)
	if err != nil {
		return g, err
	}
	members, err := s.people.Members(ctx, domain, id)
	g.Name = e.Name
	for _, m := range members {
		in[m.ID] = true
		if m.Account != (xmpp.JID{}) {
			g.Members = append(g.Members, roster.SharedContact{JID: m.Account, Name: m.Name})
		}
	}
	return g, err
}
