# agrocluster: `make run` does the main job, `make test` proves it. Both set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export SOURCES DATA EXIT AGROCLUSTER_DATA

.PHONY: help run stop test test-cluster lint format docs bench lock clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo '  Options of run: EXIT=1 (end after the release), SOURCES=sample|live|files, DATA=<folder for files>'

# The lock is complete, so nothing is resolved: pip would ask for a hash of what it could choose instead.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"agrocluster needs Python 3.11 to 3.13; {sys.executable} is {v.major}.{v.minor}. Call make with PYTHON=python3.12, for example.")'
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --clear --python $(PYTHON) .venv && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
	  $(PYTHON) -m venv --clear .venv && \
	  $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.txt && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

run: $(STAMP) ## Run the pipeline in Airflow on loopback and publish a release
	@exec $(BIN)/agrocluster run

stop: $(STAMP) ## Stop a running pipeline
	@$(BIN)/agrocluster stop

test: $(STAMP) ## Run all tests
	@$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder -m "not cluster"

test-cluster: $(STAMP) ## Run the sample job on PostgreSQL, Redis, two Celery workers and an S3 store; kill one worker
	@$(BIN)/python -m pytest --numprocesses 0 -m cluster

lint: $(STAMP) ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

docs: $(STAMP) ## Renew the generated tables of docs/methods
	@$(BIN)/python docs/methods/tables.py

bench: $(STAMP) ## Run the benchmarks (minutes)
	@$(BIN)/python -m benchmarks.run

lock: ## Renew requirements.txt from requirements.in (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet requirements.in -o requirements.txt

clean: ## Remove the environment and caches, keep data
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache
