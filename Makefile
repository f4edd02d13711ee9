# Palabre. Needs Go; CONTRIBUTING.md says what each target is for.
FUZZTIME ?= 1m
BENCH ?= .

.PHONY: run build check test fuzz bench interop specs

run: build
	./palabre serve

build:
	CGO_ENABLED=0 go build -trimpath -o palabre ./cmd/palabre

check:
	@tools/check.sh

test:
	@tools/test.sh ./...

interop:
	@tools/test.sh ./interop/...

fuzz:
	@tools/fuzz.sh $(FUZZTIME)

bench:
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

specs:
	@tools/specs.sh "$(XEPS)"
