# Everything in its own folder .venv, with the versions that were tested (requirements*.txt).
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test soak lint bench quality weights docs pictures clean

demo: .venv/.ready          ## see everything at work with a fictional chat
	@$(BIN)/chatkeep demo $(DEMO)

test: .venv/.ready-dev      ## the checks and the tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 4 --dist loadfile $(TESTS)

soak: .venv/.ready-dev      ## the long versions of the tests: hundreds of kills, thousands of histories
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -m "soak or histories" $(TESTS)

lint: .venv/.ready-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

bench: .venv/.ready-dev     ## speed and growth, as ratios and counts of one run
	@$(BIN)/python benchmarks/bench_import.py
	@$(BIN)/python benchmarks/bench_collect.py
	@$(BIN)/python benchmarks/bench_analysis.py

quality: .venv/.ready-dev   ## how well the analysis does, on labelled chats (CHATKEEP_REAL_DATA names them)
	@$(BIN)/python benchmarks/quality.py

weights: .venv/.ready-dev   ## learn the ranker's coefficients again from data/examples
	@$(BIN)/python benchmarks/train_ranker.py

docs: .venv/.ready-dev      ## write the generated pages of docs/ again
	@$(BIN)/python docs/generate.py

pictures: .venv/.ready-dev  ## take the pictures of the docs again (needs Chromium)
	@$(BIN)/python docs/pictures.py

.venv/.ready: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "chatkeep needs Python 3.11 or newer: install it, then run make again"; exit 1; }
	@echo "setting up .venv (once, a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps -e .
	@touch $@

.venv/.ready-dev: requirements-dev.txt .venv/.ready
	@$(PIP) install -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis data/demo
