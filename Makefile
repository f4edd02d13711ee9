# Palabre. Needs Go; CONTRIBUTING.md says what each target is for.
FUZZTIME ?= 1m
BENCH ?= .

.PHONY: run build check test fuzz bench interop chaos specs

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

# chaos/README.md says what these are.
SCENARIO ?= .
KILLS ?= 100
SENDERS ?= 64
ACKS ?= 1500
STEPS ?= 60
OUTAGE ?= 60s
SESSIONS ?= 1000
MESSAGES ?= 1000000
OCCUPANTS ?= 2000
SEED ?= 0
ENGINE ?=

chaos:
	go test ./chaos -count=1 -timeout 6h -v -run '$(SCENARIO)' -long -kills=$(KILLS) -senders=$(SENDERS) -acks=$(ACKS) -steps=$(STEPS) \
		-outage=$(OUTAGE) -sessions=$(SESSIONS) -messages=$(MESSAGES) -occupants=$(OCCUPANTS) -seed=$(SEED) -engine=$(ENGINE)

fuzz:
	@tools/fuzz.sh $(FUZZTIME)

bench:
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

specs:
	@tools/specs.sh "$(XEPS)"
