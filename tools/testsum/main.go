// Command testsum reads what `go test -json` prints and writes it for people: the output of failed tests only, why
// tests were skipped, and last a line of the form "N passed, N failed, N skipped". A test with subtests is not counted
// beside them.
//
// It exits with status 1 when something failed or nothing passed; with -strict (continuous integration) also when a test
// was skipped, unless the reason it gave begins with "by choice": there, what a test needs has to be present.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, "a skipped test is a failure")
	flag.Parse()
	r := newReport(*strict)
	in := bufio.NewReader(os.Stdin)
	if err := r.read(in); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	if !r.write(os.Stdout) {
		os.Exit(1)
	}
}
