# One command for each job, each from a fresh checkout: only Python 3.11 or later, pip and make are needed.
# Another interpreter: make test PYTHON=python3.12 (after `make clean` where .venv holds an older one).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints/py311.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)
EVALUATE = $(BIN)/dualcam evaluate "$(DATA)" --overwrite
INSTALL_INPUTS := pyproject.toml $(CONSTRAINTS) src/dualcam/_version.py

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check fast real-captures folder-named benchmark data-named benchmark-speed clean

help:
	@echo "make demo             install into $(VENV), fuse the pictures that come with dualcam"
	@echo "make test             install with the tools for development, run every check and every test"
	@echo "make check            style, format and types only"
	@echo "make fast             the quick tests only, up to the first failure"
	@echo "make real-captures DIR=folder"
	@echo "                      fuse every mono/color pair below a folder with our methods, write out/real-captures"
	@echo "                      (report.html shows them side by side)"
	@echo "make benchmark DATA=folder"
	@echo "                      all methods on a folder of left/right pairs, goes on where it was stopped;"
	@echo "                      writes docs/benchmark.md, benchmarks/results and out/benchmark.html"
	@echo "                      (add ARGS=--restart after the code has changed; new weights are noticed)"
	@echo "make benchmark-speed  seconds and memory of 'dualcam fuse', write out/speed.json"
	@echo "make clean            remove $(VENV), caches and built packages; results in out stay"
	@echo "Add PYTHON=python3.12 to use another interpreter."

demo: $(VENV)/installed
	$(BIN)/dualcam demo --overwrite

test: check
	$(BIN)/python -m pytest

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -x -m "not slow"

real-captures: folder-named $(VENV)/installed-eval
	$(BIN)/python benchmarks/real_captures.py "$(DIR)" --out out/real-captures --markdown $(ARGS)

folder-named:
	@test -n "$(DIR)" || { echo "error: name the folder: make real-captures DIR=folder" >&2; exit 2; }

benchmark: data-named $(VENV)/installed-eval
	@mkdir -p benchmarks/results out
	$(EVALUATE) --out out/benchmark --json benchmarks/results/night.json --markdown out/benchmark.md \
		--html out/benchmark.html $(ARGS)
	$(EVALUATE) --protocol modules --levels night --out out/benchmark-modules --json benchmarks/results/modules.json \
		--markdown out/benchmark-modules.md
	$(EVALUATE) --protocol twisted --out out/benchmark-twisted --json benchmarks/results/twisted.json \
		--markdown out/benchmark-twisted.md
	$(EVALUATE) --protocol ccs --out out/benchmark-ccs --json benchmarks/results/ccs.json \
		--markdown out/benchmark-ccs.md
	$(EVALUATE) --protocol views --out out/benchmark-views --json benchmarks/results/views.json \
		--markdown out/benchmark-views.md
	cat out/benchmark.md out/benchmark-modules.md out/benchmark-twisted.md out/benchmark-views.md \
		out/benchmark-ccs.md > docs/benchmark.md

data-named:
	@test -n "$(DATA)" || { echo "error: name the folder: make benchmark DATA=folder" >&2; exit 2; }

benchmark-speed: $(VENV)/installed
	$(BIN)/python benchmarks/speed.py --json out/speed.json

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/created:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: dualcam needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) --version 2>&1)" >&2; \
		echo "remedy: name a newer one, for example: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(INSTALL_INPUTS) | $(VENV)/created
	$(PIP) -e .
	@touch $@

$(VENV)/installed-eval: $(INSTALL_INPUTS) | $(VENV)/created
	$(PIP) -e ".[eval]"
	@touch $@ $(VENV)/installed

$(VENV)/installed-dev: $(INSTALL_INPUTS) | $(VENV)/created
	$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/installed $(VENV)/installed-eval
