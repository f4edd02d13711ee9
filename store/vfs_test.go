package store

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// sector is what a disk writes at once.
const sector = 512

// A disk is a drive and the kernel's cache before it. What has been written to a file since its last sync is on the drive or is not,
// in any order and in part: that is decided when the power goes. That a file is there, or is not any more, is on the drive at once.
type disk struct {
	mu    sync.Mutex
	rand  *rand.Rand
	files map[string]*inode
}

// An inode is a file.
type inode struct {
	media []byte   // what is on the drive
	cache []byte   // what processes see
	dirty []change // what is to come to the drive, in the order in which it was written
}

// A change writes data at off; without data, it makes the file end at off.
type change struct {
	off  int64
	data []byte
}

func newDisk(r *rand.Rand) *disk { return &disk{rand: r, files: map[string]*inode{}} }

func (f *inode) change(c change) {
	f.cache = c.apply(f.cache)
	f.dirty = append(f.dirty, c)
}

func (c change) apply(b []byte) []byte {
	end := int(c.off) + len(c.data)
	switch {
	case end > len(b):
		b = append(b, make([]byte, end-len(b))...)
	case c.data == nil:
		return b[:end]
	}
	copy(b[c.off:], c.data)
	return b
}

// sync brings everything to the drive.
func (f *inode) sync() {
	for _, c := range f.dirty {
		f.media = c.apply(f.media)
	}
	f.dirty = nil
}

// forget drops the cache, but for what is to come to the drive.
func (f *inode) forget() {
	f.cache = bytes.Clone(f.media)
	for _, c := range f.dirty {
		f.cache = c.apply(f.cache)
	}
}

// fail is a sync that fails. Of the changes some have come to the drive, some are tried again with the next sync, and some are not.
// Processes go on to see these as if they were on the drive, or do not see them any more: that depends on the file system.
func (d *disk) fail(f *inode) {
	var again []change
	nothing := d.rand.IntN(2) == 0
	for _, c := range f.dirty {
		switch d.rand.IntN(4) {
		case 0:
			if !nothing {
				f.media = c.apply(f.media)
			}
		case 1:
			if !nothing {
				again = append(again, c)
			}
		}
	}
	f.dirty = again
	if d.rand.IntN(2) == 0 {
		f.forget()
	}
}

// cut is the end of the power.
func (d *disk) cut() {
	for _, name := range slices.Sorted(maps.Keys(d.files)) { // the order is part of what the seed decides
		f := d.files[name]
		switch d.rand.IntN(5) {
		case 0: // nothing more has come to the drive
		case 1:
			f.sync()
		default:
			for _, c := range f.dirty {
				d.tear(f, c)
			}
		}
		f.dirty = nil
		f.forget()
	}
}

// tear brings a change to the drive, or does not, or does for some of its sectors.
func (d *disk) tear(f *inode, c change) {
	switch which := d.rand.IntN(3); {
	case which == 0:
		return
	case which == 1 || c.data == nil:
		f.media = c.apply(f.media)
		return
	}
	for len(c.data) > 0 {
		n := min(len(c.data), sector-int(c.off%sector))
		switch d.rand.IntN(8) {
		case 0, 1, 2:
		case 3:
			d.spoil(f, c.off)
		default:
			f.media = change{c.off, c.data[:n]}.apply(f.media)
		}
		c = change{c.off + int64(n), c.data[n:]}
	}
}

// spoil fills the whole sector around a place with noise, as a drive may that was writing it when the power went.
func (d *disk) spoil(f *inode, at int64) {
	begin := at / sector * sector
	for i := begin; i < min(begin+sector, int64(len(f.media))); i++ {
		f.media[i] = byte(d.rand.Uint32())
	}
}
