# What a newcomer needs: make deploy, make test, make clean.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Debian's own interpreter is compiled with optimisation and runs Ansible a quarter faster than a pyenv one.
PYTHON ?= $(shell if /usr/bin/python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo /usr/bin/python3; else echo python3; fi)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.venv/ready: requirements.txt requirements-dev.txt scripts/unpack-collections
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --requirement requirements-dev.txt
	.venv/bin/python scripts/unpack-collections
	scripts/link-checkout
	touch $@
