# `make demo` and `make test` do all their set-up themselves; `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTERS ?= 4  # processes that run the tests, also on two cores: many tests wait for servers
COMPILE := $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header

.PHONY: help setup demo sandbox peers test real-world truth kills variants histories examples faults bench audit check lint types lock clean
.DEFAULT_GOAL := help

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@[ ! -L $(VENV) ] || { echo "$(VENV) is a link to an environment of others: remove the link."; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV) \
	  || { echo "Python's venv module is needed: apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once, one to two minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --require-hashes -r requirements.lock  # the lock is complete
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-index --no-deps --no-build-isolation -e .  # the command mailup-exchange, of this folder
	@touch $(READY)

setup: $(READY)  ## Install the locked packages into .venv, as every other target does first

demo: $(READY)  ## Run the main job on embedded defaults; KEEP=1 leaves everything running
	@$(BIN)/mailup-exchange demo $(if $(KEEP),--keep)

sandbox: $(READY)  ## Start the MailUp emulator and file servers, to try a client's set-up against
	@$(BIN)/mailup-exchange sandbox

test: $(READY)  ## Run all tests; those that need servers which are not installed say so
	@$(BIN)/python -m pytest $(or $(ARGS),-n $(TESTERS) --dist worksteal)

real-world: $(READY)  ## Read files as shops, spreadsheets and telephones write them, into docs/real-world.md (seconds)
	@$(BIN)/python -m tests.real_world docs/real-world.md

truth: $(READY)  ## Export a month of traffic by runs that are killed, against the event log (half an hour)
	@MAILUP_TRUTH=month $(BIN)/python -m pytest -n $(TESTERS) -rP tests/journeys/test_exports_truth.py

faults: $(READY) .peers/.ready  ## Damaged files here and in dlt, side by side, into docs/faults.md (minutes)
	@$(BIN)/python -m benchmarks.faults --peer .peers/bin/python --write docs/faults.md

bench: $(READY) .run/.ready .peers/.ready .peers/airbyte/.ready .peers/tap-sftp/.ready  ## Compare speed and memory with alternatives, into docs/performance.md (an hour)
	@BENCH_PRODUCT=.run/bin/python $(BIN)/python -m benchmarks --peers .peers/bin/python --write docs

peers: .peers/mailupy/.ready  ## Install mailupy, another MailUp client, which `make test` then runs against the emulator

.peers/mailupy/.ready: tests/peers/mailupy.lock
	@"$(PYTHON)" -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.run/.ready: requirements-run.lock
	@"$(PYTHON)" -m venv .run
	@.run/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.peers/.ready: benchmarks/peers/requirements.lock
	@"$(PYTHON)" -m venv .peers
	@.peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.peers/%/.ready: benchmarks/peers/%.lock .peers/.ready
	@"$(PYTHON)" -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --require-hashes -r $< && touch $@ || echo "$(@D) cannot be installed: it is not measured"

kills: $(READY)  ## Kill imports and exports at every instant, cause outages, into docs/kills.md (two hours; root; in parts: PART=2/4)
	@KILLS=all PART=$(PART) $(BIN)/python -m pytest -n $(TESTERS) --dist worksteal -rP $(or $(ARGS),$(addprefix tests/journeys/,test_import_kills.py test_import_stops.py test_export_kills.py test_import_outages.py test_export_outages.py test_delta.py))

variants: $(READY)  ## Run every journey under every variant of MailUp and all pairs of them, into docs/mailup.md (half an hour)
	@rm -f .variants
	@VARIANTS=all VARIANTS_RESULTS=.variants $(BIN)/python -m pytest -q --timeout=1800 -n $(TESTERS) --dist worksteal tests/variants; \
	  ended=$$?; $(BIN)/python tests/variants/mailup_page.py .variants && exit $$ended

examples: $(READY)  ## Try many more examples of every property, and every damaged file (half an hour)
	@EXAMPLES=all $(BIN)/python -m pytest --timeout=1800 -n $(TESTERS) --dist worksteal tests/core tests/histories/test_delta_histories.py tests/journeys/test_hostile_drop.py

histories: $(READY)  ## Run many more random histories of people and files, into docs/histories.md (minutes)
	@HISTORIES=$(or $(N),150) $(BIN)/python -m pytest --timeout=3600 tests/histories/test_consent_histories.py

audit:  ## Check the locked packages for known vulnerabilities
	@$(MAKE) --silent .audit/.ready || true  # without it the script reports that nothing was checked
	@"$(PYTHON)" .ci/audit.py .audit/bin/pip-audit

.audit/.ready: .ci/audit.lock
	@"$(PYTHON)" -m venv .audit
	@.audit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

check: lint types  ## Lint and types

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

lock: $(READY)  ## Resolve the dependencies of pyproject.toml anew
	@$(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml --all-extras --upgrade -o requirements.lock
	printf 'dlt[filesystem,sftp]\npandas\nmatplotlib\n' | $(COMPILE) - -o benchmarks/peers/requirements.lock
	echo airbyte-source-sftp-bulk | $(COMPILE) - -o benchmarks/peers/airbyte.lock
	echo tap-sftp | $(COMPILE) - -o benchmarks/peers/tap-sftp.lock
	echo mailupy | $(COMPILE) - -o tests/peers/mailupy.lock
	$(COMPILE) pyproject.toml --extra postgresql -c requirements.lock -o requirements-run.lock
	echo hatchling | $(COMPILE) - -c requirements.lock -o requirements-build.lock
	echo pip-audit | $(COMPILE) - -o .ci/audit.lock
	echo prefect-redis | $(COMPILE) - -c requirements.lock -o deployments/extras/redis.lock
	echo s3fs | $(COMPILE) - -c requirements.lock -o deployments/extras/s3.lock
	echo gcsfs | $(COMPILE) - -c requirements.lock -o deployments/extras/gs.lock
	echo adlfs | $(COMPILE) - -c requirements.lock -o deployments/extras/abfs.lock

clean:  ## Remove what the targets above have made
	rm -rf $(VENV) .variants .sandbox .demo .peers .run .audit
