# From a fresh clone, with nothing but Python 3.11+, make and git: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv does not read pip's configuration, so it gets pip's index. If it still cannot install, pip can.
PIP_INDEX = $${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}
UV = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$(PIP_INDEX)}" $(BIN)/uv pip install --quiet --python $(BIN)/python
PYTEST := $(BIN)/python -m pytest
# Scenarios wait more than they compute, so there are more workers than cores. tests/conftest.py has the long modules
# start first.
WORKERS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
COMPUTING := $(shell getconf _NPROCESSORS_ONLN)
PARALLEL := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
FOLDERS := tests/scenario tests/browser tests/contract tests/unit
SUITE := -m "not alone" $(PARALLEL) $(FOLDERS)

# Tests start a lot of Python processes. Without compiled files, each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test public coverage lint fmt hooks lock docs bench soak guards fuzz sbom audit clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): requirements-dev.txt pyproject.toml | $(BIN)/python
	@awk '/^[a-z]/ {uv = /^uv==/} uv' requirements-dev.txt >$(VENV)/uv.txt
	$(PIP) --require-hashes -r $(VENV)/uv.txt
	$(UV) --require-hashes -r requirements-dev.txt || $(PIP) --require-hashes -r requirements-dev.txt
	$(UV) --no-deps --editable . || $(PIP) --no-deps --editable .
	@touch $(READY) $(DEMO)

# Only what runs, not the tools for development; it shows each package, because people watch this one.
$(DEMO): requirements-demo.txt | $(BIN)/python
	@echo "Installing the demo's packages into $(VENV), once ..."
	@$(PIP:--quiet=) --progress-bar off --require-hashes -r requirements-demo.txt
	@touch $(DEMO)

demo: $(DEMO) ## run the product in your browser, no account needed (ARGS=--once for a scripted run)
	@$(BIN)/python -m bot demo $(ARGS)

test: $(READY) ## run lint and all tests in parallel (ARGS="-k name" for some)
	@mkdir -p build
	@# Lint takes what the tests that run alone leave of the processors. Then what computes runs beside what waits, in
	@# workers of its own: each worker collects all tests of its run.
	@failed=0; nice -n 19 $(MAKE) --no-print-directory lint >build/lint.log 2>&1 & lint=$$!; \
	$(PYTEST) -m alone $$(grep -rl --include='test_*.py' 'mark\.alone' $(FOLDERS)) $(ARGS) || test $$? -eq 5 || failed=1; \
	$(PYTEST) $(PARALLEL) --numprocesses $(COMPUTING) tests/contract tests/unit $(ARGS) >build/unit.log 2>&1 & unit=$$!; \
	$(PYTEST) -m "not alone" $(PARALLEL) tests/scenario tests/browser $(ARGS) || test $$? -eq 5 || failed=1; \
	wait $$unit || test $$? -eq 5 || failed=1; wait $$lint || failed=1; \
	cat build/unit.log build/lint.log; exit $$failed

public: $(READY) ## run the tests of faults that people reported in public, in under a minute
	@# Collecting the other modules would take longer than these tests do, and so would a worker more than cores.
	$(PYTEST) $(PARALLEL) --numprocesses auto -m public $$(grep -rl --include='test_*.py' 'mark\.public(' $(FOLDERS)) $(ARGS)

coverage: $(READY) ## run all tests with branch coverage, at least 95 percent
	$(PYTEST) $(SUITE) --cov --cov-report=term $(ARGS)

lint: $(READY) ## style, types and import rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml --severity-level medium bot

fmt: $(READY) ## format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: $(READY) ## run style, types and import rules before each commit
	$(BIN)/prek install

lock: $(READY) ## pin production and development dependencies
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" --extra otel --constraint requirements.txt pyproject.toml \
		--output-file requirements-otel.txt
	printf 'build>=1.3\nhatchling>=1.27\n' | $(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" - --output-file requirements-build.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" --extra demo --constraint requirements.txt pyproject.toml \
		--output-file requirements-demo.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --python-version 3.11 --no-emit-index-url \
		--custom-compile-command "make lock" --extra demo --extra otel --group dev --constraint requirements-demo.txt \
		--constraint requirements-build.txt pyproject.toml \
		--output-file requirements-dev.txt

docs: $(READY) ## write docs/reference from the code, and build the site in build/site (ARGS=serve to read it)
	$(BIN)/python -m reference
	$(BIN)/zensical $(or $(ARGS),build --clean --strict)

bench: $(READY) ## compare speed and cost with a naive bot and with the upstream calls alone, under five minutes
	$(BIN)/python -m bench $(ARGS)

soak: $(READY) ## half an hour of steady load (ARGS="--minutes 5")
	$(BIN)/python -m bench.soak $(ARGS)

guards: $(READY) ## run each guard's test, then remove the guard from a copy and see the test fail
	$(BIN)/python -m fuzz.break_guards $(ARGS)

fuzz: $(READY) ## five minutes of coverage-guided input at the HTTP entrance
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	$(BIN)/python -m fuzz.entrance -max_total_time=300 $(ARGS)

sbom: $(READY) ## list what the bot is made of in build/sbom.json (CycloneDX), from the hashed lock file
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --validate --of JSON \
		--output-file build/sbom.json requirements.txt

audit: $(READY) ## known vulnerabilities in production dependencies; needs internet access
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9'
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements-otel.txt

clean: ## remove everything that was built
	rm -rf $(VENV) .cache build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
