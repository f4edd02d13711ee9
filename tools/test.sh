#!/bin/sh
# Runs the tests of the packages named, all by default, with the race detector, real peers and a PostgreSQL of their own,
# and ends with a line "N passed, N failed, N skipped". As root on Debian it installs what is missing; elsewhere it says
# what to install, and tests that need it are skipped (where CI is set, they fail).
#
#   PALABRE_TEST_POSTGRES   URL of a PostgreSQL to use instead of a throw-away one; tests make databases of their own in it
#   GOTESTFLAGS             further flags of go test
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ./...
say() { echo "make test: $*" >&2; }

# PostgreSQL's own programs are not in PATH on Debian.
postgres_bin() {
	for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) $(command -v initdb | xargs -r dirname); do
		[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && echo "$dir" && return
	done
}

# missing prints the Debian packages that the tests need and this machine lacks.
missing() {
	[ -n "${PALABRE_TEST_POSTGRES:-}" ] || [ -n "$(postgres_bin)" ] || echo postgresql
	/usr/bin/python3 -c 'import slixmpp' 2>/dev/null || echo python3-slixmpp
	/usr/bin/python3 -c 'import nbxmpp' 2>/dev/null || echo python3-nbxmpp
	command -v profanity >/dev/null || echo profanity
	command -v tmux >/dev/null || echo tmux
	command -v gcc >/dev/null || echo gcc
	[ -e /usr/include/stdlib.h ] || echo libc6-dev
}

work=$(mktemp -d /tmp/palabre-test.XXXXXX)
cleanup() {
	[ ! -d "$work/pg" ] || as_server "$bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

install_packages() {
	say "installing" "$@"
	{
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
	} >"$work/apt.log" 2>&1 </dev/null || {
		cat "$work/apt.log" >&2
		say "could not install $*; see above"
		exit 1
	}
}

packages=$(missing | xargs)
if [ -n "$packages" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086
		install_packages $packages
	else
		say "some tests need programs that are not here. On Debian: sudo apt-get install -y $packages"
	fi
fi
command -v gcc >/dev/null || { say "the race detector needs a C compiler: install gcc and libc6-dev, or use go test ./..."; exit 1; }

# PostgreSQL refuses to run as root.
as_server() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@")
	else
		"$@"
	fi
}

start_postgres() {
	owner=postgres
	id postgres >/dev/null 2>&1 || owner=nobody
	chmod 711 "$work"
	mkdir -m 700 "$work/pg" "$work/socket"
	[ "$(id -u)" != 0 ] || chown "$owner" "$work/pg" "$work/socket"
	as_server "$bin/initdb" -D "$work/pg" -U palabre -A trust -E UTF8 --locale=C --no-sync </dev/null &&
		as_server "$bin/pg_ctl" -D "$work/pg" -l "$work/pg/log" -w -t 60 \
			-o "-c listen_addresses='' -c unix_socket_directories='$work/socket' -c max_connections=300 -c fsync=on" start </dev/null
}

bin=$(postgres_bin)
if [ -z "${PALABRE_TEST_POSTGRES:-}" ] && [ -n "$bin" ]; then
	start_postgres >"$work/start.log" 2>&1 || {
		cat "$work/start.log" "$work/pg/log" >&2 2>/dev/null || true
		say "PostgreSQL did not start; see above"
		exit 1
	}
	PALABRE_TEST_POSTGRES="postgres://palabre@/postgres?host=$work/socket"
	export PALABRE_TEST_POSTGRES
fi

say "the tests run; all of them take some ten minutes on two cores, and what failed is told at the end"
strict=
[ -z "${CI:-}" ] || strict=-strict
go build -o "$work/testsum" ./tools/testsum
# shellcheck disable=SC2086
{
	CGO_ENABLED=1 go test -json -race -shuffle=on -timeout 15m ${GOTESTFLAGS:-} "$@" 2>&1 </dev/null || echo $? >"$work/failed"
} | "$work/testsum" $strict
[ ! -e "$work/failed" ] || { say "go test ended with status $(cat "$work/failed") though no test failed"; exit 1; }
