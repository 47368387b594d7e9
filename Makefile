# What a newcomer needs: make deploy, make test, make clean.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Debian's own interpreter is compiled with optimisation and runs Ansible a quarter faster than a pyenv one.
OPTIMISED := /usr/bin/python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON ?= $(shell $(OPTIMISED) && echo /usr/bin/python3 || echo python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

GATE := .venv/bin/python scripts/gate.py
CHECK := $(GATE) check

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column --table --separator $$'\t'

.venv/ready: requirements.txt requirements-dev.txt scripts/unpack_collections.py scripts/link-checkout
	scripts/prepare-host python
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --requirement requirements-dev.txt
	.venv/bin/python scripts/unpack_collections.py
	scripts/link-checkout
	touch $@

# --- the main job ---------------------------------------------------------------------------------------------------

.PHONY: engine images deploy
engine: .venv/ready
	@$(CHECK) engine scripts/prepare-host engine

images: .venv/ready engine ## Build the images whose inputs changed
	@$(CHECK) images images/build $(IMAGES)

deploy: .venv/ready images ## Provision this machine and release the sample project; the last line is its URL
	.venv/bin/ansible-playbook playbooks/provision.yml
	BOOKS_MS_VERSION=1 .venv/bin/ansible-playbook deploy.yml -e target=app
	@scripts/front-door

.PHONY: clean
clean: ## Remove everything of ours from this machine, caches included
	scripts/clean

# --- gates, cheap first ---------------------------------------------------------------------------------------------

# What computes runs beside what waits. User stories have the machine to themselves: a busy one may cost them requests.
BESIDE := GATE_LINES=named $(MAKE) --no-print-directory --jobs=2
.PHONY: test lint unit sanity integration molecule
test: .venv/ready ## All gates; the last line is "N passed, N failed"
	@$(GATE) reset
	@{ $(BESIDE) lint unit images && $(BESIDE) sanity molecule && \
	   $(MAKE) --no-print-directory integration; } || status=1; $(GATE) summary && exit $$status

LINTERS := ruff format mypy ansible-lint docs changelog workflows
.PHONY: $(LINTERS)
lint: ## Style, types, playbooks, documentation, changelog
	@$(MAKE) --no-print-directory --keep-going $(LINTERS)

ruff: .venv/ready
	@$(CHECK) ruff ruff check .
format: .venv/ready
	@$(CHECK) format ruff format --check .
mypy: .venv/ready
	@$(CHECK) mypy mypy
ansible-lint: .venv/ready
	@$(CHECK) ansible-lint ansible-lint --offline --profile production
docs: .venv/ready
	@$(CHECK) docs antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all --check-extra-docs-refs .
changelog: .venv/ready
	@$(CHECK) changelog scripts/changelog lint
workflows: .venv/ready
	@$(CHECK) workflows check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

unit: .venv/ready ## Pure logic, in tables
	@$(GATE) pytest unit pytest tests/unit --quiet

coverage: .venv/ready ## Unit tests with a coverage report
	pytest tests/unit --quiet --cov --cov-report=term-missing

sanity: .venv/ready ## ansible-test's sanity tests
	@$(GATE) sanity sanity scripts/sanity

# Those that meta/runtime.yml allows and Ansible's developers still care for; `sanity` has the one of the virtual environment.
CORES := 2.19 2.20 2.21
.PHONY: sanity-all $(CORES:%=sanity-%)
sanity-all: $(CORES:%=sanity-%) ## The same with every supported ansible-core, of what ansible-galaxy packs
$(CORES:%=sanity-%): .venv/ready
	@$(GATE) sanity $@ scripts/sanity --core $(@:sanity-%=%) --built

# Most stories disturb no other one and wait more than they compute, so there are more lanes than cores. Those that break or
# measure the machine's own parts come after them; beside them only what has a Consul and proxies of its own, or needs none.
LANES ?= 3
.PHONY: stories stories-alone stories-apart
integration: .venv/ready images ## User stories on this machine, with real parts
	@$(MAKE) --no-print-directory stories || status=1; \
	$(BESIDE) --keep-going stories-alone stories-apart || status=1; exit $$status
stories: .venv/ready images
	@$(GATE) pytest stories pytest tests/integration/test_*.py --verbose -m "not alone" \
	  --numprocesses $(LANES) --dist loadfile --no-loadscope-reorder
stories-alone: .venv/ready images
	@$(GATE) pytest stories-alone pytest tests/integration/test_*.py --verbose -m alone
stories-apart: .venv/ready images
	@$(GATE) pytest stories-apart pytest tests/integration/*/ --verbose

molecule: .venv/ready images ## The same roles on a systemd node over SSH
	@$(CHECK) node images/build node
	@MOLECULE_GLOB='molecule/*/molecule.yml' $(GATE) molecule molecule molecule test --all

.PHONY: settings-page release-changelog
settings-page: .venv/ready ## Write docs/settings.md from the declaration of all settings
	.venv/bin/python scripts/settings_page.py
release-changelog: .venv/ready ## Take all fragments into the changelog of galaxy.yml's version, and write CHANGELOG.rst
	@scripts/changelog release

.PHONY: bench
bench: .venv/ready images ## Measure; not part of the tests
	.venv/bin/python bench/run
