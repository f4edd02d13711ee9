#!/bin/sh
# Rebuilds docs/specs/index.txt, which citations in the code are checked against, from a clone of the XEPs.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${1:-}" ]; then
	echo "make specs: name a clone of https://github.com/xsf/xeps: make specs XEPS=../xeps" >&2
	exit 1
fi
go run ./tools/specindex docs/specs "$1"
