#!/bin/sh
# What must hold before a commit, tests aside: formatting, vet, staticcheck, known vulnerabilities, the structure of the
# repository. Goes through all of them and fails at the end if one did.
set -eu
cd "$(dirname "$0")/.."
status=0
fail() {
	echo "make check: $*" >&2
	status=1
}

unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || fail "not formatted, run gofmt -w on:" $unformatted
go vet ./... || fail "go vet found something; see above"
go tool staticcheck ./... || fail "staticcheck found something; see above"

# The database of vulnerabilities is on the network: without it there is nothing to compare with.
if report=$(go tool govulncheck ./... 2>&1); then
	:
else
	case $report in
	*"fetching vulnerabilities"*) echo "make check: govulncheck left out: its database is out of reach" ;;
	*)
		echo "$report" >&2
		fail "govulncheck found something; see above"
		;;
	esac
fi

go test -count=1 ./cmd/palabre -run '^Test(Structure|Rules|Citation|Index)' || fail "the structure of the repository is broken; see above"
[ $status != 0 ] || echo "make check: all is well"
exit $status
