# Everything runs from .venv, which is built from the committed lock; nothing else is asked of the machine than Python 3.11.
PYTHON ?= python3
BIN := .venv/bin
# The functions that nurseries start and wait for. httpx is the HTTP client here, whatever ASYNC127 says; ASYNC9
# asks for checkpoints in every branch, and is off by default.
ASYNC := --startable-in-context-manager=run,serve,serve_http,_heed_signals,listen,when_said --disable=ASYNC127,ASYNC9
PY := $(shell find daemon wavstream storage tests benchmarks -name '*.py')

.PHONY: demo run test check contract bench big attack fuzz ids killing speech lock clean

demo: .venv/installed
	$(BIN)/wavstream demo

run: .venv/installed
	$(BIN)/wavstream up

test: .venv/installed
	$(BIN)/coverage erase
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal --cov --cov-report=term

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@echo $(BIN)/flake8-async $(ASYNC)
	@$(BIN)/flake8-async $(ASYNC) $(PY)
	$(BIN)/mypy

# schemathesis against a running daemon, from the document that it serves: several thousand cases, some minutes.
contract: .venv/installed
	$(BIN)/python -m tests.daemon.api.contract 400 300

bench: .venv/installed
	$(BIN)/python -m benchmarks

# A recording of 5 GiB that becomes RF64 while somebody listens: some minutes, and 6 GiB of free disk.
big: .venv/installed
	$(BIN)/python -m benchmarks.big

# Both programs under attack for a minute while calls are recorded; on this machine's loopback alone.
attack: .venv/installed
	$(BIN)/python -m benchmarks.attack

# A million sessions that there are not, asked of one daemon while calls are recorded: the best part of an hour.
ids: .venv/installed
	$(BIN)/python -m benchmarks.attack.ids

# wavstream killed twenty times under fifty sessions that resume; prints the seed with which to do it again.
killing: .venv/installed
	$(BIN)/python -m benchmarks.killing

# A million made-up inputs, the same number into each fuzzer of tests/fuzz: some minutes.
FUZZERS := $(patsubst tests/fuzz/%.py,%,$(filter-out tests/fuzz/_%.py tests/fuzz/test_%.py,$(wildcard tests/fuzz/*.py)))
FUZZ_INPUTS ?= 1000000
fuzz: .venv/installed
	@for each in $(FUZZERS); do $(BIN)/python -m tests.fuzz.$$each $$(( ($(FUZZ_INPUTS) + $(words $(FUZZERS)) - 1) / $(words $(FUZZERS)) )) || exit 1; done

# The speech in daemon/speech is committed; this makes it again (needs espeak-ng and sox).
speech: .venv/installed
	$(BIN)/python -m benchmarks.speech

# New versions: the lock holds exact versions and hashes, never download addresses.
LOCK := pip-compile -q --generate-hashes --no-header --no-annotate --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock:
	$(LOCK) -o requirements.lock pyproject.toml
	$(LOCK) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info

# --no-deps: the lock names everything, and pip may not look for anything newer (it would for a name with an extra).
PIP := $(BIN)/pip --quiet --disable-pip-version-check --no-input
.venv/installed: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/pip check --disable-pip-version-check
	touch $@
