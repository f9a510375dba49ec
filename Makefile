# From a fresh clone, with nothing but Python 3.11+, make and git: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt lock bench soak guards fuzz audit clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

demo: $(READY) ## the whole product in your browser, no account needed (ARGS=--once for a scripted run)
	@$(BIN)/studio-links demo $(ARGS)

test: lint ## lint, types, import rules and all tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest -m alone --cov --cov-report= --cov-fail-under=0 $(ARGS) || test $$? -eq 5
	$(BIN)/python -m pytest -m "not alone" --numprocesses auto --dist loadfile --cov --cov-append --cov-report= $(ARGS)
	$(BIN)/python -m coverage report

lint: $(READY) ## style, types and import rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml --severity-level medium bot

fmt: $(READY) ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## pin what is shipped, and what it is tested with
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.txt
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" - --output-file requirements-build.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" --extra dev --constraint requirements.txt pyproject.toml \
		--output-file requirements-dev.txt

bench: $(READY) ## speed and cost beside a naive bot's and the upstreams' own, in under five minutes
	$(BIN)/python -m bench $(ARGS)

soak: $(READY) ## half an hour of steady load on a bot of its own (ARGS="--minutes 5")
	$(BIN)/python -m bench.soak $(ARGS)

guards: $(READY) ## take each guard out of a copy, and see its test fail
	$(BIN)/python -m fuzz.break_guards $(ARGS)

fuzz: $(READY) ## five minutes of coverage-guided input at the HTTP entrance
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	$(BIN)/python -m fuzz.entrance -max_total_time=300 $(ARGS)

audit: $(READY) ## known holes in what is shipped; asks a public database
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9'
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.txt

clean: ## remove everything that was built
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
