# make run    the demonstration: processes, sockets and what happens between them
# make test   the tests
# make lint   ruff and mypy
# make clean  remove what these have made
#
# Nothing is needed but Python (with venv and pip) and make. Everything is installed into .venv,
# once; a stamp file says what for, and pyproject.toml says when again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test lint clean
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

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("actorsock needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'making a virtual environment in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@
