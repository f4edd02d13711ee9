package account_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"palabre/account"
	"palabre/xmpp"
)

// memory is a Store that lasts as long as a test.
type memory struct {
	mu       sync.Mutex
	accounts map[xmpp.JID]account.Account
	status   map[xmpp.JID]string
	fail     error // what Account answers, once set
}

var _ account.Store = (*memory)(nil)

func newMemory() *memory {
	return &memory{accounts: map[xmpp.JID]account.Account{}, status: map[xmpp.JID]string{}}
}

func (m *memory) Account(_ context.Context, jid xmpp.JID) (account.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return account.Account{}, m.fail
	}
	a, ok := m.accounts[jid]
	if !ok {
		return account.Account{}, account.ErrUnknown
	}
	a.Keys = slices.Clone(a.Keys)
	return a, nil
}

func (m *memory) Exists(_ context.Context, jid xmpp.JID) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.accounts[jid]
	return ok, nil
}

func (m *memory) Missing(_ context.Context, jids []xmpp.JID) (out []xmpp.JID, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range jids {
		if _, ok := m.accounts[j]; !ok {
			out = append(out, j)
		}
	}
	return out, nil
}

func (m *memory) Accounts(_ context.Context, domain, after string, limit int) (out []account.Account, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for j, a := range m.accounts {
		if j.Domain() == domain && j.Local() > after {
			a.Keys = nil
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b account.Account) int { return strings.Compare(a.JID.Local(), b.JID.Local()) })
	return out[:min(limit, len(out))], nil
}

func (m *memory) Create(_ context.Context, a account.Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.accounts[a.JID]; ok {
		return account.ErrExists
	}
	m.accounts[a.JID] = a
	return nil
}

func (m *memory) CreateMany(ctx context.Context, as []account.Account) (created int, _ error) {
	for _, a := range as {
		if m.Create(ctx, a) == nil {
			created++
		}
	}
	return created, nil
}

func (m *memory) change(jid xmpp.JID, fn func(*account.Account)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.accounts[jid]
	if !ok {
		return account.ErrUnknown
	}
	fn(&a)
	m.accounts[jid] = a
	return nil
}

func (m *memory) SetKeys(_ context.Context, jid xmpp.JID, keys []account.Key) error {
	return m.change(jid, func(a *account.Account) { a.Keys = keys })
}

func (m *memory) SetDisabled(_ context.Context, jid xmpp.JID, disabled bool) error {
	return m.change(jid, func(a *account.Account) { a.Disabled = disabled })
}

func (m *memory) Delete(_ context.Context, jid xmpp.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.accounts[jid]; !ok {
		return account.ErrUnknown
	}
	delete(m.accounts, jid)
	return nil
}

func (m *memory) SetLastSeen(_ context.Context, jid xmpp.JID, at time.Time, status string) error {
	m.change(jid, func(a *account.Account) { a.LastSeen, m.status[jid] = at, status })
	return nil
}

func (m *memory) LastSeen(ctx context.Context, jid xmpp.JID) (time.Time, string, error) {
	a, err := m.Account(ctx, jid)
	return a.LastSeen, m.status[jid], err
}

func (m *memory) Secret(_ context.Context, name string) ([]byte, error) {
	s := sha256.Sum256([]byte("a test's secret " + name))
	return s[:], nil
}
