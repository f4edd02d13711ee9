package admin_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"palabre/admin"
)

// nobody is the user who owns nothing.
const nobody = 65534

// Another user is refused by the socket itself, also where the folder is open to everybody, and is told what to do.
func TestAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("by choice: only root can be another user for a moment")
	}
	dir, err := os.MkdirTemp("/tmp", "palabre-admin-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ln, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	refused := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		_, err := unix.SetfsuidRetUid(nobody)
		if err == nil {
			_, err = admin.Dial(dir)
		}
		refused <- err
	}()
	if err := <-refused; err == nil || !strings.Contains(err.Error(), "belongs to another user; run this as that user, or as root") {
		t.Errorf("another user: %v", err)
	}
	if r, err := admin.Dial(dir); err != nil {
		t.Errorf("its owner: %v", err)
	} else {
		r.Close()
	}
}
