// Package migrations holds the schema: numbered SQL files, applied in their order and never changed once released.
//
// One set serves both engines. The files are written for PostgreSQL; SQLite takes any name of a type, keeps bytes in a BYTEA
// column as they are, and compares text by its bytes, which PostgreSQL does only where COLLATE "C" says so. That clause is cut out
// for SQLite, which refuses it. Where the engines want different indexes or keys, a line is marked at its end, and left out for the other:
// "-- only PostgreSQL" or "-- only SQLite". Keys are natural or ours (no SERIAL), times are microseconds since 1970 in UTC.
package migrations

import (
	"bytes"
	"embed"
	"io"
	"io/fs"
	"regexp"
)

//go:embed *.sql
var files embed.FS

var (
	onlyPostgreSQL = regexp.MustCompile(`(?m)^.*-- only PostgreSQL$`)
	onlySQLite     = regexp.MustCompile(`(?m)^.*-- only SQLite$`)
	collation      = []byte(` COLLATE "C"`)
)

// PostgreSQL gives the files as PostgreSQL takes them.
func PostgreSQL() fs.FS {
	return edited{files, func(text []byte) []byte { return onlySQLite.ReplaceAll(text, nil) }}
}

// SQLite gives the files as SQLite takes them.
func SQLite() fs.FS {
	return edited{files, func(text []byte) []byte {
		return bytes.ReplaceAll(onlyPostgreSQL.ReplaceAll(text, nil), collation, nil)
	}}
}

// An edited set of files is another for those who read them.
type edited struct {
	embed.FS
	edit func([]byte) []byte
}

func (e edited) Open(name string) (fs.File, error) {
	f, err := e.FS.Open(name)
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
	return &file{f, bytes.NewReader(e.edit(text))}, nil
}

// A file is one of ours with another text.
type file struct {
	fs.File
	text *bytes.Reader
}

func (f *file) Read(p []byte) (int, error) { return f.text.Read(p) }
