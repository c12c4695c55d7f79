# The one list of tasks. Needs python3 (3.11 or newer) and a network; everything else it installs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
NPM    := PATH="$(CURDIR)/$(BIN):$$PATH" npm --loglevel=error
PYTEST := $(BIN)/python -m pytest -n auto --durations 10
ARGS   ?=
SEED   := $(shell date +%s)
PEERS  := benchmarks/peers
PAGES  := schema/incident_room/pages
EXPLORER := graph/watchword/explorer
# Every server that a test starts would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-all check fmt bench soak recording sdl docs explorer client pages lock clean

help:  ## list the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

run: $(VENV)/run explorer pages  ## set everything up and serve on 127.0.0.1:8000 (ARGS="--port 8123")
	@$(BIN)/watchword serve $(ARGS)

test: $(VENV)/dev explorer pages  ## set everything up and run the tests that a commit needs (ARGS="-k name")
	@$(PYTEST) -m "not exhaustive" --hypothesis-profile quick $(ARGS)

test-all: $(VENV)/dev $(VENV)/bench explorer pages  ## run every test, with storms, restarts and all variants
	@$(PYTEST) --hypothesis-profile thorough $(ARGS)

check: $(VENV)/dev  ## format, lint, types, layers, SDL snapshot, permissions, test files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy graph schema docs/generator benchmarks tests/clients
	@$(BIN)/lint-imports
	@$(BIN)/watchword schema check
	@$(BIN)/watchword access check
	@$(BIN)/python -m docs.generator --check
	@$(BIN)/python -m tests.support.untested

fmt: $(VENV)/dev  ## format, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/bench $(PEERS)/python/.venv/done $(PEERS)/node/node_modules/.done  ## measure beside other GraphQL servers (ARGS="--rounds 5 --only list,large")
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/dev  ## let two long storms pass over a fleet (ARGS="--seed 7 --events 100000"), run 20,000 documents through both executors, and search 100,000 answers for secrets (SEED=7)
	@$(BIN)/python -m tests.scenario.storm --events 100000 $(ARGS)
	@echo "Drawing the documents with SEED=$(SEED) …"
	@$(PYTEST) -o faulthandler_timeout=0 --hypothesis-profile soak --hypothesis-seed $(SEED) --hypothesis-show-statistics tests/differential tests/secrets

recording: $(VENV)/dev pages  ## record the README's picture of the first minute, in Chromium
	@$(PIP) install pillow
	@$(BIN)/python -m docs.recording

sdl: $(VENV)/run  ## write the SDL snapshot, and the table of who may read what
	@$(BIN)/watchword schema print > schema/incident_room/schema.graphql
	@$(BIN)/watchword access > schema/incident_room/access.md

docs: $(VENV)/dev  ## write docs/reference from the code
	@$(BIN)/python -m docs.generator

explorer: $(EXPLORER)/built/.done  ## bundle GraphiQL and the explorer around it

pages: $(PAGES)/built/.done  ## bundle the scripts of the incident room's pages

lock: $(VENV)/dev  ## pin the newest versions that pyproject.toml allows
	@$(PIP) install pip-tools
	@$(BIN)/pip-compile $(PINNING) --output-file requirements/run.lock pyproject.toml
	@$(BIN)/pip-compile $(PINNING) --extra metrics --extra otel --extra uploads --constraint requirements/run.lock --output-file requirements/image.lock pyproject.toml
	@$(BIN)/pip-compile $(PINNING) --extra dev --extra metrics --extra otel --extra uploads --constraint requirements/image.lock --output-file requirements/dev.lock pyproject.toml
	@$(BIN)/pip-compile $(PINNING) --constraint requirements/dev.lock --output-file requirements/bench.lock requirements/bench.in
	@$(BIN)/pip-compile $(PINNING) --constraint requirements/dev.lock --output-file requirements/build.lock requirements/build.in
	@$(BIN)/pip-compile $(PINNING) --output-file requirements/attackers.lock requirements/attackers.in
	@$(BIN)/pip-compile $(PINNING) --constraint requirements/run.lock --output-file $(PEERS)/python/requirements.lock $(PEERS)/python/requirements.in

clean:  ## remove what was installed; data in var/ stays
	@rm -rf $(VENV) $(PEERS)/python/.venv $(PEERS)/node/node_modules $(EXPLORER)/node_modules $(EXPLORER)/built client/node_modules client/dist $(PAGES)/node_modules $(PAGES)/built tests/clients/node_modules tests/clients/generators/node_modules tests/identity_provider/node_modules tests/federation/node_modules tests/federation/hive/node_modules

PINNING := --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
	--no-emit-find-links --no-header --annotation-style line

$(VENV)/run: requirements/run.lock requirements/build.lock pyproject.toml
	@echo "Installing what Watchword needs …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.lock -r requirements/build.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# Attack tools need other versions than the tests do, so they are in a folder of their own.
$(VENV)/dev: $(VENV)/run requirements/dev.lock requirements/attackers.lock
	@echo "Installing what the tests need …"
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@rm -rf $(VENV)/attackers
	@$(PIP) install --require-hashes --target $(VENV)/attackers -r requirements/attackers.lock
	@touch $@

$(VENV)/bench: $(VENV)/dev requirements/bench.lock
	@echo "Installing what draws the benchmark's pictures …"
	@$(PIP) install --require-hashes -r requirements/bench.lock
	@touch $@

client: client/dist/.done  ## compile the npm package watchword-client

client/node_modules/.done: client/package-lock.json $(VENV)/run
	@echo "Installing what compiles the npm package …"
	@cd client && $(NPM) ci && touch node_modules/.done

client/dist/.done: client/node_modules/.done client/tsconfig.json $(wildcard client/src/*.ts)
	@cd client && $(NPM) run --silent build && touch dist/.done

# Node.js comes as a Python package, so that nothing has to be on the machine before. Without the
# registry there is no GraphiQL, and everything else works.
$(EXPLORER)/node_modules/.done: $(EXPLORER)/package-lock.json $(VENV)/run
	@echo "Installing GraphiQL …"
	@cd $(EXPLORER) && $(NPM) ci && touch node_modules/.done \
		|| echo "warning: GraphiQL is not installed; run 'make explorer' when the npm registry can be reached"

$(EXPLORER)/built/.done: $(EXPLORER)/node_modules/.done $(EXPLORER)/build.mjs $(shell find $(EXPLORER)/src client/src -type f 2>/dev/null)
	@test ! -e $(EXPLORER)/node_modules/.done || { cd $(EXPLORER) && $(NPM) run --silent build && touch built/.done; }

# The pages work without their scripts; then nothing on them moves by itself.
$(PAGES)/node_modules/.done: $(PAGES)/package-lock.json $(VENV)/run
	@echo "Installing what bundles the pages' scripts …"
	@cd $(PAGES) && $(NPM) ci && touch node_modules/.done \
		|| echo "warning: the pages have no scripts; run 'make pages' when the npm registry can be reached"

$(PAGES)/built/.done: $(PAGES)/node_modules/.done $(PAGES)/build.mjs $(shell find $(PAGES)/src client/src -type f 2>/dev/null)
	@test ! -e $(PAGES)/node_modules/.done || { cd $(PAGES) && $(NPM) run --silent build && touch built/.done; }

$(PEERS)/python/.venv/done: $(PEERS)/python/requirements.lock
	@echo "Installing the measured servers in Python …"
	@$(PYTHON) -m venv $(PEERS)/python/.venv
	@$(PEERS)/python/.venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

$(PEERS)/node/node_modules/.done: $(PEERS)/node/package-lock.json $(VENV)/dev
	@echo "Installing the measured servers in Node.js …"
	@cd $(PEERS)/node && $(NPM) ci --ignore-scripts && touch node_modules/.done \
		|| echo "warning: Mercurius, Yoga and Apollo Server are not installed: the npm registry cannot be reached"
