//go:build !linux

package store

// refuseNetwork knows no file systems here.
func refuseNetwork(string) error { return nil }

// settle can't do anything here.
func settle(string) error { return nil }
