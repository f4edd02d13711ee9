package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// takeDir makes a data directory if it is not there, and locks it.
func takeDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory can't be made (%w); set data_dir to a place where palabre may write", err)
	}
	return lockDir(dir)
}

// lockDir makes this process the only one that uses a data directory, until unlockDir.
// The lock is on a file of its own: SQLite loses its locks when another descriptor of its file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory can't be written to (%w); set data_dir to a place where palabre may write", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("the data directory %s is in use by another palabre; stop that one first", dir)
	}
	return nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
}

// unlockDir lets others use it. That the file is closed is not enough: a program that is being started at this moment has it open, too, until it runs.
func unlockDir(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
