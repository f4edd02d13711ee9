// Command specindex rebuilds docs/specs/index.txt, the list of specs and sections that the code may cite.
//
//	specindex DOCS-SPECS XEPS
//
// DOCS-SPECS is the folder with rfcs.txt and w3c.txt (kept by hand) and xeps.txt (the numbers wanted); XEPS is a clone of
// github.com/xsf/xeps, with a work tree or without. It uses no network.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: specindex docs/specs PATH, where PATH is a clone of https://github.com/xsf/xeps")
		os.Exit(2)
	}
	if err := rebuild(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "specindex:", err)
		os.Exit(1)
	}
}

// rebuild writes index.txt into folder from the lists there and from the clone of the XEPs.
func rebuild(folder, xeps string) error {
	var kept []byte
	for _, name := range []string{"rfcs.txt", "w3c.txt"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		kept = append(kept, withoutComments(text)...)
	}
	wanted, err := numbers(filepath.Join(folder, "xeps.txt"))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Written by `make specs`; do not edit. RFCs: rfcs.txt. W3C: w3c.txt. XEPs: github.com/xsf/xeps, %s.\n", version(xeps))
	out.WriteString("# A line at the margin is a spec: name | version or date | status | title. An indented line is a section of it.\n")
	out.Write(kept)
	for _, number := range wanted {
		source, err := read(xeps, "xep-"+number+".xml")
		if err != nil {
			return fmt.Errorf("XEP-%s: %w", number, err)
		}
		spec, err := parse(source)
		if err != nil {
			return fmt.Errorf("XEP-%s: %w", number, err)
		}
		spec.write(&out)
	}
	return os.WriteFile(filepath.Join(folder, "index.txt"), out.Bytes(), 0o644)
}

// numbers reads the four-digit numbers of a list with comments, in ascending order and each once.
func numbers(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(withoutComments(text))) {
		number := strings.TrimSpace(line)
		if number == "" {
			continue
		}
		if len(number) != 4 || strings.Trim(number, "0123456789") != "" {
			return nil, fmt.Errorf("%s: %q is not a number of four digits", path, number)
		}
		if len(list) > 0 && list[len(list)-1] >= number {
			return nil, fmt.Errorf("%s: %s stands after %s: keep the list in ascending order", path, number, list[len(list)-1])
		}
		list = append(list, number)
	}
	return list, nil
}

func withoutComments(text []byte) []byte {
	var out bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if !bytes.HasPrefix(lines.Bytes(), []byte("#")) {
			out.Write(lines.Bytes())
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// read returns a file of the clone: from its work tree, or from its last commit where it has none.
func read(clone, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(clone, name))
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	return git(clone, "show", "HEAD:"+name)
}

// version names the clone's last commit, or says that there is none.
func version(clone string) string {
	text, err := git(clone, "log", "-1", "--format=commit %h of %cs")
	if err != nil {
		return "not a git repository"
	}
	return strings.TrimSpace(string(text))
}

func git(clone string, args ...string) ([]byte, error) {
	out, err := exec.Command("git", append([]string{"-C", clone}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("git %s: %s", args[0], bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
