# make run    the demonstration: processes, sockets and what happens between them
# make test   the tests
# make lint   ruff and mypy
# make bench  what it costs, side by side with what one would use instead
# make soak   minutes of connections that are used, killed and closed at random
# make conformance  the same scenarios and random walks here and on Erlang, compared
# make mutants  small mistakes put into the rules, one at a time: how many do the tests find?
# make clean  remove what these have made
#
# Nothing is needed but Python (with venv and pip) and make. Everything is installed into .venv,
# once; a stamp file says what for, and pyproject.toml says when again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test lint bench soak conformance mutants clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The text that is sent can be chosen: make run FILE=/etc/services
run: $(VENV)/for-run
	@$(BIN)/python -m actorsock $(if $(FILE),'$(FILE)')

# What pytest is given can be chosen: make test ARGS='-k mailbox -x'
test: $(VENV)/for-test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/for-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One part, and how much of it: make bench ONLY=echo ROUNDS=9 SECONDS=0.5
bench: $(VENV)/for-bench
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS))

# For how long, and what is thrown with the dice: make soak SECONDS=600 SEED=1
soak: $(VENV)/for-run
	@$(BIN)/python -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

# Another Erlang, more walks, the same ones again: make conformance ERL=... WALKS=2000 SEED=1
conformance: $(VENV)/for-test
	@ERL='$(ERL)' WALKS='$(WALKS)' SEED='$(SEED)' $(BIN)/python -m tests.conformance

# More of each module, all of them, other ones, some modules:
# make mutants SAMPLE=60 ALL=1 SEED=1 ONLY='turns mailbox'
mutants: $(VENV)/for-test
	@SAMPLE='$(SAMPLE)' ALL='$(ALL)' SEED='$(SEED)' $(BIN)/python -m tests.mutation $(ONLY)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/for-run: pyproject.toml | $(VENV)/made
	@echo 'installing actorsock into $(VENV)'
	@$(PIP) -e .
	@touch $@

# What serves the tests serves the demonstration too.
$(VENV)/for-test: pyproject.toml | $(VENV)/made
	@echo 'installing actorsock and what tests it into $(VENV)'
	@$(PIP) -e '.[test]'
	@touch $(VENV)/for-run $@

$(VENV)/for-bench: pyproject.toml | $(VENV)/made
	@echo 'installing actorsock and what it is measured against into $(VENV)'
	@$(PIP) -e '.[bench]'
	@touch $(VENV)/for-run $@

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("actorsock needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'making a virtual environment in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@
