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

// A disk is a disk drive and the kernel's cache before it. What has been written to a file since its last sync may be on the drive
// or not, in any order, or in part: that is decided when the power goes. That a file is there, or is not any more, is on the drive at once.
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

// A change writes data at off; without data, it sets the size to off.
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
	if c.data == nil {
		return resize(b, int(c.off))
	}
	if end := int(c.off) + len(c.data); end > len(b) {
		b = resize(b, end)
	}
	copy(b[c.off:], c.data)
	return b
}

// resize makes room for more, since files grow by and by.
func resize(b []byte, size int) []byte {
	if size > len(b) {
		return append(b, make([]byte, size-len(b))...)
	}
	return b[:size]
}

// sync brings everything to the drive.
func (f *inode) sync() {
	for _, c := range f.dirty {
		f.media = c.apply(f.media)
	}
	f.dirty = f.dirty[:0]
}

// fail is a sync that fails. Some changes have come to the drive, some are tried again with the next sync, and some are not: of those, what
// processes see is what they wrote until the cache is dropped, which some kernels do at once.
func (d *disk) fail(f *inode) {
	var again []change
	none := d.rand.IntN(2) == 0
	for _, c := range f.dirty {
		switch which := d.rand.IntN(4); {
		case none || which < 2: // forgotten
		case which == 2:
			f.media = c.apply(f.media)
		default:
			again = append(again, c)
		}
	}
	f.dirty = again
	if d.rand.IntN(2) == 0 {
		return
	}
	f.cache = bytes.Clone(f.media)
	for _, c := range again {
		f.cache = c.apply(f.cache)
	}
}

// cut is the end of the power.
func (d *disk) cut() {
	for _, name := range slices.Sorted(maps.Keys(d.files)) { // the order is part of what the seed decides
		f := d.files[name]
		switch d.rand.IntN(5) {
		case 0: // nothing came to the drive
		case 1:
			f.sync()
		default:
			for _, c := range f.dirty {
				d.tear(f, c)
			}
		}
		f.dirty = nil
		f.cache = bytes.Clone(f.media)
	}
}

// tear brings a change to the drive, or does not, or brings some sectors of it. A sector that the power goes under may be
// unreadable from then on, all of it.
func (d *disk) tear(f *inode, c change) {
	which := d.rand.IntN(3)
	switch {
	case which == 0:
		return
	case which == 1 || c.data == nil:
		f.media = c.apply(f.media)
		return
	}
	for begin := c.off; begin < c.off+int64(len(c.data)); {
		end := min((begin/sector+1)*sector, c.off+int64(len(c.data)))
		switch d.rand.IntN(8) {
		case 0, 1, 2:
		default:
			f.media = change{begin, c.data[begin-c.off : end-c.off]}.apply(f.media)
		case 7:
			f.media = change{begin, c.data[begin-c.off : end-c.off]}.apply(f.media)
			d.spoil(f, begin)
		}
		begin = end
	}
}

// spoil fills the sector around a place with noise.
func (d *disk) spoil(f *inode, at int64) {
	begin := at / sector * sector
	for i := begin; i < min(begin+sector, int64(len(f.media))); i++ {
		f.media[i] = byte(d.rand.Uint32())
	}
}
