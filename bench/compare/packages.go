package main

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
)

// require looks whether Debian's packages are there. Nothing is installed here: the error says how to.
func require(packages []string) error {
	slices.Sort(packages)
	var missing []string
	for _, p := range slices.Compact(packages) {
		if out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}", p).Output(); err != nil || string(out) != "installed" {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.New("some packages are not installed; run, and stop what servers they start: sudo apt-get install --no-install-recommends " + strings.Join(missing, " "))
}

// packageVersion is the version of an installed Debian package.
func packageVersion(pkg string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", pkg).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
