#!/bin/sh
# Rewrites docs/specs.md from what the modules say; with a clone of the XEPs also docs/specs/index.txt, which citations in the
# code and the modules' versions are checked against.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${1:-}" ]; then
	go run ./tools/specindex docs/specs "$1"
else
	echo "make specs: docs/specs/index.txt stays as it is; to rebuild it, name a clone of https://github.com/xsf/xeps: make specs XEPS=../xeps"
fi
PALABRE_UPDATE=1 go test -count=1 ./cmd/palabre -run '^TestSpecsDocument$'
