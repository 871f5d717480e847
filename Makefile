# make demo: the whole tour in a few minutes.  make test: lint, types, tests.  Both set everything up themselves.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# One thread a test process: the processes share the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

.PHONY: help setup dot demo lint types test test-full clean

help:
	@sed -n '1s/^# //p;s/^\([a-z-]*\):.*## /  make \1: /p' Makefile

setup: $(INSTALLED) dot

$(INSTALLED): pyproject.toml
	@python=$$(.ci/find-python) && echo "setting up $(VENV) with $$python (PyTorch is large: a few minutes)" \
		&& $$python -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

dot:
	@.ci/install-dot

lint: $(INSTALLED) ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED) ## mypy --strict, on a regular install (it cannot see through an editable one)
	@rm -rf build && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target build/types .
	cd build/types && MYPY_CACHE_DIR=$(CURDIR)/.mypy_cache $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml -p genocc

test: setup lint types ## lint, types and tests
	$(PYTEST)

test-full: setup lint types ## the same with the large campaigns; keeps what it prints in docs/results/
	HYPOTHESIS_PROFILE=full $(PYTEST) -m "full or not full" | tee docs/results/test-full.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
