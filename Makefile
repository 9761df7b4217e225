# wtvgate: `make` lists the targets.
GO        ?= go
TAGS      := -tags goolm
STATIC    := CGO_ENABLED=0

.PHONY: help build demo check test e2e bench fuzz cover screens release clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	$(GO) test -race $(TAGS) ./...
	$(STATIC) $(GO) build $(TAGS) -trimpath -o bin/wtvgate ./cmd/wtvgate
	$(GO) mod tidy -diff
	cd e2e && $(GO) vet $(TAGS) ./...

test: check e2e ## everything: check, then the gateway against a real homeserver

e2e: build ## the gateway against a real homeserver (builds Dendrite once)
	cd e2e && $(GO) test $(TAGS) -count=1 -v -timeout 20m ./...

bench: ## benchmarks with allocation counts
	$(GO) test $(TAGS) -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME each (20s)
	@set -e; for pkg in $$($(GO) list $(TAGS) ./...); do \
	  for f in $$($(GO) test $(TAGS) -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test $(TAGS) -run '^$$' -fuzz "^$$f$$" -fuzzminimizetime 5s -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

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
