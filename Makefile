# Every target sets itself up: the first call makes .venv from the hash-pinned
# lock, later calls reuse it until the lock or pyproject.toml changes.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

IN_RANGE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
# The first interpreter here that is new enough; name another with PYTHON=...
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.14 python3.11; do \
	"$$p" -c "$(IN_RANGE)" 2>/dev/null && echo "$$p" && break; done)
UV ?= uv

BIN := .venv/bin
STAMP := .venv/.stamp
PEERS_STAMP := .venv-bench/.stamp
PIP := -m pip install --quiet --disable-pip-version-check --no-input

CLOCKED := tests/kafka/test_short_faults.py

.PHONY: help setup demo check test cov bench faults simulate soak lock clean

help: ## these lines
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(STAMP) ## .venv with everything pinned (needs Python 3.11 to 3.14)

$(STAMP): requirements/dev.lock pyproject.toml
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c "$(IN_RANGE)" 2>/dev/null \
		|| { echo "Python 3.11 to 3.14 is needed$(if $(PYTHON),; $(PYTHON) is not that). Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up .venv (once, about a minute) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## sample traffic through one worker, live; needs nothing else
	@$(BIN)/refund demo

check: $(STAMP) ## style, types, import layers, compose file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

# Two processes for two cores; what is judged by the clock runs alone afterwards.
test: $(STAMP) ## all tests; those on a real broker need Java 17+ and Maven
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore $(CLOCKED)
	$(BIN)/python -m pytest $(CLOCKED)

cov: $(STAMP) ## all tests with branch coverage: 95 % of all, 100 % of the pure cores
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report
	$(BIN)/coverage report --include='streams/families/*,streams/processing/*' --fail-under=100

# What the peers need is no business of ours: an environment of their own.
$(PEERS_STAMP): requirements/bench.lock $(STAMP)
	@echo "Setting up .venv-bench for the peers (once) ..."
	@$(BIN)/python -m venv --clear .venv-bench
	@.venv-bench/bin/python $(PIP) --require-hashes -r requirements/bench.lock
	@touch $@

bench: $(STAMP) $(PEERS_STAMP) ## the race against the peers, an hour or two; ARGS=--quick: does it work?
	$(BIN)/python -m bench $(ARGS)

faults: $(STAMP) ## break things under load, many hours; ARGS="kill --runs 1" for a part of it
	$(BIN)/python -m faults $(ARGS)

simulate: $(STAMP) ## seeded universes in virtual time; SEEDS=1000 for so many, SEED=7 to follow one
	$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),$(if $(SEEDS),--seeds $(SEEDS))) $(ARGS)

soak: $(STAMP) ## two hours of little load, then a burst; MINUTES=5 for a short one
	$(BIN)/python -m faults soak $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

lock: ## renew requirements/*.lock (needs uv)
	@requirements/lock $(UV)

clean: ## remove .venv, caches and build output
	rm -rf .venv .venv-bench .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find streams tests bench faults simulation config docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
