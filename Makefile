# `make run` starts a desk, `make test` checks everything; both set up what they need.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Material's notice about its own future is kept off the console.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs

.PHONY: run test test-long test-all test-postgres test-failed check docs screenshots tour audit sdk bench bench-speed bench-sweep bench-api bench-fanout bench-paper bench-page kill-test paper-kill-test live-kill-test live-burst-test crash-test machines-test ws-test fuzz clean

run: $(VENV)/installed
	@exec $(BIN)/python manage.py serve

# More workers than cores, for most tests wait for something.  Both parts run, whatever comes of
# the first.  Bytecode is kept: the tests start many hundred processes.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
test: check
	@$(PYTEST) --cache-clear -n 4 -m "not process" $(PYTEST_ARGS); first=$$?; \
	  $(PYTEST) -n 3 -m process $(PYTEST_ARGS); second=$$?; \
	  case $$first$$second in \
	    00) ;; \
	    01|10|11) $(MAKE) --no-print-directory test-failed ;; \
	    *) exit 1 ;; \
	  esac

# What failed above, by itself.  Hundreds of tests start servers, kill them and wait for what comes
# of it, beside one another; one that holds only alone does not stop a change, but is shown, and is
# a fault to be mended.  More than five are no accident.
test-failed: $(VENV)/installed-dev
	@echo "Once more, alone: a test that passes only now is unsteady."
	@$(PYTEST) --last-failed --last-failed-no-failures none --maxfail 5 -n 0 -v

# What takes too long for every change: many rounds of what `test` does a few of, and whether the
# harnesses catch the careless.  Takes half an hour.
test-long: $(VENV)/installed-dev
	$(PYTEST) -n 2 -m long $(PYTEST_ARGS)

test-all:
	$(MAKE) test; first=$$?; $(MAKE) test-long && exit $$first

# The same tests as `test` on a PostgreSQL and a Redis, both out of installed packages.
test-postgres: export CRACKTRADER_TEST_DATABASE := postgres
test-postgres: test

# Everything but the tests themselves.
check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	CRACKTRADER_BEHIND_TLS=1 CRACKTRADER_AUTH=1 $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	@where=$$(mktemp -d) && $(MKDOCS) build --strict --site-dir "$$where"; \
	  failed=$$?; rm -rf "$$where"; exit $$failed
	$(BIN)/python .ci/audit.py

# The documents as a site in site/.
docs: $(VENV)/installed-dev
	$(MKDOCS) build --strict

# The pictures in them, of a desk of their own; needs chromium.
screenshots: $(VENV)/installed-dev
	$(BIN)/python -m docs.screenshots

# Every page on a desktop and a phone, light and dark, to be looked at: in PICTURES (default var/tour).
tour: $(VENV)/installed-dev
	CRACKTRADER_TEST_PICTURES=$(abspath $(or $(PICTURES),var/tour)) $(BIN)/python -m pytest -q tests/ui/tour.py

# Known holes in installed packages, as the advisory databases have them.
audit: $(VENV)/installed-dev
	$(BIN)/python .ci/audit.py

# This server beside others, one after the other; takes ten minutes on a machine with nothing else
# to do.  Each writes its chapter of bench/RESULTS.md.
bench: bench-speed bench-sweep bench-api bench-fanout

# One backtest.
bench-speed: $(VENV)/installed-dev
	$(BIN)/python -m bench

# 1,000 backtests, and 100,000.
bench-sweep: $(VENV)/installed-dev
	$(BIN)/python -m bench.sweep

# Requests a second, and latencies while backtests run.
bench-api: $(VENV)/installed-dev
	$(BIN)/python -m bench.api

# One event to 500 WebSocket clients.
bench-fanout: $(VENV)/installed-dev
	$(BIN)/python -m bench.fanout

# What is generated of the clients, in step with the schema.
sdk: $(VENV)/installed-dev
	$(BIN)/python sdk/python/generate.py
	$(BIN)/python -m tests.sdk.js.generate

# 200 paper runs over 20 series of a sped-up venue; takes five minutes.
bench-paper: $(VENV)/installed-dev
	$(BIN)/python -m bench.paper

# The page of a run of a year of one-minute bars, in a browser.
bench-page: $(VENV)/installed-dev
	$(BIN)/python -m bench.page

# Each of these runs all of its files, whatever is marked.
PYTEST_WHOLE := $(BIN)/python -m pytest -s -m "long or not long"

# The long form of the kill -9 test: KILLS random moments (default 40).
kill-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_KILLS=$(or $(KILLS),40) $(PYTEST_WHOLE) tests/site/test_kill.py

# The same over paper runs (default 500), and each crash point hit 20 times.
paper-kill-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_KILLS=$(or $(KILLS),500) $(PYTEST_WHOLE) tests/site/test_paper_kill.py

# The same over live runs at a venue that loses answers (default 1,000): a quarter of an hour.
live-kill-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_KILLS=$(or $(KILLS),1000) $(PYTEST_WHOLE) tests/site/test_live_kill.py

# Four processes send a burst of orders on one account; at most ten a second may arrive.
live-burst-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_ORDERS=$(or $(ORDERS),200) $(PYTEST_WHOLE) tests/site/test_live_burst.py

crash-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_HITS=20 CRACKTRADER_TEST_SLICES=500 $(PYTEST_WHOLE) \
	  tests/site/test_crash_points.py tests/site/test_two_clusters.py

# Two machines on one PostgreSQL and one Redis, and what befalls them: some ten minutes.
machines-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_BACKTESTS=200 CRACKTRADER_TEST_PAPERS=50 CRACKTRADER_TEST_TRIALS=20000 \
	  CRACKTRADER_TEST_BARS=15 CRACKTRADER_TEST_CALM=1 $(PYTEST_WHOLE) tests/site/test_machines.py

# The long form of the WebSocket test: CLIENTS (default 20) follow, the server is killed KILLS times.
ws-test: $(VENV)/installed-dev
	CRACKTRADER_TEST_WS_CLIENTS=$(or $(CLIENTS),20) CRACKTRADER_TEST_WS_KILLS=$(or $(KILLS),20) \
	  $(PYTEST_WHOLE) tests/site/test_websocket.py

# The long form of the fuzzing: CASES requests (default 10,000) to a running desk and MUTATIONS
# (default 100,000) in process, each with keys and without.  Takes three quarters of an hour.
fuzz: $(VENV)/installed-dev
	CRACKTRADER_TEST_SCHEMATHESIS=$(or $(CASES),10000) \
	  CRACKTRADER_TEST_MUTATIONS=$(or $(MUTATIONS),100000) \
	  $(PYTEST_WHOLE) tests/site/test_schemathesis.py tests/site/test_mutations.py

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/installed: $(VENV)/python requirements.txt
	@echo "Installing requirements …"
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	@echo "Installing requirements for development …"
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@
