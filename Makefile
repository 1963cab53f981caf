# The two commands of the README: `make demo` and `make test`. Both set up what they need in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: help setup demo test test-all check format clean

help:
	@echo "make demo      compare seven recipes on built-in data and write demo-out/report.html"
	@echo "make test      run the tests, JOBS=2 at a time"
	@echo "make check     format, lint, types, import rules, docstring examples"
	@echo "make test-all  the tests and the long proofs"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: setup
	$(BIN)/longtail compare islands-lt --folds 3 --jobs $(JOBS) --out demo-out --baseline logistic \
		--recipes logistic,random-under+logistic,random-forest,gradient-boosting,erm,balanced-softmax,crt

test: setup
	$(PYTEST) -n $(JOBS) --dist worksteal -m "not slow"

test-all: setup
	$(PYTEST) -n $(JOBS) --dist worksteal

check: setup
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(PYTEST) tests/test_architecture.py
	$(PYTEST) --doctest-modules src/longtail

format: setup
	$(BIN)/ruff format src tests benchmarks docs
	$(BIN)/ruff check --fix src tests benchmarks docs

clean:
	rm -rf $(VENV) build dist demo-out longtail-out .pytest_cache .mypy_cache .ruff_cache
