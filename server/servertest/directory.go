package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"palabre/directory"
)

var fieldForm = regexp.MustCompile(`^([a-z]+)=(?:'([^']*)'|(\S*))(?:\s+|$)`)

// entry makes the scene that makes or changes an entry of the directory: ID NAME=VALUE..., or takes it away: ID gone.
func entry(kind directory.Kind) func(p *player, arg string) error {
	return func(p *player, arg string) error {
		id, rest, _ := strings.Cut(strings.TrimSpace(p.vars.fill(arg)), " ")
		if rest == "gone" {
			return p.server.Directory.Delete(p.t.Context(), Domain, id)
		}
		return p.list(directory.Record{ID: id, Kind: kind, Fields: directory.Fields{}}, rest)
	}
}

func (p *player) list(rec directory.Record, rest string) error {
	for rest = strings.TrimSpace(rest); rest != ""; {
		m := fieldForm.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf("%q does not begin with NAME=VALUE", rest)
		}
		rest = rest[len(m[0]):]
		if m[1] != "photo" {
			rec.Fields[m[1]] = m[2] + m[3]
			continue
		}
		photo, err := p.photo(m[2] + m[3])
		if err != nil {
			return err
		}
		rec.Photo = &photo
	}
	out, err := p.server.Directory.Import(p.t.Context(), Domain, []directory.Record{rec}, false)
	if err != nil {
		return err
	}
	return out[0].Err
}

// photo reads one from the folder of the transcript; no name means that there is to be none.
func (p *player) photo(name string) (directory.Photo, error) {
	if name == "" {
		return directory.Photo{}, nil
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(p.name), name))
	if err != nil {
		return directory.Photo{}, err
	}
	return directory.NewPhoto(data)
}

// members changes who is in a group: GROUP ID... -ID...
func (p *player) members(arg string) error {
	words := strings.Fields(arg)
	var c directory.MemberChange
	for _, id := range words[1:] {
		if gone, ok := strings.CutPrefix(id, "-"); ok {
			c.Remove = append(c.Remove, gone)
		} else {
			c.Add = append(c.Add, id)
		}
	}
	_, _, err := p.server.Directory.Regroup(p.t.Context(), Domain, words[0], c)
	return err
}
