package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	wasm "github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"
	lite "modernc.org/sqlite"
)

// A boot is one process on a machine, from its start until it ends or the power goes. It is the VFS that SQLite has in it.
type boot struct {
	*disk
	name string // of the VFS
	shm  string // a file for shared memory, which lasts as long as the process

	// Under disk.mu.
	locks      map[*inode]*fileLocks
	over       bool // nothing works any more
	left       int  // changes and syncs until the power goes; below 0: it stays
	faults     float64
	failed     int    // syncs that did
	steps      int    // changes and syncs until now
	last       string // what was done when the power went
	checkpoint bool
	edited     func(dsn string) string // the pragmas that a test wants to be others
}

var boots atomic.Int64

// boot starts a process; end must be called.
func (d *disk) boot(dir string) *boot {
	n := boots.Add(1)
	b := &boot{disk: d, name: fmt.Sprintf("powercut-%d", n), shm: filepath.Join(dir, fmt.Sprintf("shm-%d", n)), locks: map[*inode]*fileLocks{}, left: -1}
	vfs.Register(b.name, b)
	return b
}

// end is kill -9.
func (b *boot) end() {
	b.halt()
	vfs.Unregister(b.name)
}

func (b *boot) halt() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
}

// arm has the power go under one of the next changes or syncs.
func (b *boot) arm(left int) {
	b.mu.Lock()
	b.left = left
	b.mu.Unlock()
}

// step counts a change or a sync, and tells whether the process is still there. The power goes after a change, so that it may be torn, and before a sync.
func (b *boot) stepLocked(f *handle, what string) (here bool) {
	if b.over {
		return false
	}
	b.steps++
	if b.left < 0 {
		return true
	}
	if b.left--; b.left < 0 {
		b.over = true
		b.last = what + " " + f.kind
		if b.checkpoint {
			b.last += " in a checkpoint"
		}
	}
	return !b.over
}

// driver is what openSQLite is to use.
func (b *boot) driver() *sqliteDriver {
	return &sqliteDriver{
		connect: func(dsn string) (driver.Connector, error) {
			if b.edited != nil {
				dsn = b.edited(dsn)
			}
			c, err := (&wasm.SQLite{}).OpenConnector(dsn + "&vfs=" + b.name)
			return connector{c}, err
		},
		code: func(err error) (int, bool) {
			var code sqlite3.ExtendedErrorCode
			ok := errors.As(err, &code)
			return int(code), ok
		},
		size: func(path string) int64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			if f := b.files[path]; f != nil {
				return int64(len(f.cache))
			}
			return 0
		},
	}
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	got, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{got.(wasm.Conn)}, nil
}

// A conn is a lite.DBStatus.
type conn struct{ wasm.Conn }

func (c conn) Status(op lite.DBStatusOp, reset bool) (current, high int, err error) {
	cur, max, err := c.Raw().Status(sqlite3.DBStatus(op), reset)
	return int(cur), int(max), err
}

// ExecContext is that of the driver, so that statements without arguments need not be prepared.
func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// Open is part of vfs.VFS.
func (b *boot) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil, 0, sqlite3.IOERR
	}
	f := b.files[name]
	if name == "" {
		f = &inode{}
	}
	if f == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, 0, sqlite3.CANTOPEN
		}
		f = &inode{}
		b.files[name] = f
	}
	if b.locks[f] == nil {
		b.locks[f] = &fileLocks{}
	}
	h := &handle{boot: b, f: f, locks: b.locks[f], kind: kind(name, flags)}
	h.shared = vfs.NewSharedMemory(b.shm, flags)
	return h, flags, nil
}

func kind(name string, flags vfs.OpenFlag) string {
	switch {
	case name == "":
		return "a temporary file"
	case flags&vfs.OPEN_MAIN_DB != 0:
		return "the database"
	case strings.HasSuffix(name, "-wal"):
		return "the log"
	}
	return "the journal"
}

// Delete is part of vfs.VFS.
func (b *boot) Delete(name string, _ bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stepLocked(&handle{kind: kind(name, 0)}, "delete") {
		return sqlite3.IOERR_DELETE
	}
	if b.files[name] == nil {
		return sqlite3.IOERR_DELETE_NOENT
	}
	delete(b.files, name)
	return nil
}

// Access is part of vfs.VFS.
func (b *boot) Access(name string, _ vfs.AccessFlag) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return false, sqlite3.IOERR_ACCESS
	}
	return b.files[name] != nil, nil
}

// FullPathname is part of vfs.VFS.
func (b *boot) FullPathname(name string) (string, error) { return name, nil }

// A handle is a file that a process has open.
type handle struct {
	boot   *boot
	f      *inode
	kind   string
	shared vfs.SharedMemory

	locks *fileLocks
	held  vfs.LockLevel
}

var _ vfs.FileCheckpoint = (*handle)(nil)

func (h *handle) SharedMemory() vfs.SharedMemory { return h.shared }

func (h *handle) Close() error {
	if h.shared != nil {
		h.shared.Close()
	}
	return h.Unlock(vfs.LOCK_NONE)
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	if h.boot.over {
		return 0, sqlite3.IOERR_READ
	}
	if off >= int64(len(h.f.cache)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.cache[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) change(what string, c change) error {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	if h.boot.over {
		return sqlite3.IOERR_WRITE
	}
	h.f.change(c)
	if !h.boot.stepLocked(h, what) {
		return sqlite3.IOERR_WRITE
	}
	return nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.change("write", change{off, append([]byte{}, p...)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *handle) Truncate(size int64) error { return h.change("truncate", change{off: size}) }

func (h *handle) Sync(vfs.SyncFlag) error {
	b := h.boot
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stepLocked(h, "sync") {
		return sqlite3.IOERR_FSYNC
	}
	if b.rand.Float64() < b.faults {
		b.failed++
		b.fail(h.f)
		return sqlite3.IOERR_FSYNC
	}
	h.f.sync()
	return nil
}

func (h *handle) Size() (int64, error) {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	if h.boot.over {
		return 0, sqlite3.IOERR_FSTAT
	}
	return int64(len(h.f.cache)), nil
}

func (h *handle) SectorSize() int { return sector }

// DeviceCharacteristics promises nothing, not even that what is beside a write outlives it (no POWERSAFE_OVERWRITE).
func (h *handle) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

func (h *handle) CheckpointStart() { h.checkpointing(true) }
func (h *handle) CheckpointDone()  { h.checkpointing(false) }

func (h *handle) checkpointing(is bool) {
	h.boot.mu.Lock()
	h.boot.checkpoint = is
	h.boot.mu.Unlock()
}

// fileLocks are the locks on a file, under disk.mu (https://sqlite.org/lockingv3.html §3).
type fileLocks struct {
	shared  int
	writer  *handle // has RESERVED or more
	pending bool
}

func (h *handle) Lock(want vfs.LockLevel) error {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	l := h.locks
	switch {
	case h.held >= want:
		return nil
	case want == vfs.LOCK_SHARED:
		if l.pending {
			return sqlite3.BUSY
		}
		l.shared++
	case l.writer != nil && l.writer != h:
		return sqlite3.BUSY
	case want == vfs.LOCK_EXCLUSIVE && l.shared > 1:
		l.writer, l.pending = h, true
		h.held = vfs.LOCK_PENDING
		return sqlite3.BUSY
	default:
		l.writer = h
		l.pending = want == vfs.LOCK_EXCLUSIVE
	}
	h.held = want
	return nil
}

func (h *handle) Unlock(to vfs.LockLevel) error {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	l := h.locks
	if h.held <= to {
		return nil
	}
	if l.writer == h {
		l.writer, l.pending = nil, false
	}
	if to == vfs.LOCK_NONE {
		l.shared--
	}
	h.held = to
	return nil
}

func (h *handle) CheckReservedLock() (bool, error) {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	return h.locks.writer != nil, nil
}
