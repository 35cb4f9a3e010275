# `make` alone prints the menu. Settings are environment variables: docs/settings.md.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup spark data active-data demo run try new-source up backfill accept rollback lists diff prove check test test-all test-long tools lint python-lint sql-lint bench docs superset airflow lock clean

VENV := .venv
BIN := $(VENV)/bin
PERENNIAL := $(BIN)/perennial
READY := $(VENV)/.ready
UV_VERSION := 0.13.9
# A file's tests share what they build. The order of the files is that of tests/conftest.py. Three workers for two
# processors: while one waits for a server, a schedule or a process that is to be killed, the others have them.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
# What slow tests need beside Python, as program:Debian-package:marker of these tests.
TOOLS := mariadbd:mariadb-server:mariadb soffice:libreoffice-calc-nogui:libreoffice chromium:chromium:chromium java:openjdk-17-jre-headless:spark
export PATH := $(PATH):/usr/sbin
# make run SOURCES=cdnow,online_retail says the same as CRM_SOURCES=cdnow,online_retail make run
ifdef SOURCES
export CRM_SOURCES := $(SOURCES)
endif
# The demo company may be deleted: with its folder go its targets.
HAS_DEMO := $(wildcard demo/command.py)

help: ## This menu
	@echo 'Perennial: one customer warehouse from many records.'
	@echo
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  make run SOURCES=cdnow     another source (comma-separated, with * and ?; each is a file in dags/sources/)'
	@echo '  make run DEMO_WORLD=null CRM_HOME=var/null   another demo company, in a home of its own (docs/settings.md)'
	@echo '  make prove WORLDS=clean SEEDS=1,2,3 CUSTOMERS=100000'

setup: $(READY) ## Python environment in .venv, from requirements.lock

$(READY): requirements.lock pyproject.toml
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || ! "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
		echo 'Perennial needs Python 3.11: no python3.11 was found on the PATH. Install it, then run make again.' >&2; exit 2; fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV) || { \
		echo "$$python cannot make a virtual environment. Install its venv module (Debian: python3.11-venv), then run make again." >&2; exit 2; }
	@[ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = $(UV_VERSION) ] || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

spark: $(READY) ## Spark into .venv, for CRM_ENGINE=spark (docs/scale.md): requirements-spark.lock, 1 minute, 0.5 GB
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-spark.lock

data: $(READY) ## The public data sets, into $CRM_DATA (.data)
	@$(PERENNIAL) data

active-data: $(READY)
	@$(PERENNIAL) data --active
	@$(if $(HAS_DEMO),$(PERENNIAL) demo ensure)

demo: $(READY) ## The demo company's files, into $CRM_HOME/demo and $CRM_HOME/truth (make run does it by itself)
	@$(if $(HAS_DEMO),,echo 'There is no folder demo: the demo company was deleted.' >&2; exit 2)
	@$(PERENNIAL) demo make

run: active-data ## Extract, build, publish and list, once, with a summary
	@$(PERENNIAL) run

# As they were written: make would take a $ for a variable of its own.
try: export TRY_FILE = $(value FILE)
try: $(READY) ## One page about your own orders, in a minute, nothing to configure: make try FILE=orders.csv
	@$(PERENNIAL) try -- "$$TRY_FILE"

up: active-data ## Airflow with its web UI and the schedule; Ctrl-C ends it
	@$(PERENNIAL) up

backfill: export FROM := $(FROM)
backfill: export TO := $(TO)
backfill: active-data ## Load days again, then build: make backfill FROM=2026-01-01 TO=2026-01-31
	@$(PERENNIAL) backfill -- "$$FROM" "$$TO"

accept: export SOURCE := $(SOURCE)
accept: export TABLE := $(TABLE)
accept: export RELEASE := $(RELEASE)
accept: export LOAD := $(LOAD)
accept: $(READY) ## Let a held load land: make accept SOURCE=shop TABLE=orders; or a release pass: RELEASE=<id>; or a bad load: LOAD=<name>
	@$(PERENNIAL) accept $${SOURCE:+--source="$$SOURCE"} $${TABLE:+--table="$$TABLE"} \
		$${RELEASE:+--release="$$RELEASE"} $${LOAD:+--load="$$LOAD"}

rollback: export RELEASE := $(RELEASE)
rollback: $(READY) ## Give readers the release before, or RELEASE=<id>
	@$(PERENNIAL) rollback -- $${RELEASE:+"$$RELEASE"}

lists: export PREVIEW := $(PREVIEW)
lists: $(READY) ## Export the campaign lists again, without customers who have withdrawn since; or show what one would do: PREVIEW=winback
	@$(PERENNIAL) lists $${PREVIEW:+preview -- "$$PREVIEW"}

diff: export A := $(A)
diff: export B := $(B)
diff: export FORMAT := $(FORMAT)
diff: $(READY) ## What changed between two releases, and why: A=<id> B=<id>, default the last two; FORMAT=json
	@$(PERENNIAL) diff $${FORMAT:+--format="$$FORMAT"} -- "$$A" "$$B"

# Every user of a machine sees the command lines on it, those that make writes too.
ifneq ($(filter new-source,$(MAKECMDGOALS)),)
ifneq ($(filter command,$(firstword $(origin URL)))$(findstring ://,$(MAKECMDGOALS) $(MAKEOVERRIDES) $(value NAME) $(value FILE) $(value CONNECTION)),)
$(error An address is not given on the command line, where every user of this machine sees its password: put it into \
the environment variable AIRFLOW_CONN_SHOP_DB, or let make new-source ask for it, and give CONNECTION=shop_db)
endif
endif
# As they were written: make would take a $ for a variable of its own.
new-source: export NEW_SOURCE_NAME = $(value NAME)
new-source: export NEW_SOURCE_FILE = $(value FILE)
new-source: export NEW_SOURCE_CONNECTION = $(value CONNECTION)
new-source: $(READY) ## The first draft of a source: NAME=shop and FILE=path-or-folder, or CONNECTION=shop_db
	@$(PERENNIAL) new-source --file="$$NEW_SOURCE_FILE" --connection="$$NEW_SOURCE_CONNECTION" -- "$$NEW_SOURCE_NAME"

prove: $(READY) ## The pipeline on worlds whose truth is known, recovered against true
	@$(if $(HAS_DEMO),,echo 'There is no folder demo: the demo company was deleted.' >&2; exit 2)
	@$(PERENNIAL) prove $${WORLDS:+--worlds="$$WORLDS"} $${SEEDS:+--seeds="$$SEEDS"} $${CUSTOMERS:+--customers="$$CUSTOMERS"}

test: data ## Tests (about 10 minutes)
	$(PYTEST) -m 'not slow'

test-all: tools data ## Also the slow ones: Airflow's web server, killed runs, MariaDB, lists in LibreOffice, the page of make try in Chromium, Spark
	@marks='not long'; for tool in $(TOOLS); do IFS=: read -r program _ marker <<< "$$tool"; \
		command -v "$$program" >/dev/null || marks="$$marks and not $$marker"; done; \
	echo "$(PYTEST) -m '$$marks'"; $(PYTEST) -m "$$marks"

test-long: tools data ## What takes more than ten minutes: killed builds on Spark, one behind a Thrift server, whole companies on both engines
	$(PYTEST) -m long

tools: ## The programs that slow tests need: installed on Debian as root, named elsewhere
	@packages=; for tool in $(TOOLS); do IFS=: read -r program package _ <<< "$$tool"; \
		command -v "$$program" >/dev/null || packages="$$packages $$package"; done; \
	[ -z "$$packages" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$packages >/dev/null; } || \
	echo "The tests that need$$packages are left out: install it (Debian: sudo apt-get install$$packages) to run them." >&2

check: python-lint ## What is run every few minutes: lint of what changed, the tests that need no warehouse
	@changed=$$({ git diff --name-only --diff-filter=d HEAD; git ls-files --others --exclude-standard; } | \
		grep '^dbt_project/models/.*\.sql$$'); [ -z "$$changed" ] || $(BIN)/sqlfluff lint $$changed
	$(PYTEST) -q -m quick

lint: python-lint sql-lint ## ruff, mypy, import-linter, sqlfluff, and the rules about layers
	$(BIN)/pytest -q tests/lint

sql-lint: $(READY)
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models

python-lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(if $(HAS_DEMO),,-p cli -p pipeline -p mining -p dags -p benchmarks)
	$(BIN)/lint-imports --no-cache --no-logo pyproject.toml
	$(if $(HAS_DEMO),$(BIN)/lint-imports --no-cache --no-logo demo/importlinter.toml)

bench: data ## Measured times and sizes, as a table and $CRM_HOME/bench.json
	@$(BIN)/python -m benchmarks

docs: $(READY) ## docs/marts.md, dbt's site and Great Expectations' data docs (in $CRM_HOME/docs)
	@$(PERENNIAL) docs

superset: $(READY) ## Superset's import file of the published release, in $CRM_HOME/docs: docs/bi.md
	@$(PERENNIAL) superset

airflow: $(READY) ## Airflow's own command on the `make up` database: make airflow ARGS='dags list-import-errors'
	@$(PERENNIAL) airflow -- $(ARGS)

COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'

lock: $(READY) ## Resolve pyproject.toml again into requirements.lock and requirements-spark.lock
	$(COMPILE) --group dev pyproject.toml -o requirements.lock
	$(COMPILE) --group spark --constraints requirements.lock -o requirements-spark.lock

clean: ## Remove caches and what can be built again; landing, models, scores, releases and lists stay
	home="$${CRM_HOME:-var}"; for name in warehouse warehouse.duckdb warehouse.duckdb.wal build dbt docs features tmp; do \
		rm -rf "$$home/$$name"; done
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
