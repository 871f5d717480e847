# make demo: the whole tour in a few minutes.  make test: lint, types, tests.  Both set everything up themselves.

VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALLED := $(VENV)/.installed

# One thread a test process: the processes share the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

DEMO := runs/demo

# What `make bench-quick` compares this tree with.
BASE ?= main

.PHONY: help setup dot chromium demo lint types test test-full coverage mutation bench-quick architecture docs clean

help:
	@sed -n '1s/^# //p;s/^\([a-z-]*\):.*## /  make \1: /p' Makefile

setup: $(INSTALLED) dot

$(INSTALLED): pyproject.toml
	@python=$$(sh .ci/find-python) && echo "setting up $(VENV) with $$python (PyTorch is large: a few minutes)" \
		&& $$python -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

dot:
	@sh .ci/install-dot

chromium: dot
	@sh .ci/install-chromium

demo: setup ## search on the built-in digits, train the net found, ship it as ONNX, verify, time and report it
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/genocc search --out $(DEMO)/search
	$(BIN)/genocc draw $(DEMO)/search -o $(DEMO)/cells.svg
	$(BIN)/genocc draw $(DEMO)/search -o $(DEMO)/evolution.gif
	$(BIN)/genocc train $(DEMO)/search --out $(DEMO)/train
	$(BIN)/genocc count $(DEMO)/train
	$(BIN)/genocc compile $(DEMO)/train --to onnx --uint8-input -o $(DEMO)/net.onnx
	$(BIN)/genocc verify $(DEMO)/net.onnx --weights $(DEMO)/train/best.safetensors
	$(BIN)/genocc bench $(DEMO)/train --rounds 2 -o $(DEMO)/bench.svg
	$(BIN)/genocc report $(DEMO)/search -o $(DEMO)/search.html
	$(BIN)/genocc report $(DEMO)/train -o $(DEMO)/train.html
	$(BIN)/genocc evaluate $(DEMO)/net.onnx --data digits
	@echo "see $(DEMO): search.html and train.html (reports), cells.svg, evolution.gif (the film), net.onnx, bench.svg," \
		"search/ and train/ (the runs)"

# What comes before the tests, two at a time: none of it is busy on more than one core.
.PHONY: checked
checked:
	@$(MAKE) --no-print-directory --jobs 2 setup chromium lint types docs

lint: $(INSTALLED) build/regular ## ruff: format and rules; import-linter: which room may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd build/regular && PYTHONPATH=. $(abspath $(BIN))/lint-imports $(CURDIR)/pyproject.toml --no-cache --no-logo

types: $(INSTALLED) build/regular ## mypy --strict
	cd build/regular && MYPY_CACHE_DIR=$(CURDIR)/.mypy_cache $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml -p genocc

# A regular install, made anew: neither mypy nor import-linter sees through an editable one.
.PHONY: build/regular
build/regular: $(INSTALLED)
	@rm -rf $@ build/lib && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target $@ .

test: checked ## lint, types, the site and tests
	$(PYTEST)

test-full: checked ## the same with the large campaigns; keeps what it prints in docs/results/
	@mkdir -p docs/results
	$(PYTEST) -m "full or not full" > docs/results/test-full.txt; status=$$?; cat docs/results/test-full.txt; exit $$status

coverage: setup chromium ## the tests again, more slowly: branches taken, by room; fails below 95% (waist) and 88% (rest)
	$(BIN)/python -m coverage erase
	OMP_NUM_THREADS=1 $(BIN)/python -m coverage run -m pytest -n auto
	$(BIN)/python -m coverage combine --quiet
	@mkdir -p build
	$(BIN)/python -m coverage json --quiet -o build/coverage.json
	$(BIN)/python -m tests.coverage_by_room build/coverage.json

mutation: $(INSTALLED) ## small faults in counting, lowering, passes and relaxation: do tests notice at least 85%?; an hour
	$(BIN)/python -m tests.mutate

bench-quick: $(INSTALLED) ## this tree against BASE [main] in turns, as ratios: commands, steps, latency; two minutes
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/quick.py --base $(BASE)

architecture: $(INSTALLED) dot ## docs/images/architecture.svg, the house as the code has it
	$(BIN)/python docs/draw_architecture.py

docs: $(INSTALLED) ## the documentation as a site, build/site/index.html; warnings are errors
	$(BIN)/python docs/build_site.py

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
