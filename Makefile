# `make` lists the targets. One scratch path for each set of flags: two sets in one path rebuild everything.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

SWIFT ?= swift
PYTHON := .venv/bin/python
STRICT := --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors
DEBUG := --scratch-path .build $(STRICT)
RELEASE := -c release --scratch-path .build-release
TSAN := --scratch-path .build-tsan --sanitize=thread
ASAN := --scratch-path .build-asan --sanitize=address
BIN := .build-release/release
SOURCES := Package.swift Sources Tests $(wildcard Fuzz/Package.swift Fuzz/Sources) \
	$(wildcard Examples/Package.swift Examples/Sources Benchmarks/Package.swift Benchmarks/Sources)

# What Autobahn sends at most: messages of 16 MiB (9.1.6), and 4 MiB in fragments of 64 bytes (9.3.1).
AUTOBAHN_LIMITS := --max-message 67108864 --max-fragments 1000000
# Options for a run of Autobahn, such as: make autobahn-server AUTOBAHN='--cases 7.*'
AUTOBAHN ?=
# Options for a run of the interoperability checks, such as: make interop INTEROP='--only node'
INTEROP ?=
# Options for a run of the attacks, such as: make attacks ATTACKS='--only slowloris'
ATTACKS ?=
# Options for a run of the fuzz targets, such as: make fuzz FUZZ='--seconds 600 FuzzFrames'
FUZZ ?= --seconds 60
# Options for a run of the benchmarks, such as: make bench BENCH='--rounds 9 --idle 0'
BENCH ?=
# Options for `make serve`, such as: make serve SERVE='--port 9000'
SERVE ?=

.PHONY: help deps deps-interop build release serve test test-build test-portable format lint snippets check \
	autobahn-server autobahn-portable autobahn-client interop interop-portable attacks attacks-portable \
	fuzz tsan asan bench bench-publish instructions screenshots docs examples verify ci clean

help: ## List the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20

## Build and run

deps: ## Install what the build needs beyond Swift (zlib's headers)
	@Tools/install-dependencies build

deps-interop: ## Install what interop, autobahn and screenshots need (node, Chromium, .venv)
	@Tools/install-dependencies build interop

build: deps ## Build everything for debugging, warnings as errors
	$(SWIFT) build $(DEBUG)

release: deps ## Build everything for release
	$(SWIFT) build $(RELEASE)

serve: release ## Run the chat server with its page at http://127.0.0.1:8000/
	$(BIN)/aloft serve $(SERVE)

## Test

test-build: deps
	$(SWIFT) build --build-tests $(DEBUG)

test: test-build ## Run the unit tests, one after the other (they share event loops: in parallel, on a busy machine, they starve)
	$(SWIFT) test --no-parallel --skip-build --disable-xctest $(DEBUG)

format: ## Format the sources in place
	$(SWIFT) format format --in-place --recursive --parallel $(SOURCES)

lint: ## Check the format of the sources
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

test-portable: test-build ## Run the tests of the library on the portable transport
	ALOFT_TEST_TRANSPORT=portable $(SWIFT) test --no-parallel --skip-build --disable-xctest $(DEBUG) --filter WebSocketsTests

snippets: ## Check that the Swift code in the documents is cut from Examples
	@Tools/check-snippets

check: lint snippets test ## Check before a push: format, snippets, warnings, import rules, unit tests

autobahn-server: release deps-interop ## Run Autobahn's 517 cases against the server
	Tools/with-echo-server --deflate $(AUTOBAHN_LIMITS) -- \
		Tools/conformance/check-server {url} --agent aloft $(AUTOBAHN)

autobahn-portable: release deps-interop ## Run Autobahn's 517 cases against the server on the portable transport
	Tools/with-echo-server --transport portable --deflate $(AUTOBAHN_LIMITS) -- \
		Tools/conformance/check-server {url} --agent aloft --report reports/portable $(AUTOBAHN)

autobahn-client: release deps-interop ## Run Autobahn's 517 cases against the client
	Tools/conformance/check-client --agent aloft $(AUTOBAHN) -- \
		$(BIN)/autobahn-client {url} --agent {agent} --deflate $(AUTOBAHN_LIMITS)

interop: release deps-interop ## Talk to python, node, ws, Chromium and curl, over TLS too
	$(PYTHON) Tools/interop/run --aloft $(BIN)/aloft $(INTEROP)

interop-portable: release deps-interop ## The same with our servers on the portable transport
	$(PYTHON) Tools/interop/run --aloft $(BIN)/aloft --transport portable $(INTEROP)

attacks: release deps-interop ## Attack our server and our client, and measure whether others notice
	$(PYTHON) Tools/attacks/run --aloft $(BIN)/aloft $(ATTACKS)

attacks-portable: release deps-interop ## The same with both on the portable transport
	$(PYTHON) Tools/attacks/run --aloft $(BIN)/aloft --transport portable $(ATTACKS)

fuzz: deps ## Fuzz every parser
	Fuzz/run $(FUZZ)

tsan: deps ## Run the unit tests with the thread sanitizer, one after the other (it is slow: in parallel they starve)
	$(SWIFT) build --build-tests $(TSAN)
	TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/Tools/thread-sanitizer.supp $(SWIFT) test --no-parallel --skip-build --disable-xctest $(TSAN)

asan: deps ## Run the unit tests with the address sanitizer, one after the other, then a server under load
	$(SWIFT) build --build-tests $(ASAN)
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --no-parallel --skip-build --disable-xctest $(ASAN)
	$(SWIFT) build --product aloft $(ASAN)
	ASAN_OPTIONS=detect_leaks=0 Tools/sanitized-load .build-asan/debug/aloft

## Measure and show

bench: deps ## Measure processor time, rates, latency and memory beside uWebSockets, libwebsockets, ws, gorilla, …
	@Benchmarks/Peers/install
	$(SWIFT) build -c release --package-path Benchmarks --scratch-path .build-bench
	@mkdir -p reports
	.build-bench/release/bench --peers .build-peers/peers.tsv --packages Benchmarks/Package.resolved \
		--output reports/benchmarks.md --json reports/benchmarks.json $(BENCH)

instructions: deps ## Count the instructions of the core's hot paths, and compare them with the limits
	Benchmarks/instructions

bench-publish: ## Make docs/benchmarks.md and its plots from the last run of bench
	Benchmarks/publish

screenshots: release deps-interop ## Take docs/images/chat-{light,dark}-{390,1280}.png
	$(PYTHON) Tools/screenshots --aloft $(BIN)/aloft

docs: deps ## Build the documentation of the libraries into .build-docs, warnings as errors
	Tools/build-documentation

examples: deps ## Build the examples, warnings as errors
	$(SWIFT) build --package-path Examples --scratch-path .build-examples $(STRICT)

## Everything

verify: check test-portable examples docs autobahn-server autobahn-portable autobahn-client interop interop-portable \
	attacks attacks-portable instructions fuzz tsan asan ## Run every check there is

ci: ## Run what continuous integration runs
	@.ci/run

clean: ## Remove everything that was built
	rm -rf .build .build-* reports
