package server

import "sync"

// An AccountSlot is a module's own place in every Account: what belongs to an account hangs on the account,
// and goes with it. It is made while the module registers.
type AccountSlot[T any] struct{ index int }

// NewAccountSlot reserves a place in every Account of the host.
func NewAccountSlot[T any](h *Host) AccountSlot[T] {
	h.accountSlots++
	return AccountSlot[T]{h.accountSlots - 1}
}

// Get is the module's value in this account; it is made, zero, at the first call. T guards itself.
func (s AccountSlot[T]) Get(a *Account) *T { return slot[T](&a.slots, s.index, a.host.accountSlots) }

// Peek is Get without making one: nil where the module has put nothing.
func (s AccountSlot[T]) Peek(a *Account) *T { return peek[T](&a.slots, s.index) }

// A SessionSlot is a module's own place in every Session.
type SessionSlot[T any] struct{ index int }

// NewSessionSlot reserves a place in every Session of the host.
func NewSessionSlot[T any](h *Host) SessionSlot[T] {
	h.sessionSlots++
	return SessionSlot[T]{h.sessionSlots - 1}
}

// Get is the module's value in this session; it is made, zero, at the first call. T guards itself.
func (s SessionSlot[T]) Get(x *Session) *T { return slot[T](&x.slots, s.index, x.host.sessionSlots) }

// Peek is Get without making one: nil where the module has put nothing.
func (s SessionSlot[T]) Peek(x *Session) *T { return peek[T](&x.slots, s.index) }

// slots is made at its first use: many sessions need few.
type slots struct {
	mu     sync.Mutex // tier 4
	values []any
}

func peek[T any](s *slots, index int) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil || s.values[index] == nil {
		return nil
	}
	return s.values[index].(*T)
}

func slot[T any](s *slots, index, size int) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make([]any, size)
	}
	if s.values[index] == nil {
		s.values[index] = new(T)
	}
	return s.values[index].(*T)
}
