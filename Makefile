# Everything that is done with a checkout. Each target makes the environment it needs in .venv.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
VERSIONS := 15 16 17 18
PYTEST_ARGS ?=
# Processes that share the tests, each with a server of its own: more than cores, because many tests wait for something;
# pytest runs them all in one where there is one core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; n = min(os.cpu_count() or 1, 8); print(n * 3 // 2 if n > 1 else 0)')
# How long `make soak` writes.
MINUTES ?= 10
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/installed-demo ## start a temporary PostgreSQL and show the store at work
	@$(BIN)/esdb demo

.PHONY: test
test: $(VENV)/installed-test ## run the whole test suite; PYTEST_ARGS="-k append -x" for a part, WORKERS=0 in one process
	$(PYTEST) $(PYTEST_ARGS)

.PHONY: test-matrix
test-matrix: $(VENV)/installed-test ## run the whole test suite on PostgreSQL 15, 16, 17 and 18
	@sh tools/test_matrix.sh "$(VERSIONS)" $(PYTEST) $(PYTEST_ARGS)

.PHONY: test-upgrade
test-upgrade: $(VENV)/installed-test ## take a store to the newest PostgreSQL by dump and restore, and by pg_upgrade
	$(PYTEST) -m upgrade $(PYTEST_ARGS)

.PHONY: soak
soak: $(VENV)/installed-test ## drive the feed with all that can befall it and look for events skipped; MINUTES=10
	$(BIN)/python -m tests.soak --minutes $(MINUTES)
	ESDB_TEST_EVENTS=200000 $(BIN)/python -m pytest -k each_effect_comes_once tests/test_subscription_workers.py

.PHONY: lint
lint: $(VENV)/installed-lint ## check style, types, SQL, and the PL/pgSQL against a migrated database
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/squawk sql/schema/*.sql
	$(BIN)/python -m tools.lint_sql
	$(BIN)/python -m tools.lint_plpgsql

.PHONY: docs
docs: $(VENV)/installed-test ## write docs/reference and esdb_cli/exceptions.py, and build the site in build/site
	$(BIN)/python -m tools.generate_exceptions
	$(BIN)/python -m tools.generate_docs
	rm -rf build/site
	$(BIN)/python -m tools.site build/site

.PHONY: bench
bench: $(VENV)/installed-demo ## compare with other event stores on this machine; QUICK=1 for 3 minutes' worth
	$(BIN)/python -m benchmarks.append_ledger
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.run

.PHONY: bench-partitions
bench-partitions: $(VENV)/installed-demo ## measure what 1,080 partitions cost beside 108; QUICK=1 for a minute's worth
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.partitions

.PHONY: bench-import
bench-import: $(VENV)/installed-demo ## measure the rates of import and export; QUICK=1 for a minute's worth
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.import_export

.PHONY: bench-statistics
bench-statistics: $(VENV)/installed-demo ## measure what history costs a refresh of the statistics; QUICK=1 for a tenth of it
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.refresh_statistics

.PHONY: bench-growth
bench-growth: $(VENV)/installed-demo ## measure appends and reads after 10 million events; QUICK=1 for a fiftieth of them
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.growth

.PHONY: bench-feed
bench-feed: $(VENV)/installed-demo ## measure what the feed and its subscribers cost; QUICK=1 for a minute's worth
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.feed_cost

.PHONY: dist
dist: $(VENV)/installed-test ## build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build

.PHONY: clean
clean: ## remove everything that can be made again
	rm -rf $(VENV) .cache dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is missing or older than 3.11: make PYTHON=/path/to/a/newer/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-%: $(BIN)/python pyproject.toml
	$(PIP) install --editable '.[$*]'
	@touch $@
