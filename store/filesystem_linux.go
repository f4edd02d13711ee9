package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// networks are the file systems on which SQLite's shared memory and locks do not hold (https://sqlite.org/wal.html §1).
var networks = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.AFS_FS_MAGIC:     "AFS",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.NCP_SUPER_MAGIC:  "NCP",
	unix.V9FS_MAGIC:       "9P",
}

// refuseNetwork says so where a directory is no place for SQLite.
func refuseNetwork(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return refuseKind(dir, uint32(st.Type))
}

func refuseKind(dir string, magic uint32) error {
	if name, is := networks[magic]; is {
		return fmt.Errorf("the data directory %s is on a network file system (%s), where the embedded database is not safe; "+
			"set data_dir to a local disk, or [database] url to a PostgreSQL server", dir, name)
	}
	return nil
}

// settle writes what the kernel has not yet written of a file, and makes it forget what it shows: after an fsync that failed, that may be something that is not
// on the disk and never comes there (https://www.usenix.org/conference/atc20/presentation/rebello).
func settle(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
