// Package migrations holds the schema: numbered SQL files, applied in their order and never changed once released.
//
// One set serves both engines. The files are written for PostgreSQL; SQLite takes any name of a type, keeps bytes in a BYTEA
// column as they are, and compares text by its bytes, which PostgreSQL does only where COLLATE "C" says so. That clause, the one
// thing that SQLite refuses, is cut out for it. Keys are natural or ours (no SERIAL), times are microseconds since 1970 in UTC.
package migrations

import (
	"bytes"
	"embed"
	"io"
	"io/fs"
)

//go:embed *.sql
var files embed.FS

// PostgreSQL gives the files as they are.
func PostgreSQL() fs.FS { return files }

// SQLite gives the files as SQLite takes them.
func SQLite() fs.FS { return uncollated{files} }

type uncollated struct{ embed.FS }

func (u uncollated) Open(name string) (fs.File, error) {
	f, err := u.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, bytes.NewReader(bytes.ReplaceAll(text, []byte(` COLLATE "C"`), nil))}, nil
}

// A file is one of ours with another text.
type file struct {
	fs.File
	text *bytes.Reader
}

func (f *file) Read(p []byte) (int, error) { return f.text.Read(p) }
