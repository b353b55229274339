# `make demo` and `make test` need only Go and make. The other targets install what they
# need, once, with .ci/need.sh.
GO      ?= go
VERSION ?= $(shell sh packaging/version.sh)
COMMIT  ?= $(shell git describe --always --abbrev=40 --match= --dirty 2>/dev/null)
DATE    ?= $(shell TZ=UTC git show -s --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
CLI      = github.com/infrahaus/infrahaus/internal/cli
LDFLAGS  = -s -w -X $(CLI).version=$(VERSION) -X $(CLI).commit=$(COMMIT) -X $(CLI).date=$(DATE)
BIN      = bin/infrahaus
GOLANGCI = v2.15.0
# Newer ones need a newer Go, or a module that no proxy may have (go.digitalxero.dev).
GORELEASER = v2.15.2

# Where `make install` puts things; DESTDIR is for those who make packages.
PREFIX  ?= /usr/local
BINDIR   = $(DESTDIR)$(PREFIX)/bin
SHARE    = $(DESTDIR)$(PREFIX)/share

export CGO_ENABLED = 0

.PHONY: build demo test golden race crash crash-all fuzz lint e2e bench bench-scale docs pictures man install uninstall release-snapshot clean

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
	sh .ci/need.sh busybox-static lxc debootstrap dnsmasq-base zstd xz-utils iproute2 iptables redis-server openssh-client ansible-core fish zsh \
		rpm pacman-package-manager buildah gnupg man-db postgresql pgbouncer systemd
	sh .ci/e2e.sh

bench: build ## the reference job on real guests, as counts and ratios; needs root
	sh .ci/need.sh lxc debootstrap dnsmasq-base zstd iproute2 iptables openssh-client
	$(GO) run ./internal/e2e/bench

bench-scale: build ## 1,000 containers on a simulated cluster, by fleets and by workers; some ten minutes
	$(GO) run ./internal/e2e/benchscale

docs: ## docs/reference, docs/catalogue.md, the output in other docs, and the schemas of templates and fleets, from the code
	$(GO) test -count=1 ./internal/cli -run 'TestReference$$|TestDocs$$' -update
	$(GO) test -count=1 ./internal/template ./internal/fleet -run 'TestPublishedSchema$$' -update
	$(GO) test -count=1 ./templates -run 'TestCataloguePage$$' -update

man: ## man pages, completion scripts and licences, into bin/package
	sh packaging/prepare.sh bin/package '$(VERSION)'

install: build man ## into PREFIX: the binary, man pages, completion scripts, licences
	install -d '$(BINDIR)' '$(SHARE)/man/man1' '$(SHARE)/man/man7' '$(SHARE)/doc/infrahaus' \
		'$(SHARE)/bash-completion/completions' '$(SHARE)/zsh/site-functions' '$(SHARE)/fish/vendor_completions.d'
	install -m 755 $(BIN) '$(BINDIR)/infrahaus'
	install -m 644 bin/package/man/*.1 '$(SHARE)/man/man1'
	install -m 644 bin/package/man/*.7 '$(SHARE)/man/man7'
	install -m 644 bin/package/completions/infrahaus.bash '$(SHARE)/bash-completion/completions/infrahaus'
	install -m 644 bin/package/completions/infrahaus.zsh '$(SHARE)/zsh/site-functions/_infrahaus'
	install -m 644 bin/package/completions/infrahaus.fish '$(SHARE)/fish/vendor_completions.d/infrahaus.fish'
	install -m 644 LICENSE bin/package/NOTICES '$(SHARE)/doc/infrahaus'

uninstall: ## what `make install` with the same PREFIX has put there
	rm -f '$(BINDIR)/infrahaus' '$(SHARE)'/man/man[17]/infrahaus.[17] '$(SHARE)'/man/man[17]/infrahaus-*.[17] \
		'$(SHARE)/bash-completion/completions/infrahaus' '$(SHARE)/zsh/site-functions/_infrahaus' \
		'$(SHARE)/fish/vendor_completions.d/infrahaus.fish' '$(SHARE)/doc/infrahaus/LICENSE' '$(SHARE)/doc/infrahaus/NOTICES'
	-rmdir '$(SHARE)/doc/infrahaus' 2>/dev/null

release-snapshot: ## everything that a release has, into dist; nothing is published
	sh packaging/goreleaser.sh $(GORELEASER) check
	sh packaging/goreleaser.sh $(GORELEASER) release --snapshot --clean

clean:
	rm -rf bin dist .cache
