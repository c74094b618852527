# Everything a person does with this tree. `make` alone says what there is.
#
# The build is CGO-free and trimmed, and so are vet and staticcheck: they share one set of compiled dependencies.
# Only the tests need the race detector, and with it cgo and a second set.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PATH := $(PATH):/usr/local/go/bin
export PATH

PREFIX ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TAGS ?= remote,containers_image_openpgp,exclude_graphdriver_btrfs
ARGS ?=

GOFLAGS_BASE := $(filter-out -tags=% -trimpath -buildvcs=%,$(shell go env GOFLAGS 2>/dev/null)) -buildvcs=false
export GOFLAGS := $(GOFLAGS_BASE) -trimpath -tags=$(TAGS)
export CGO_ENABLED := 0
# How the tests are built. Their programs can be told to kill themselves at a named place (see internal/failpoint). Cgo
# drags a C library along that nothing here calls; without optimization it compiles in a fifth of the time.
with_race = CGO_ENABLED=1 CGO_CFLAGS='-O0 -g0' GOFLAGS='$(GOFLAGS_BASE) -tags=$(TAGS),failpoints'

.PHONY: help deps deps-run build tools guest demo test boot bench soak lint install clean

help: ## say what the targets do (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'Started as root, demo, test, bench and soak run as the unprivileged user wrapix, which deps makes.'

deps: ## install what this host lacks (Debian packages; as root also the user wrapix)
	@scripts/deps

deps-run:
	@scripts/deps --run

build: guest ## make bin/ralph and bin/wrapix
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/...

tools:
	@go build -o bin/ ./internal/testlines ./internal/torture
	@go build -tags=$(TAGS),failpoints -o bin/failpoints/ ./cmd/ralph

# The guest is embedded in both commands, so it comes first; every other target that compiles needs it too.
guest:
	go build -ldflags '-s -w' -o sandbox/guestbin/bin/guest ./sandbox/guest

ifeq ($(shell id -u),0)

demo: deps-run
test bench soak: deps
demo test bench soak:
	@scripts/as-user make --no-print-directory $@ VERSION='$(VERSION)' TAGS='$(TAGS)' ARGS='$(ARGS)'
	@[[ $@ != test || -n '$(ARGS)' ]] || scripts/with-systemd wrapix scripts/as-user make --no-print-directory boot TAGS='$(TAGS)'

else

demo: deps-run build ## take the example spec through the whole workflow in real containers
	@scripts/demo $(ARGS)

test: deps build tools lint ## lint, then every test with the race detector, on real containers
	@$(with_race) scripts/test $(ARGS)

# Needs what only root can prepare, and is a part of its `make test`.
boot: guest tools
	@$(with_race) scripts/test ./cmd/ralph -run '^TestBoot$$'

bench: deps build ## print each speed goal as a ratio
	@scripts/bench $(ARGS)

soak: deps build tools ## the long runs: more random sequences, 200 workflows under torture
	@$(with_race) scripts/soak $(ARGS)

endif

lint: guest ## gofmt, vet, staticcheck, shellcheck, govulncheck
	@scripts/lint

install: $(if $(wildcard bin/ralph),,build) ## install binaries, man pages and completions below PREFIX=/usr/local
	@scripts/install '$(DESTDIR)$(PREFIX)'

clean: ## remove what the targets made in this tree
	rm -rf bin dist sandbox/guestbin/bin/guest
