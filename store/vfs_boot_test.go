package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	wasm "github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"
	lite "modernc.org/sqlite"
)

// A boot is one process that uses a disk, from its start until it ends or the power goes. To SQLite it is a VFS.
type boot struct {
	*disk
	name  string              // of the VFS
	shm   string              // a file for the memory that its connections share, which lasts no longer than the process
	edit  func(string) string // of the name of a database with its pragmas
	flaky float64             // how many of the syncs fail

	// Under disk.mu.
	locks      map[*inode]*fileLocks
	over       bool // nothing works any more
	left       int  // steps until the power goes; below 0: it stays
	steps      int  // changes and syncs until now
	failed     int  // syncs that did
	last       string
	checkpoint bool // one is under way
}

var boots atomic.Int64

// boot starts a process; end must be called.
func (d *disk) boot(dir string) *boot {
	name := fmt.Sprintf("powercut-%d", boots.Add(1))
	b := &boot{
		disk: d, name: name, shm: filepath.Join(dir, name), edit: func(dsn string) string { return dsn },
		locks: map[*inode]*fileLocks{}, left: -1,
	}
	vfs.Register(name, b)
	return b
}

// halt is kill -9.
func (b *boot) halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

func (b *boot) end() {
	b.halt()
	vfs.Unregister(b.name)
}

// arm has the power go with one of the next steps.
func (b *boot) arm(left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = left
}

// A view is how a boot fares.
type view struct {
	over   bool
	failed int
	steps  int
	last   string // the step that the power went with
}

func (b *boot) view() view {
	b.mu.Lock()
	defer b.mu.Unlock()
	return view{b.over, b.failed, b.steps, b.last}
}

// stepLocked counts a change or a sync, and tells whether the process is there after it.
func (b *boot) stepLocked(what, kind string) (there bool) {
	if b.over {
		return false
	}
	b.steps++
	if b.left--; b.left == -1 {
		b.over = true
		b.last = what + " " + kind
		if b.checkpoint {
			b.last += " in a checkpoint"
		}
	}
	b.left = max(b.left, -2)
	return !b.over
}

// driver is what openSQLite is to use.
func (b *boot) driver() *sqliteDriver {
	return &sqliteDriver{connect: b.connect, code: codeOf, size: b.size, settle: b.settle}
}

func (b *boot) connect(dsn string) (driver.Connector, error) {
	c, err := (&wasm.SQLite{}).OpenConnector(b.edit(dsn) + "&vfs=" + b.name)
	return connector{c}, err
}

func codeOf(err error) (int, bool) {
	var code sqlite3.ExtendedErrorCode
	ok := errors.As(err, &code)
	return int(code), ok
}

func (b *boot) size(path string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.files[filepath.Base(path)]; f != nil {
		return int64(len(f.cache))
	}
	return 0
}

func (b *boot) settle(path string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.files[filepath.Base(path)]
	if err := b.syncLocked(f, kind(path)); err != nil {
		return err
	}
	f.forget()
	return nil
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	got, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{got.(wasm.Conn), got.(driver.ExecerContext)}, nil
}

// A conn is a lite.DBStatus.
type conn struct {
	wasm.Conn
	driver.ExecerContext
}

// PrepareContext has $1 be the first argument wherever it stands. To this driver it is a name, and the arguments follow the order in which names come.
func (c conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, placeholder.ReplaceAllString(query, "?$1"))
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

func (c conn) Status(op lite.DBStatusOp, reset bool) (current, high int, err error) {
	now, most, err := c.Raw().Status(sqlite3.DBStatus(op), reset)
	return int(now), int(most), err
}

// Open is part of vfs.VFS.
func (b *boot) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil, 0, sqlite3.IOERR
	}
	f := b.files[name]
	switch {
	case name == "": // a temporary file
		f = &inode{}
	case f == nil && flags&vfs.OPEN_CREATE == 0:
		return nil, 0, sqlite3.CANTOPEN
	case f == nil:
		f = &inode{}
		b.files[name] = f
	}
	if b.locks[f] == nil {
		b.locks[f] = &fileLocks{}
	}
	return &handle{boot: b, inode: f, kind: kind(name), shared: vfs.NewSharedMemory(b.shm, flags), locks: b.locks[f]}, flags, nil
}

func kind(name string) string {
	switch {
	case name == "":
		return "a temporary file"
	case strings.HasSuffix(name, "-wal"):
		return "the log"
	case strings.HasSuffix(name, "-journal"):
		return "the journal"
	}
	return "the database"
}

// Delete is part of vfs.VFS.
func (b *boot) Delete(name string, _ bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stepLocked("delete", kind(name)) {
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

// FullPathname is part of vfs.VFS. There are no directories on the disk.
func (b *boot) FullPathname(name string) (string, error) { return filepath.Base(name), nil }

// A handle is a file that a process has open.
type handle struct {
	boot   *boot
	inode  *inode
	kind   string
	shared vfs.SharedMemory

	locks *fileLocks
	held  vfs.LockLevel
}

var (
	_ vfs.FileSharedMemory = (*handle)(nil)
	_ vfs.FileCheckpoint   = (*handle)(nil)
)

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
	if off > int64(len(h.inode.cache)) {
		return 0, io.EOF
	}
	n := copy(p, h.inode.cache[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// change is made before the power goes with it, so that it may be torn.
func (h *handle) change(what string, c change) error {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	if h.boot.over {
		return sqlite3.IOERR_WRITE
	}
	h.inode.change(c)
	if !h.boot.stepLocked(what, h.kind) {
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
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	return h.boot.syncLocked(h.inode, h.kind)
}

func (b *boot) syncLocked(f *inode, kind string) error {
	if !b.stepLocked("sync", kind) {
		return sqlite3.IOERR_FSYNC
	}
	if b.rand.Float64() < b.flaky {
		b.failed++
		b.fail(f)
		return sqlite3.IOERR_FSYNC
	}
	f.sync()
	return nil
}

func (h *handle) Size() (int64, error) {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	if h.boot.over {
		return 0, sqlite3.IOERR_FSTAT
	}
	return int64(len(h.inode.cache)), nil
}

func (h *handle) SectorSize() int { return sector }

// DeviceCharacteristics promises nothing, not even that what is beside a write outlives it (POWERSAFE_OVERWRITE).
func (h *handle) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

func (h *handle) CheckpointStart() { h.checkpointing(true) }
func (h *handle) CheckpointDone()  { h.checkpointing(false) }

func (h *handle) checkpointing(is bool) {
	h.boot.mu.Lock()
	defer h.boot.mu.Unlock()
	h.boot.checkpoint = is
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
		l.writer, l.pending = h, want == vfs.LOCK_EXCLUSIVE
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
