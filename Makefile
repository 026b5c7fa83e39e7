# One environment, .venv, built from requirements/dev.txt; every target makes it when it is missing
# or older than the pins. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup check lint format test long bench demo serve tools pythons lock clean

BIN := .venv/bin
READY := .venv/.ready
SETUP_LOG := .venv/setup.log
LOCK_ENV := var/lock-env
WORKERS ?= 2

# The pins are tried on 3.11 to 3.13; a newer Python is taken only when none of these is there.
# A name on the PATH is not enough: it must run, and it must be able to make an environment.
define FIND_PYTHON
usable() { command -v "$$1" >/dev/null 2>&1 && "$$1" -c "import sys, venv, ensurepip; \
  sys.exit(not (3, 11) <= sys.version_info[:2] <= $$2)" >/dev/null 2>&1; }; \
found=; \
for newest in "(3, 13)" "(3, 99)"; do \
  for name in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
    if [ -z "$$found" ] && usable "$$name" "$$newest"; then found=$$name; fi; \
  done; \
done; \
if [ -z "$$found" ]; then \
  echo "kyojo needs Python 3.11 or newer with its venv module." >&2; \
  echo "Tried $(or $(PYTHON),python3 and python3.11 to python3.13); python3 here is" \
    "$$(python3 --version 2>/dev/null || echo missing)." >&2; \
  echo "On Debian or Ubuntu: apt-get install python3 python3-venv." >&2; \
  echo "Or name one: make setup PYTHON=/path/to/python3.12" >&2; \
  exit 1; \
fi
endef

# Shows the end of the log only when a step fails: pip says much and means little.
define LOGGED
|| { echo "Setting up failed; the end of $(SETUP_LOG):" >&2; tail -n 25 $(SETUP_LOG) >&2; exit 1; }
endef

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

# Compiled like an installed package: where Python may not write what it compiles, each command
# would compile all of it again, which takes a third of the time of loading it.
setup: $(READY)  ## make .venv with the pinned packages and the kyojo command

$(READY): requirements/dev.txt pyproject.toml
	@$(FIND_PYTHON); \
	echo "Setting up .venv with $$($$found --version 2>&1) (once; a minute or two) ..."; \
	"$$found" -m venv .venv || exit 1; \
	$(BIN)/python -m pip install --disable-pip-version-check --no-input --require-hashes \
	  -r requirements/dev.txt >$(SETUP_LOG) 2>&1 $(LOGGED); \
	$(BIN)/python -m pip install --disable-pip-version-check --no-input --no-deps \
	  --no-build-isolation -e . >>$(SETUP_LOG) 2>&1 $(LOGGED); \
	$(BIN)/python -m compileall -q ledger api contracts >>$(SETUP_LOG) 2>&1 $(LOGGED)
	@touch $(READY)

demo: $(READY)  ## run one real month of a charging network, end to end
	@$(BIN)/python -m examples.lugano.demo

serve: $(READY)  ## the same, and keep the server up to look around
	@$(BIN)/python -m examples.lugano.demo --serve

test: $(READY)  ## run the tests
	@$(BIN)/python -m pytest -n $(WORKERS)

long: $(READY)  ## the long fuzz and fault runs that `make test` leaves out
	@$(BIN)/python -m pytest -n $(WORKERS) -m long

lint: $(READY)  ## format, lint, types and layers, without changing a file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m contracts.build --check

check: lint test  ## everything that CI checks

format: $(READY)  ## bring the code into the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## measure the speeds beside their yardsticks
	@$(BIN)/python -m bench

tools:  ## list what optional checks need; as root on Debian, install it; then `make pythons`
	@INSTALL=$(or $(INSTALL),1) sh .ci/tools

pythons: $(READY)  ## an environment for every other Python here, to compare the engine's bytes
	@$(BIN)/python -m tests.pythons

# uv resolves for all supported Pythons and systems at once; it lives in an environment of its own
# because nothing else here needs it.
lock: $(READY)  ## renew the pins in requirements/ from pyproject.toml (UPGRADE=1: newest versions)
	@mkdir -p var
	@$(BIN)/python -m venv $(LOCK_ENV)
	@$(LOCK_ENV)/bin/python -m pip install -q --disable-pip-version-check 'uv>=0.13,<1' \
	  >var/lock.log 2>&1 || { tail -n 25 var/lock.log >&2; exit 1; }
	@for set in dev runtime; do \
	  extra=; \
	  if [ $$set = dev ]; then extra="--extra dev"; else extra="-c requirements/dev.txt"; fi; \
	  $(LOCK_ENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-emit-index-url $(if $(UPGRADE),--upgrade) $$extra \
	    pyproject.toml -o requirements/$$set.txt >>var/lock.log 2>&1 \
	    || { tail -n 25 var/lock.log >&2; exit 1; }; \
	  echo "requirements/$$set.txt: $$(grep -c == requirements/$$set.txt) packages"; \
	done

clean:  ## remove the environment, caches and the demo's folder
	rm -rf .venv var .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
