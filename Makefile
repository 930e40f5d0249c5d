# Needs Python 3.11+, git and make; everything else is installed into .venv, pinned by requirements.lock.
# Another Python: `make test PYTHON=python3.12`.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.10.1

.DEFAULT_GOAL := help
.PHONY: help install demo up test chaos bench test-compose lint format lock lock-production audit clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## The environment in .venv, as requirements.lock has it

# The stamp is newer than what it was made from: a second call installs nothing. --no-deps because the lock is
# complete, and pip does not see that `gql` is pinned where another package asks for `gql[requests]`.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(PIP) check
	@touch $@

demo: .venv/installed  ## The whole system on this machine, with emulated accounts and a sample upload
	$(BIN)/themaads demo

up: .venv/installed  ## The whole system on this machine, with your own uploads
	$(BIN)/themaads up

test: lint  ## Lint, types, import rules, and all tests but the long chaos runs
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0 -m "not chaos"

chaos: .venv/installed  ## Long tests that kill and hang real processes; THEMAADS_CHAOS_SEED replays one
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0 -m chaos -rP

bench: .venv/installed  ## The push beside its floor; intake, start-up and ledger by themselves: figures, no tests
	$(BIN)/python -m benchmarks.bench

test-compose: .venv/installed  ## docker-compose.yml for real, with redeploys and kills; needs Docker, half an hour
	$(BIN)/python -m themaads_pipeline_tests.compose

# What is in the image: a part of requirements.lock, without the tools of development. After `make lock`.
lock-production: .venv/uv/bin/uv  ## Write requirements-production.lock anew, with the versions of requirements.lock
	echo 'setuptools>=77' | .venv/uv/bin/uv pip compile pyproject.toml --extra docker --extra kubernetes --extra s3 - \
	  --constraint requirements.lock --quiet --python-version 3.11 --universal --generate-hashes --no-annotate \
	  --no-header --output-file requirements-production.lock

lint: .venv/installed  ## Lint, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed  ## Put the code into its format
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

# setuptools builds the package itself, without an isolated (and so unpinned) environment.
lock: .venv/uv/bin/uv  ## Write requirements.lock anew from pyproject.toml, with the newest versions it allows
	echo 'setuptools>=77' | .venv/uv/bin/uv pip compile pyproject.toml --group dev - --upgrade --quiet \
	  --python-version 3.11 --universal --generate-hashes --no-annotate --no-header --output-file requirements.lock

.venv/uv/bin/uv:
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)

# Not part of `make test`: it asks a database in the network, which may know more tomorrow.
audit: .venv/audit/bin/pip-audit  ## Known vulnerabilities of the locked packages; needs the network
	.venv/audit/bin/python .ci/audit.py

.venv/audit/bin/pip-audit:
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==$(PIP_AUDIT_VERSION)

clean:  ## Remove the environment and caches; data in .themaads stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info
