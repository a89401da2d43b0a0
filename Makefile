# make run          run the demonstration: processes, sockets and what happens between them
# make test         run the tests
# make lint         run ruff, mypy and pyright
# make docs         build the documents and the API reference into build/docs
# make bench        measure speed and memory, side by side with trio, asyncio, Erlang and others
# make soak         use, kill and close connections at random for minutes
# make soak-nodes   the same with four nodes of a cluster, two of them Erlang's
# make conformance  run the same scenarios and random walks here and on Erlang, and compare
# make mutants      put small faults into the rules one at a time; the tests must find them
# make sanitize     test the native core with the sanitizers of gcc for addresses and undefined behaviour
# make valgrind     use every function of the native core under valgrind
# make changelog    move the news fragments into CHANGELOG.md (needs VERSION=x.y.z)
# make clean        remove everything that these commands have made
#
# Python (with venv and pip) and make are enough. Each command installs what it needs into .venv,
# once. Files such as .venv/for-test record what is installed; a newer pyproject.toml, or a newer
# source of the native core, makes the next command install again. After that a line says whether there
# is a native core: without a C compiler there is none.

PYTHON ?= python3
WORKERS ?= auto
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
COMMA := ,
# The sources of the native core, which the installation compiles.
CORE := $(wildcard actorsock/_native/*.[ch] actorsock/_native/*/*.[ch] actorsock/_native/build_hook.py)

.PHONY: run test lint docs bench soak soak-nodes conformance mutants sanitize valgrind changelog clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

# FILE is the text that the clients send: make run FILE=/etc/services
run: $(VENV)/for-run
	@$(BIN)/python -m actorsock $(if $(FILE),'$(FILE)')

# ARGS are arguments for pytest, WORKERS the number of processes, one for each core unless given; with 0
# pytest runs the tests itself: make test WORKERS=0 ARGS='-k mailbox -x --pdb'
test: $(VENV)/for-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(VENV)/for-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# Warnings are errors: a link that leads nowhere, a docstring that is malformed. No network is needed.
docs: $(VENV)/for-docs
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs
	@echo 'built build/docs/index.html'

# ONLY chooses one comparison: make bench ONLY=echo ROUNDS=9 SECONDS=0.5
bench: $(VENV)/for-bench
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS))

# SEED repeats the random choices of an earlier run: make soak SECONDS=600 SEED=1
soak: $(VENV)/for-run
	@$(BIN)/python -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

soak-nodes: $(VENV)/for-run
	@$(BIN)/python -m benchmarks.soak.cluster $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

# ERL is another Erlang, WALKS the number of random walks, SEED repeats those of an earlier run:
# make conformance ERL=/opt/otp28/bin/erl WALKS=2000 SEED=1
conformance: $(VENV)/for-test
	@ERL='$(ERL)' WALKS='$(WALKS)' SEED='$(SEED)' $(BIN)/python -m tests.conformance

# In a copy, so that the library in use stays as it is. CPython itself is not built for the sanitizers,
# so their libraries are loaded before it; its own allocator would hide errors, so malloc is used.
# SANITIZED is the tests to run: make sanitize SANITIZED=tests/runtime
SANITIZED ?= tests/native tests/runtime tests/socket tests/otp
sanitize: $(VENV)/for-test
	@$(BIN)/python -m tests.native.sanitize $(SANITIZED)

valgrind: $(VENV)/for-test
	@$(BIN)/python -m tests.native.valgrind

changelog: $(VENV)/for-news
	@test -n '$(VERSION)' || { echo 'usage: make changelog VERSION=x.y.z' >&2; exit 2; }
	@$(BIN)/towncrier build --yes --version '$(VERSION)'

# More of each module, all of them, other ones, some modules:
# make mutants SAMPLE=60 ALL=1 SEED=1 ONLY='turns mailbox'
mutants: $(VENV)/for-test
	@SAMPLE='$(SAMPLE)' ALL='$(ALL)' SEED='$(SEED)' $(BIN)/python -m tests.mutation $(ONLY)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call install,EXTRAS,WHAT ELSE)
define install
	@echo 'installing actorsock$(2) into $(VENV)'
	@$(PIP) -e '.$(1)'
	@$(BIN)/python -m actorsock --version
	@touch $(VENV)/for-run $@
endef

$(VENV)/for-run: pyproject.toml $(CORE) | $(VENV)/made
	$(call install)

# The tests install everything that the demonstration needs too.
$(VENV)/for-test: pyproject.toml $(CORE) | $(VENV)/made
	$(call install,[test], and what tests it)

# mypy and pyright look into what the tests import.
$(VENV)/for-lint: pyproject.toml $(CORE) | $(VENV)/made
	$(call install,[lint$(COMMA)test], and what checks it)
	@touch $(VENV)/for-test

$(VENV)/for-docs: pyproject.toml $(CORE) | $(VENV)/made
	$(call install,[docs$(COMMA)test], and what builds its documents)
	@touch $(VENV)/for-test

$(VENV)/for-news: pyproject.toml $(CORE) | $(VENV)/made
	$(call install,[news], and towncrier)

$(VENV)/for-bench: pyproject.toml $(CORE) | $(VENV)/made
	$(call install,[bench], and what it is measured against)

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("actorsock needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'making a virtual environment in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@
