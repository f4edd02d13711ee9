#!/bin/sh
# Runs every fuzz target for a time, one minute by default. A finding is written to the package's testdata/fuzz: commit it
# with the fix.
set -eu
cd "$(dirname "$0")/.."
time=${1:-1m}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
trap 'exit 130' INT TERM
# go test -list prints the names of a package's targets and then a line "ok <package> <time>".
go test -list '^Fuzz' ./... >"$list" || { cat "$list" >&2; exit 1; }
targets=$(awk '/^Fuzz/ { names[++n] = $1 } /^ok/ { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }' "$list")
[ -n "$targets" ] || { echo "make fuzz: there is no fuzz target"; exit 0; }
status=0
while read -r package name; do
	echo "== $package $name, $time"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$package" </dev/null || status=1
done <<END
$targets
END
exit $status
