# `make help` lists the targets. Every one that builds or runs something installs what is missing.

SHELL := /bin/bash
SWIFT ?= swift
# With Swift's own libraries inside, as in the image: calls into them take no detour.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib
BUILD := .build
BIN = $(BUILD)/debug
VENV := .build/venv
PYTEST := $(VENV)/bin/pytest
SWIFT_SOURCES := Sources Tests Examples Benchmarks/Sources Benchmarks/Package.swift \
	Package.swift
SEED ?=
KIND ?=
STEPS ?= 1000000
ROW ?=
GROWTH ?=
ROUNDS ?=
RECORD ?=

.PHONY: help deps venv build test unit-test daemon-test conformance sim-test demo run lint format \
	tidy openapi sim tsan asan load storm bench bench-guard bench-programs image-test clean

help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

deps: ## Installs the Debian packages that are missing.
	@scripts/install-deps.sh

venv: deps
	@scripts/make-venv.sh $(VENV)

build: deps ## Builds the daemon and the simulated instrument.
	$(SWIFT) build --product iocpd
	$(SWIFT) build --product simulated-instrument

unit-test: build
	$(SWIFT) test

daemon-test: build venv
	SIMULATED_INSTRUMENT=$(BIN)/simulated-instrument $(PYTEST) -q -p no:cacheprovider \
		Tests/instrument
	IOCPD_BIN=$(BIN)/iocpd SIMULATED_INSTRUMENT=$(BIN)/simulated-instrument \
		$(PYTEST) -q -p no:cacheprovider Tests/contract Tests/daemon Tests/ConformanceTests
	# The devices once more over io_uring; where that is refused, they run over epoll again.
	IOCPD_TEST_IO_DRIVER=uring IOCPD_BIN=$(BIN)/iocpd \
		SIMULATED_INSTRUMENT=$(BIN)/simulated-instrument $(PYTEST) -q -p no:cacheprovider \
		$(wildcard $(addprefix Tests/daemon/test_,devices_*.py file*.py serial_*.py tls_*.py))

conformance: build venv ## Runs the conformance tests, and writes docs/conformance.md from them.
	IOCPD_BIN=$(BIN)/iocpd $(PYTEST) -q -p no:cacheprovider Tests/ConformanceTests \
		--ignore Tests/ConformanceTests/test_page.py \
		--conformance-results $(BUILD)/conformance.json; status=$$?; \
	$(VENV)/bin/python scripts/conformance-page.py $(BUILD)/conformance.json && exit $$status

sim-test: deps
	$(RELEASE) --product iocpd-sim
	$(BUILD)/release/iocpd-sim --steps $(STEPS)

test: unit-test sim-test daemon-test ## Builds and runs all tests.

demo: build ## Shows the main job as curl does it, on a simulated instrument.
	@scripts/demo.sh $(BIN)

run: build ## Starts the daemon on localhost:4627.
	$(BIN)/iocpd serve

lint: venv tidy ## Checks format, layout and generated files.
	$(SWIFT) format lint --strict -r $(SWIFT_SOURCES)
	$(VENV)/bin/python scripts/embed-openapi.py --check
	$(VENV)/bin/python scripts/conformance-page.py --check

format: ## Formats the Swift sources.
	$(SWIFT) format -i -r $(SWIFT_SOURCES)

tidy: ## Tests the repository itself: lengths, imports, unsafe marks, stray files.
	@python3 scripts/tidy.py

openapi: venv ## Embeds openapi/openapi.yaml into the daemon.
	$(VENV)/bin/python scripts/embed-openapi.py

sim: deps ## Simulates: make sim SEED=n KIND=files STEPS=n replays a run.
	$(RELEASE) --product iocpd-sim
	$(BUILD)/release/iocpd-sim --steps $(STEPS) $(if $(SEED),--seed $(SEED)) \
		$(if $(KIND),--kind $(KIND))

tsan: deps ## Runs the unit tests under ThreadSanitizer.
	TSAN_OPTIONS=halt_on_error=1 $(SWIFT) test --scratch-path .build-tsan --sanitize thread \
		-Xswiftc -DTSAN

# Leaks are not asked for: a directory and its ports hold each other, in the daemon until it ends;
# what is left behind is measured on the daemon itself, by make storm and make load.
asan: deps ## Runs the unit tests under AddressSanitizer.
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --scratch-path .build-asan --sanitize address --disable-xctest

load: build venv ## Opens 8,000 sessions and 8,000 waiting fetches, and prints what they cost.
	$(RELEASE) --product iocpd
	IOCPD_BIN=$(BUILD)/release/iocpd $(VENV)/bin/python Tests/daemon/load_8000.py

storm: build venv ## Opens four thousand sessions of each transport; does all to them that can be done.
	$(RELEASE) --product iocpd
	IOCPD_BIN=$(BUILD)/release/iocpd $(VENV)/bin/python Tests/daemon/transport_storm.py

# Without the old plan of the build: it does not have files that came to the root package since.
bench-programs:
	@BENCH=1 scripts/install-deps.sh
	$(RELEASE) --product iocpd
	@rm -f $(BUILD)/benchmarks/*.yaml
	$(RELEASE) --package-path Benchmarks --scratch-path $(BUILD)/benchmarks
	@$(MAKE) --no-print-directory -C Benchmarks/load OUT=$(CURDIR)/$(BUILD)/bench-programs
	@$(MAKE) --no-print-directory -C Benchmarks/peers OUT=$(CURDIR)/$(BUILD)/bench-programs

bench: bench-programs ## Measures beside peers: ROW=name, GROWTH=1 how costs grow, FLOORS=1 their floors.
	python3 Benchmarks/bench.py $(if $(ROW),--row $(ROW)) $(if $(GROWTH),--growth) \
		$(if $(FLOORS),--floors) \
		$(if $(ROUNDS),--rounds $(ROUNDS))

bench-guard: bench-programs ## Counts instructions and system calls against thresholds.
	python3 Benchmarks/guard.py $(if $(RECORD),--record)

image-test: ## Builds the container image and runs it, without a Docker engine.
	@IMAGE_TEST=1 scripts/install-deps.sh
	docker/image-test.sh

clean: ## Removes what was built.
	rm -rf $(BUILD) .build-tsan .build-asan
