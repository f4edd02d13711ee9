//go:build !linux

package chaos

import "testing"

// A Disk is a small one of the test's own.
type Disk struct{ Dir string }

// NewDisk skips the test.
func NewDisk(t testing.TB, size int) *Disk {
	t.Helper()
	t.Skipf("by choice: a disk of %d MiB is mounted on Linux only", size)
	return nil
}

// Fill leaves no space.
func (d *Disk) Fill() error { return nil }

// Free gives the space back.
func (d *Disk) Free() error { return nil }
