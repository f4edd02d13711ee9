package admin

import (
	"context"
	"time"
)

// None is no parameters, or no result.
type None struct{}

// ServerStatus is how a running server is.
type ServerStatus struct {
	Version  string     `json:"version"`
	Domains  []string   `json:"domains"`
	Since    time.Time  `json:"since"`
	Sessions int64      `json:"sessions"`
	Database string     `json:"database"`
	Listen   []Endpoint `json:"listen"`
}

// An Endpoint is an address that the server listens on.
type Endpoint struct {
	Service string `json:"service"`
	Address string `json:"address"`
}

func (a *API) status(context.Context, None) (ServerStatus, error) {
	if a.Status == nil {
		return ServerStatus{}, errNotRunning
	}
	return a.Status(), nil
}

func (a *API) reload(context.Context, None) (None, error) {
	if a.Reload == nil {
		return None{}, errNotRunning
	}
	return None{}, a.Reload()
}
