# Crossfoot. `make` alone lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Telemetry of every dependency is off, here and in the settings the command itself applies.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export RUNTIME__DLTHUB_TELEMETRY := false
export DAGSTER_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# Compiled modules are kept: without them every start pays for compiling its imports again.
unexport PYTHONDONTWRITEBYTECODE

# In this order: files that take minutes must not be the last ones, when one core has nothing left to do.
# One process more than two cores: a test that waits for a server or a process leaves its core to another.
SLOWEST_FIRST := tests/journeys tests/warehouse tests/contract tests/proof tests/unit tests/repo

.DEFAULT_GOAL := help
.PHONY: help install demo ui test test-scale check unit docs sbom bench soak suites lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP)  ## Set up the virtual environment, nothing else

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Crossfoot needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (first time only; the pins are in constraints.txt) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv 2>$(VENV)/install.log || { cat $(VENV)/install.log; echo "The package registry did not answer. Check the network or pip's configuration, then run make again."; exit 1; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]' 2>$(VENV)/install.log \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' 2>>$(VENV)/install.log \
	  || { cat $(VENV)/install.log; echo "Installing failed; the reason is above. Mend it and run make again."; exit 1; }
	@touch $@

demo: $(STAMP)  ## Do the main job once on the sandbox company, twice over, and show the result
	@$(BIN)/crossfoot demo

ui: $(STAMP)  ## Start the sandbox and the Dagster UI together
	@$(BIN)/crossfoot ui

test: $(STAMP) check  ## Everything that must pass: check, then all tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(SLOWEST_FIRST)

# An environment of its own: the extensions of a shared warehouse are built for one DuckDB exactly.
SCALE := .venv-scale

$(SCALE)/.installed: pyproject.toml constraints.txt tests/scale/constraints.txt
	@echo "Setting up $(SCALE) (first time only; what differs is in tests/scale/constraints.txt) ..."
	@test -x $(SCALE)/bin/python || $(PYTHON) -m venv $(SCALE)
	@{ grep -v '^duckdb==' constraints.txt; grep -v '^#' tests/scale/constraints.txt; } > $(SCALE)/constraints.txt
	@$(SCALE)/bin/python -m pip install --quiet --disable-pip-version-check -c $(SCALE)/constraints.txt uv 2>$(SCALE)/install.log \
	  && $(SCALE)/bin/uv pip install --quiet --python $(SCALE)/bin/python -c $(SCALE)/constraints.txt -e '.[dev,lake,store,spark]' 2>>$(SCALE)/install.log \
	  || { cat $(SCALE)/install.log; echo "Installing failed; the reason is above. Mend it and run make test-scale again."; exit 1; }
	@touch $@

test-scale: $(SCALE)/.installed  ## The warehouse that machines share, and Spark: the same answers as in a file
	@$(SCALE)/bin/python -m pytest -s tests/scale

unit: $(STAMP)  ## The fast tests only
	@$(BIN)/python -m pytest tests/repo tests/unit

docs: $(STAMP)  ## Every mart and column described, as one page in the data folder
	@$(BIN)/crossfoot docs

sbom: $(STAMP)  ## Every package that is installed and why, as CycloneDX, in data/sbom.json
	@$(BIN)/python tests/repo/sbom.py data/sbom.json
	@echo "data/sbom.json"

check: $(STAMP)  ## Formatting, lint, types, SQL style
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@# Types and SQL side by side: mypy uses one core. The SQL linter's worker processes end with a
	@# warning about themselves that says nothing about the models.
	@$(BIN)/mypy & types=$$!; \
	  PYTHONWARNINGS=ignore::UserWarning:multiprocessing.resource_tracker $(BIN)/sqlfluff lint --disable-progress-bar --quiet --processes 2 dbt_project/models dbt_project/tests; \
	  style=$$?; wait $$types && exit $$style

bench: $(STAMP)  ## One benchmark of tests/benchmarks: make bench NAME=cycle
	@test -n "$(NAME)" || { echo "Name one: make bench NAME=... out of:"; ls tests/benchmarks/bench_*.py | sed 's/.*bench_\(.*\)\.py/  \1/'; exit 2; }
	@test -f tests/benchmarks/bench_$(NAME).py || { echo "There is no benchmark '$(NAME)'. There are:"; ls tests/benchmarks/bench_*.py | sed 's/.*bench_\(.*\)\.py/  \1/'; exit 2; }
	@$(BIN)/python tests/benchmarks/bench_$(NAME).py

soak: $(STAMP)  ## A demonstration that is killed; writing, then reading, in bad weather: make soak MINUTES=30; before them any histories: HISTORIES=50 (SEED=... plays some again)
	@test -z "$(HISTORIES)" || SOAK_HISTORIES=$(HISTORIES) SOAK_SEED=$(SEED) $(BIN)/python -m pytest -s tests/contract/test_extract_any_history.py
	@$(BIN)/python -m pytest tests/soak
	@$(BIN)/python tests/soak/soak.py $(or $(MINUTES),10)

suites: $(STAMP)  ## Published clients and their own suites, unmodified, against the sandbox (needs Node)
	@$(BIN)/python tests/published/run.py

lock: $(STAMP)  ## Resolve constraints.txt anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o constraints.txt

clean:  ## Remove the environment and everything generated
	@rm -rf $(VENV) $(SCALE) *.egg-info .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs
	@find data -mindepth 1 -maxdepth 1 ! -name README.md ! -name models -exec rm -rf {} +
