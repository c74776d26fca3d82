# Everything sets itself up: each target first lets testbuild/bootstrap make .venv ready (no work when it is).
# Arguments for the command behind a target: make up ARGS="--name demo --port-base 9000"

ARGS ?=
# ARGS is for the command of this very target, not for a make that the command itself calls.
unexport ARGS
MAKEOVERRIDES =
BIN := .venv/bin
PYTHON := $(BIN)/python
F7T := $(BIN)/f7t

.DEFAULT_GOAL := help
.PHONY: help up down status token env logs reset doctor list images test test-long test-docker test-real test-matrix conformance mutants check format bench loadtest bootstrap bootstrap-dev packages

help: ## show this list
	@echo 'usage: make TARGET [ARGS="..."]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'examples:'
	@echo '  make up                                          # then: make status'
	@echo '  make up ARGS="--name second --port-base 18000"   # a second testbuild beside it'
	@echo '  eval "$$(make -s env)"                            # FIRECREST_URL, credentials, ...'
	@echo '  eval "$$(make -s token ARGS=--export)"            # a bearer token as TOKEN'
	@echo '  make logs ARGS="gateway -f"'

up: bootstrap ## start the testbuild, prove that it works, show where it listens
	@$(F7T) up $(ARGS)

down: bootstrap ## stop it; state is kept (ARGS=--purge removes it)
	@$(F7T) down $(ARGS)

status: bootstrap ## every part: what it is, version, state, address, since
	@$(F7T) status $(ARGS)

token: bootstrap ## print a bearer token (ARGS="--user test1", ARGS=--export)
	@$(F7T) token $(ARGS)

env: bootstrap ## print what a client needs, as shell lines (ARGS="--format json")
	@$(F7T) env $(ARGS)

logs: bootstrap ## show the logs of all parts or one (ARGS="gateway -f")
	@$(F7T) logs $(ARGS)

reset: bootstrap ## users' files, jobs, tasks and buckets back to the seed
	@$(F7T) reset $(ARGS)

doctor: bootstrap ## what is missing, what is in the way, and the mend
	@$(F7T) doctor $(ARGS)

list: bootstrap ## the testbuilds known on this machine
	@$(F7T) list $(ARGS)

images: bootstrap ## build the images of the Docker runtime without a registry (ARGS="--slurm all")
	@$(F7T) images $(ARGS)

test: bootstrap-dev packages ## run all tests, in two processes; ARGS="tests/tutorial -k T33": these, in one
	@$(PYTHON) -m pytest $(or $(ARGS),-n 2)

test-docker: bootstrap-dev ## tests against containers: walk, client, nodes, secrets (needs an engine)
	@F7T_TEST_RUNTIME=docker F7T_TEST_DOCKER=1 $(PYTHON) -m pytest tests/docker tests/testbuild/images tests/tutorial tests/clients $(ARGS)

test-long: bootstrap-dev packages ## tests that take minutes: interrupted runs of the suite, client projects
	@F7T_TEST_LONG=1 $(PYTHON) -m pytest -m long tests $(ARGS)

test-real: bootstrap-dev packages ## tests of the native runtime with the real Keycloak and MinIO
	@F7T_TEST_REAL=1 $(PYTHON) -m pytest tests/testbuild/real $(ARGS)

test-matrix: bootstrap-dev packages ## walk and client against every kind of testbuild (ARGS=--few)
	@$(PYTHON) -m tests.matrix $(ARGS)

conformance: bootstrap-dev ## the suite against the testbuild, started if none runs (ARGS="--profile probe")
	@$(F7T) certify $(ARGS)

mutants: bootstrap-dev packages ## faulty servers: does the conformance suite find them out? (ARGS="--only ls", "--false-alarms 20")
	@$(PYTHON) -m tests.conformance.mutants $(ARGS)

check: bootstrap-dev ## formatting, lint, types, forbidden imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: bootstrap-dev ## format the code and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bootstrap-dev packages ## measure the gateway beside its floors (ARGS="--only ls", --quick, --growth, --write)
	@$(PYTHON) tests/bench/run.py $(ARGS)

loadtest: bootstrap-dev packages ## short load tests beside their floors, judged by loadtest/thresholds.yaml
	@$(F7T) loadtest $(ARGS)

bootstrap:
	@sh testbuild/bootstrap

bootstrap-dev:
	@sh testbuild/bootstrap --dev

packages: bootstrap-dev
	@$(F7T) packages --gateways 2
