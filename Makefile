# Every target makes what it needs first: nothing has to be run before it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help setup run test api-long lint docs guide bench lock clean

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(VENV)/.development  ## Make .venv with everything needed to develop and test

run: $(VENV)/.installed  ## Start Stopgate on this machine and say where to go (Ctrl-C ends it)
	@$(BIN)/stopgate up

test: setup lint  ## Check the code and run every test
	$(BIN)/pytest -n 2 --dist loadgroup

api-long: setup  ## Look at the API against its description for some minutes
	STOPGATE_SPEC_EXAMPLES=200 $(BIN)/pytest -n 2 tests/gateway/test_api_spec.py

lint: setup  ## Style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## Write docs/settings.md, commands.md and api.md from the tables in the code
	$(BIN)/python docs/make_reference.py

guide: setup  ## Take the pictures of docs/console.md anew (needs chromium)
	$(BIN)/python docs/make_guide.py

bench: setup  ## Measure: prints every figure README and docs quote
	$(BIN)/python -m bench

lock:  ## Choose new versions of the dependencies and write them down
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile $(LOCK_FLAGS) pyproject.toml --group build -o requirements.lock
	$(VENV)-lock/bin/uv pip compile $(LOCK_FLAGS) pyproject.toml --group build --group dev -o requirements-dev.lock
	rm -rf $(VENV)-lock

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Stopgate needs Python 3.11 or newer; say PYTHON=... to choose one")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/pip requirements.lock pyproject.toml
	@echo "Installing into $(VENV) what requirements.lock names; once, about a minute."
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.development: $(VENV)/.installed requirements-dev.lock
	@echo "Installing what developing and testing need; once, about a minute."
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
