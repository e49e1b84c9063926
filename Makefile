# One door for everything. `make` alone shows what there is.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := linkarooie servicekit services gateway catalog devstack sandbox
# Each worker has servers of its own; a file's tests stay together, and files come in the order of tests/conftest.py.
PYTEST := $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder
CODE := $(PACKAGES) tests tools benchmarks protos/generate.py hatch_build.py

.DEFAULT_GOAL := help
.PHONY: help run reset test test-chaos test-unit test-integration test-e2e check format protos lock fuzz benchmark clean setup setup-test web

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: web ## Start everything on this machine and print where to go
	@exec $(BIN)/linkarooie dev

reset: setup ## Clear the data of `make run`
	@$(BIN)/linkarooie reset

test: setup-test web ## Run the tests, browser tests included
	@$(BIN)/python tools/browser.py >/dev/null
	@$(PYTEST) --ignore tests/chaos

test-chaos: setup-test ## Run the fault tests: servers and services that are killed at work
	@$(PYTEST) tests/chaos

test-unit: setup-test ## Run the unit tests alone: no servers, a few seconds
	@$(BIN)/pytest -q tests/unit

test-integration: setup-test ## Run the tests against real servers alone
	@$(PYTEST) tests/integration

test-e2e: setup-test web ## Run the browser tests alone
	@$(BIN)/python tools/browser.py >/dev/null
	@$(PYTEST) tests/e2e

fuzz: setup-test ## Damage 20,000 picture files and see that nothing but refusals comes of it
	@$(BIN)/python -m tests.fuzz --files 20000

check: setup-test web ## Lint, types and contracts of everything
	@$(BIN)/ruff format --check --quiet $(CODE) || (echo "run: make format" && false)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy
	@$(BIN)/buf lint protos
	@$(BIN)/python tools/helm.py lint --strict --quiet deploy/helm/linkarooie
	@$(BIN)/python tools/build_web.py check test

format: setup-test ## Format the Python code
	@$(BIN)/ruff check --quiet --fix $(CODE) ; $(BIN)/ruff format --quiet $(CODE)

protos: setup ## Generate the Python code of the contracts anew
	@$(BIN)/python protos/generate.py

lock: setup-test ## Lock the versions of all Python packages anew
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --extra dev --extra test pyproject.toml -o requirements-test.lock

benchmark: setup-test ## Measure the picture engine against the others that can be had
	@$(BIN)/python benchmarks/engines.py

clean: ## Remove the environment and everything that was built
	@rm -rf .venv build gateway/static web/node_modules benchmarks/node/node_modules tests/integration/auth/openid_provider/node_modules web/openapi.json web/src/api/schema.d.ts linkarooie/*/v1 .mypy_cache .ruff_cache .pytest_cache

setup:
	@$(PYTHON) tools/setup.py run

setup-test:
	@$(PYTHON) tools/setup.py test

web: setup ## Build the web client, if it has changed
	@$(BIN)/python tools/build_web.py
