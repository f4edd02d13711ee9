package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// install makes sure that a Debian package is there; program is one that it brings. What it installs is neither started
// nor enabled: the package's own server is not wanted.
func install(ctx context.Context, pkg, program string) error {
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s is not installed; run: sudo apt-get install %s", program, pkg)
	}
	progress("installing %s", pkg)
	undo, err := forbidServices()
	if err != nil {
		return err
	}
	defer undo()
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", pkg}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, out)
		}
	}
	if _, err := exec.LookPath("systemctl"); err == nil {
		if out, err := exec.CommandContext(ctx, "systemctl", "disable", pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("systemctl disable %s: %w: %s", pkg, err, out)
		}
	}
	return nil
}

// policy is the file by which Debian's packages ask whether they may start a service.
const policy = "/usr/sbin/policy-rc.d"

// forbidServices keeps packages from starting what they install, until undo. A policy that is there already stays.
func forbidServices() (undo func(), err error) {
	if _, err := os.Stat(policy); err == nil {
		return func() {}, nil
	}
	if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return nil, err
	}
	return func() { os.Remove(policy) }, nil
}

// packageVersion is the version of an installed Debian package.
func packageVersion(pkg string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", pkg).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
