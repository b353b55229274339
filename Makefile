# `make demo` and `make test` need only Go and make. The other targets install what they
# need, once, with .ci/need.sh.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X github.com/infrahaus/infrahaus/internal/cli.version=$(VERSION)
BIN      = bin/infrahaus
GOLANGCI = v2.15.0

export CGO_ENABLED = 0

.PHONY: build demo test golden race crash crash-all fuzz lint e2e bench docs man install uninstall release-snapshot clean

# Proxmox speaks only HTTP/1.1, so the copy of HTTP/2 in net/http is left out.
BUILD    = -trimpath -tags nethttpomithttp2

build: ## the static binary
	$(GO) build $(BUILD) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/infrahaus

demo: build ## the main job on the embedded sandbox: from create to destroy
	$(BIN) demo

test: ## every test that needs only Go
	$(GO) test -timeout 40m ./...

# For one session: go test ./internal/cli -run 'TestSessions/sync$$' -golden
golden: ## write the golden output of every user session again, and show what changed
	$(GO) test -timeout 40m -count=1 ./internal/cli -run TestSessions -golden
	git diff --stat testdata/golden

race: ## the same under the race detector (needs a C compiler)
	sh .ci/need.sh gcc libc6-dev
	CGO_ENABLED=1 $(GO) test -timeout 40m -race ./...

FUZZTIME ?= 10s

fuzz: ## every fuzz target for FUZZTIME, one after the other
	sh .ci/fuzz.sh $(FUZZTIME)

crash: ## kill the tool at every point of its work, and inject every fault
	$(GO) run ./internal/e2e/crash

crash-all: ## every point with each way to continue, each transport and a second kill; takes hours, writes docs/crash.md
	$(GO) run ./internal/e2e/crash -all -doc docs/crash.md

lint: build ## formatting, vet, the imports between packages, the size of the binary
	sh .ci/need.sh shellcheck
	sh .ci/lint.sh $(GOLANGCI)

e2e: build ## tests with real LXC guests and a real Redis, as root; a skipped test is a failure
	sh .ci/need.sh lxc debootstrap dnsmasq-base zstd iproute2 iptables redis-server openssh-client ansible-core fish zsh
	sh .ci/e2e.sh

bench: build ## the reference job on real guests, as counts and ratios; needs root
	sh .ci/need.sh lxc debootstrap dnsmasq-base zstd iproute2 iptables openssh-client
	$(GO) run ./internal/e2e/bench

docs: ## docs/reference and the schema of templates, from the code
	$(GO) test -count=1 ./internal/cli -run 'TestReference$$' -update
	$(GO) test -count=1 ./internal/template -run 'TestPublishedSchema$$' -update

man: ## the man pages, from the help of the commands
	$(GO) run ./internal/cli/man dist/man

clean:
	rm -rf bin dist .cache
