# Needs Python 3.11 or later and make, nothing else. `make grade` is the whole path: set up, grade, say where the page is.

PYTHON ?= python3
VENV ?= .venv
SUBMISSIONS ?= submissions/activity09
ASSIGNMENT ?= rubrics/activity09
OUT ?= reports
GRADE_FLAGS ?=
PYTEST_FLAGS ?= -n 2
AUDIT_FLAGS ?=

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
READY := $(VENV)/.ready

.PHONY: help setup grade test audit lint clean
.DEFAULT_GOAL := help

help:
	@echo "make grade   grade $(SUBMISSIONS) into $(OUT)/"
	@echo "make test    run the tests"
	@echo "make audit   test the rubric: what it catches, blames and names, and whom it fails wrongly"
	@echo "make lint    ruff and mypy"
	@echo "make clean   remove reports and caches, keep $(VENV)"

setup: $(READY)

# The stamp keeps the set-up from being repeated; it is older than these files only when a dependency may have changed.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; say which one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "setting up $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) || { echo "once more: a package index may hiccup" >&2; sleep 5; $(INSTALL); }
	@touch $@

grade: $(READY)
	$(BIN)/grader grade $(SUBMISSIONS) --assignment $(ASSIGNMENT) --out $(OUT) $(GRADE_FLAGS)

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

audit: $(READY)
	$(BIN)/grader audit --assignment $(ASSIGNMENT) --named 90 $(AUDIT_FLAGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf reports build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
