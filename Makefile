# `make demo` and `make test` are all there is to know. Both make .venv and install what they need into it.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
PYTEST_ARGS ?=
EXAMPLES ?= 800
FAULTS ?=
RACES ?=
LABELS ?=
TORTURES := $(addprefix tests/test_,durability.py kills.py hostile_bytes.py upkeep.py backup.py former.py zeo.py isolation.py serializable.py sessions.py retry.py)
LONG := -p no:randomly -o faulthandler_timeout=0
BENCH_ARGS ?= --against all

BIN := $(VENV)/bin
MANAGE := ../$(BIN)/python manage.py
LOGIN := admin
PASSWORD := zodb-demo

# A clone that was moved has an editable install that points to the old place: install again.
ifneq ($(wildcard $(VENV)/.home),)
ifneq ($(shell cat $(VENV)/.home),$(CURDIR))
$(shell rm -f $(VENV)/.home $(VENV)/.demo $(VENV)/.dev $(VENV)/.suite $(VENV)/.bench)
endif
endif

.PHONY: help venv demo test torture races soak fuzz mutants bench django-suite django-suite-baseline lint typecheck format clean

help:
	@echo "make demo           a site with sample data on http://127.0.0.1:$(PORT)/ (PORT= to change)"
	@echo "make test           every test (PYTEST_ARGS= to choose)"
	@echo "make torture        crashes, damaged files, failing disks, hostile bytes, lost servers: the long forms"
	@echo "make races          many writers at once, from threads, processes and clients of a server (RACES= to choose)"
	@echo "make soak           mixed load for 15 minutes, with packs, backups and kills in between"
	@echo "make fuzz           random statements and QuerySets, against sqlite3 (EXAMPLES= times 84)"
	@echo "make mutants        faults planted in a copy of the engine: which tests find them (FAULTS= to choose)"
	@echo "make django-suite   Django's own tests (LABELS= to choose), compared with sqlite3"
	@echo "make bench          speed beside sqlite3 and PostgreSQL (BENCH_ARGS= to choose)"
	@echo "make lint           ruff, mypy, codespell"
	@echo "make typecheck      mypy alone"
	@echo "make format         ruff's formatter and safe fixes"
	@echo "make venv           only the environment for development, in $(VENV)"
	@echo "make clean          remove .venv, demo and all caches"

$(VENV)/.home:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) found: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "django-zodb needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Say make PYTHON=python3.11, for example."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)."; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@echo "$(CURDIR)" > $@

$(VENV)/.demo: pyproject.toml $(VENV)/.home
	@echo "Installing django-zodb ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group demo
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.home
	@echo "Installing django-zodb and what its tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group test --group lint
	@touch $@

venv: $(VENV)/.dev

# Made aside and moved, so that an interrupted run leaves no half site behind.
demo/manage.py: | $(VENV)/.demo
	@test ! -e demo || { echo "demo/ exists, but holds no site: remove or rename it."; exit 1; }
	@rm -rf .cache/demo && mkdir -p .cache/demo
	@$(BIN)/python -m django startproject mysite .cache/demo --template=project_template
	@mv .cache/demo demo

demo: $(VENV)/.demo demo/manage.py
	@cd demo && $(MANAGE) migrate --verbosity 0
	@cd demo && $(MANAGE) load_sample --superuser $(LOGIN) --password $(PASSWORD)
	@echo "Log in as $(LOGIN) with the password $(PASSWORD). The database is demo/Data.fs; stop with Ctrl+C."
	@cd demo && exec $(MANAGE) runserver 127.0.0.1:$(PORT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# The long forms of the tests of crashes, damage, failing disks, hostile bytes and servers, with figures.
torture: $(VENV)/.dev
	TORTURE=1 $(BIN)/python -m pytest $(LONG) $(TORTURES) $(PYTEST_ARGS)

# Every workload from every place at each isolation level, a minute each: an hour and a quarter.
races: $(VENV)/.dev
	@cd tests && ../$(BIN)/python -m races --guards $(RACES)

# A quarter of an hour of mixed load, with packs, backups and kills in between.
soak: $(VENV)/.dev
	@cd tests && ../$(BIN)/python -m races.soak

# Another 50,000 queries and 15,000 changes each time; -s shows what was run.
fuzz: $(VENV)/.dev
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -s $(LONG) tests/test_fuzz_sql.py tests/test_fuzz_orm.py

$(VENV)/.bench: pyproject.toml $(VENV)/.home
	@echo "Installing django-zodb and what its benchmarks need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group benchmarks
	@touch $@

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Some minutes to an hour.
mutants: $(VENV)/.dev
	@cd tests && ../$(BIN)/python -m planted $(FAULTS)

$(VENV)/.suite: pyproject.toml $(VENV)/.dev
	@echo "Installing what Django's tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group django-suite
	@touch $@

django-suite: $(VENV)/.suite
	@cd tests && ../$(BIN)/python -m django_suite $(LABELS)

django-suite-baseline: $(VENV)/.suite
	@cd tests && ../$(BIN)/python -m django_suite --record-baseline

typecheck: $(VENV)/.dev
	$(BIN)/python -m mypy

lint: typecheck
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m codespell_lib

format: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf .venv .venv-* demo build dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
