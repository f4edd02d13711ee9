package admin

import (
	"context"
	"time"
)

// None is no parameters, or no result.
type None struct{}

// ServerStatus is how a running server is.
type ServerStatus struct {
	Version  string         `json:"version"`
	Domains  []string       `json:"domains"`
	Since    time.Time      `json:"since"`
	Sessions int64          `json:"sessions"`
	Files    uint64         `json:"files"` // how many files and connections it may have open
	Database DatabaseStatus `json:"database"`
	Listen   []Endpoint     `json:"listen"`
}

// DatabaseStatus is how its database is.
type DatabaseStatus struct {
	Engine     string   `json:"engine"`
	Version    string   `json:"version,omitempty"`
	Durability string   `json:"durability,omitempty"` // unsafe, local, replicated
	Warnings   []string `json:"warnings,omitempty"`
	Error      string   `json:"error,omitempty"` // why it can't be used now
}

// An Endpoint is an address that the server listens on.
type Endpoint struct {
	Service string `json:"service"`
	Address string `json:"address"`
}

func (a *API) status(ctx context.Context, _ None) (ServerStatus, error) {
	if a.Status == nil {
		return ServerStatus{}, errNotRunning
	}
	return a.Status(ctx), nil
}

func (a *API) reload(context.Context, None) (None, error) {
	if a.Reload == nil {
		return None{}, errNotRunning
	}
	return None{}, a.Reload()
}
