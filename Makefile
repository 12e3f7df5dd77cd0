# Lockstep needs Go; the stock modules that tests and examples link come from npm (Node and npm).
# Rebuilding the C fixtures also needs clang, lld and llvm; the built fixtures are committed, so nothing
# else does.

GO  ?= go
NPM ?= npm

.DEFAULT_GOAL := help
.PHONY: help deps fixtures side-modules libraries verify test race race-rooms bench bench-compare soak fuzz mutants mutant-modules tlc proof faults faults-named explored explore lint playground install release

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: stock/node_modules/.stamp ## fetch the pinned stock modules from npm

# npm's own record inside node_modules cannot be the stamp: npm leaves its time alone when nothing changed.
# No install scripts: the packages' native parts are not needed, only their .wasm files.
stock/node_modules/.stamp: stock/package-lock.json stock/package.json stock/.npmrc
	@command -v $(NPM) >/dev/null || { echo 'make deps: $(NPM) not found: install Node.js and npm' >&2; exit 1; }
	cd stock && $(NPM) ci --ignore-scripts
	@touch $@

fixtures: ## rebuild the C fixtures of tests and examples (needs clang, lld, llvm)
	linker/testdata/build.sh
	programs/testdata/build.sh
	linker/emscripten/testdata/build.sh
	treesitter/glue/build.sh

side-modules: deps ## link all side modules of npm's packages, run programs, and write spec/side-modules.md and workloads.md
	$(GO) test -count=1 -timeout 30m ./stock/linked -run "TestSideModules|TestFilters|TestPHPVersions" -args -all -update

libraries: ## rebuild zlib, Lua, SQLite and libc from Debian's sources (see libraries/README.md)
	libraries/build.sh

verify: deps ## explore the protocol, check the model, judge concurrent runs of the real linker
	$(GO) run ./cmd/lockstep verify

playground: ## make the page in which the protocol can be played with, out/playground.html
	$(GO) run ./playground/build -o out/playground.html

test: deps ## run all tests
	$(GO) test -timeout 20m ./...

race: deps ## run all tests under the race detector
	$(GO) test -race -timeout 40m ./...

# The packages whose subject is goroutines, and of the linker what loads, leaves and closes at once.
RACE_LINKER := Concurrent|OthersGoOn|ContextEnds|Abandoned|CompiledOnce|Stale|Lifetime|Visible|Groups|Spawn|Thread|Wait|Loop

race-rooms: ## run the tests of what has goroutines under the race detector
	$(GO) test -race -short -timeout 15m ./linker/coord ./lincheck ./fuzz/schedule ./linker/internal/persist
	$(GO) test -race -short -timeout 15m -run '$(RACE_LINKER)' ./linker

bench: ## print what linking costs, as ratios, and how costs grow; samples in out/bench.txt
	@mkdir -p out
	$(GO) run ./linker/bench --raw out/bench.txt

bench-compare: ## compare the work tree with another revision: make bench-compare BASE=HEAD~1
	@test -n "$(BASE)" || { echo 'make bench-compare: say with which revision: BASE=HEAD~1' >&2; exit 1; }
	$(GO) run ./linker/bench compare $(BASE)

# make soak DURATION=1h SEED=7
DURATION ?= 1m
SEED ?= 1

soak: ## run random and hostile programs for long: make soak DURATION=10m SEED=1
	$(GO) run ./cmd/lockstep soak --duration $(DURATION) --seed $(SEED)
	$(GO) test -race -count=1 -timeout 0 ./fuzz/adversary -adversary.duration=$(DURATION) -adversary.seed=$(SEED)

fuzz: ## run each fuzz target for a while: make fuzz DURATION=10s
	$(GO) run ./fuzz/cmd/targets --duration $(DURATION)

# make mutants PACKAGE="linker/coord model" SAMPLE=100 SEED=1
PACKAGE ?= linker/protocol
SAMPLE ?= 60

mutants: ## change one thing in a package at a time: does a test notice? make mutants PACKAGE=linker/coord SAMPLE=60
	$(GO) run ./fuzz/cmd/mutation --sample $(SAMPLE) --seed $(SEED) $(PACKAGE)
	$(GO) test -count=1 ./spec -run TestMutationTable -update

# make mutant-modules COUNT=100000 SEED=7: what fails is shrunk, and its seed printed
COUNT ?= 10000

mutant-modules: ## decode changed modules, and open them: make mutant-modules COUNT=100000 SEED=1
	$(GO) test -timeout 0 ./linker/internal/wasm -run TestMutants -v -args -mutants $(COUNT) -mutants.seed $(SEED)
	$(GO) test -timeout 0 ./linker -run TestOpenMutants -args -mutants $(COUNT) -mutants.seed $(SEED)

tlc: ## check the TLA+ models with TLC (needs Java)
	$(GO) run ./tla/cmd/tlc

proof: ## prove the properties for any number of groups (needs z3)
	$(GO) run ./tla/cmd/tlc prove
	$(GO) run ./tla/cmd/tlc prove --progress

faults: ## seed every fault, run every detector on it, and write spec/faults.md
	$(GO) run ./fuzz/cmd/faults

faults-named: ## seed every fault, run only the tests that must catch it, and write the list in spec/faults.md
	$(GO) run ./fuzz/cmd/faults --named

explored: ## explore every pair of the linker's operations, and write spec/explored.md
	EXPLORED_OUT=$(CURDIR)/spec/explored.md $(GO) test -count=1 -timeout 2h -v -run '^TestAllPairs$$' ./fuzz/explored

explore: ## explore triples of the linker's operations at random: make explore DURATION=10m SEED=1
	EXPLORED_DURATION=$(DURATION) EXPLORED_SEED=$(SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestTriples$$' ./fuzz/explored

# Of lincheck/explore, what tests use runs in another process, with an overlay.
DEAD := $(GO) tool -modfile=tools/go.mod deadcode -test ./... | grep -v '^lincheck/explore/'

PREFIX ?= /usr/local

install: ## install the command and its manual pages: make install PREFIX=$HOME/.local
	GOBIN=$(abspath $(PREFIX))/bin $(GO) install ./cmd/lockstep
	$(abspath $(PREFIX))/bin/lockstep man $(abspath $(PREFIX))/share/man/man1

lint: ## gofmt, go vet, staticcheck, deadcode, and the rules of internal/lint
	@unformatted=$$(find . -name '*.go' -not -path './stock/node_modules/*' -exec gofmt -l {} +); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	@dead=$$($(DEAD)); if [ -n "$$dead" ]; then echo "$$dead"; exit 1; fi
	$(GO) test ./internal/lint

release: ## check everything, and tag the version that internal/version says
	@version=$$(sed -n 's/^const Number = "\(.*\)"/v\1/p' internal/version/version.go); \
	test -z "$$(git status --porcelain)" || { echo "make release: the work tree has changes" >&2; exit 1; }; \
	! git rev-parse -q --verify "refs/tags/$$version" >/dev/null || { echo "make release: $$version is there already" >&2; exit 1; }; \
	$(MAKE) --no-print-directory lint test verify && \
	git tag -a "$$version" -m "Lockstep $$version" && \
	echo "$$version is tagged; git push origin $$version publishes it"
