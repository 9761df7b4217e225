# wtvgate: `make` lists the targets.
GO        ?= go
TAGS      := -tags goolm
STATIC    := CGO_ENABLED=0

# What the race detector does not look into: SQLite, which is C that was made into
# Go, with the C library and the memory that it has for itself, and the hash of
# passwords. They are most of what it costs, and share no variable with us. The
# driver above them (modernc.org/sqlite), which copies our values, and database/sql
# are looked into: a race in what is handed through them is found all the same.
# What is not looked into can hide an order from the detector, never make one up:
# at worst it would report too much.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b
RACE      := -race $(foreach p,$(UNWATCHED),-gcflags=$(p)=-race=false)

.PHONY: help build demo check test e2e bench fuzz cover chaos soak soak-discord soak-matrix screens release clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the program, into bin/wtvgate
	$(STATIC) $(GO) build $(TAGS) -trimpath -o bin/wtvgate ./cmd/wtvgate

demo: build ## a conversation with a simulated box, nothing to set up
	bin/wtvgate demo

check: ## format, vet, staticcheck, unit tests with the race detector, static build, tidy
	@fmt=$$(gofmt -s -l .); \
	if [ -n "$$fmt" ]; then echo "gofmt -s is needed for:"; echo "$$fmt"; exit 1; fi
	@if grep -rn --include='*_test.go' 'time\.Sleep' .; then echo "tests synchronise by round trips, injected time or testing/synctest"; exit 1; fi
	$(GO) vet $(TAGS) ./...
	$(GO) tool staticcheck $(TAGS) ./...
	$(GO) test $(RACE) $(TAGS) ./...
	$(STATIC) $(GO) build $(TAGS) -trimpath -o bin/wtvgate ./cmd/wtvgate
	$(GO) mod tidy -diff
	cd e2e && $(GO) vet $(TAGS) ./...

test: check e2e ## everything: check, then the gateway against a real homeserver

e2e: build ## the gateway against a real homeserver (builds Dendrite once)
	cd e2e && $(GO) test $(TAGS) -count=1 -v -timeout 20m ./...

SOAK ?= 1
soak-matrix: build ## Matrix friends and boxes for long, with kills and restarts (SOAK=50x20x5000)
	cd e2e && WTVGATE_SOAK=$(SOAK) $(GO) test $(TAGS) -count=1 -v -timeout 60m -run '^(TestSoak|TestAccept08Presence|TestAccept12Idle)$$' .

chaos: ## breaks everything while 50 boxes chat, and counts what is lost (minutes)
	cd e2e && WTVGATE_CHAOS=full $(GO) test $(TAGS) -count=1 -v -timeout 30m -run '^TestChaos$$' ./chaos

bench: ## benchmarks with allocation counts
	$(GO) test $(TAGS) -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME each (20s)
	@set -e; for pkg in $$($(GO) list $(TAGS) ./...); do \
	  for f in $$($(GO) test $(TAGS) -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test $(TAGS) -run '^$$' -fuzz "^$$f$$" -fuzzminimizetime 5s -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

soak: soak-discord soak-matrix ## the long tests: thousands of messages while everything breaks (some minutes)

soak-discord:
	WTVGATE_SOAK=1 $(GO) test $(TAGS) -count=1 -v -timeout 30m -run '^(TestSoak|TestCheck1FiftyRounds|TestCheck9Interleavings)$$' ./bridge/discord

cover: ## statement coverage of each package by its own tests
	$(GO) test $(TAGS) -cover ./...

screens: ## pictures: the pages on the TV (into bin/screens), a conversation (Chromium, node)
	mkdir -p bin/screens
	WTVGATE_SCREENS=$(CURDIR)/bin/screens $(GO) test $(TAGS) -count=1 -run '^TestScreens$$' ./wtvp/service/pages
	docs/screens/shoot.sh bin/screens
	GO=$(GO) docs/screens/conversation/shoot.sh

# One name of the tree for all of a release; the same tree gives the same bytes.
DESCRIBED := $(shell git describe --always --dirty --abbrev=12 2>/dev/null)
LDFLAGS   := -s -w -buildid= -X main.described=$(DESCRIBED)
PLATFORMS ?= linux/amd64 linux/arm64 linux/arm windows/amd64 darwin/amd64 darwin/arm64
RELEASE   ?= bin/release
release: ## static programs for all systems with checksums, into bin/release
	@rm -rf $(RELEASE); mkdir -p $(RELEASE)
	@set -e; for p in $(PLATFORMS); do os=$${p%/*}; arch=$${p#*/}; name=wtvgate-$$os-$$arch; \
	  if [ $$arch = arm ]; then name=$${name}v7; fi; if [ $$os = windows ]; then name=$$name.exe; fi; echo "$$name"; \
	  $(STATIC) GOOS=$$os GOARCH=$$arch GOARM=7 $(GO) build $(TAGS) -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(RELEASE)/$$name ./cmd/wtvgate; \
	done
	@cd $(RELEASE) && sha256sum wtvgate-* > SHA256SUMS && cat SHA256SUMS

clean: ## remove what was built
	rm -rf bin
