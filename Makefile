# What a user, a contributor and CI run; they run the same.
#
#   make demo PYTHON=python3.12      another interpreter (3.11, 3.12 or 3.13)
#   make test VENV=/elsewhere/venv   another place for the virtual environment

PYTHON ?=
VENV ?= .venv
# For `make lock` only: the resolver that writes requirements.lock. It is not needed otherwise.
UV ?= uv

.DEFAULT_GOAL := help
.PHONY: help setup javascript browser office demo test lint bench vectors sim lock clean

help:
	@echo 'make demo      three organisations on this machine exchange records (ARGS="--check --json")'
	@echo 'make test      everything that must hold: format, lint, types, imports, vectors, tests'
	@echo '               (ONLY="types tests" for some of them)'
	@echo 'make lint      the static part of it, and pyright'
	@echo 'make bench     measure replication (RECORDS=10000 for one size)'
	@echo 'make vectors   write spec/vectors again from the generator'
	@echo 'make browser   the pages in Chromium, with axe-core (needs chromium, node and npm)'
	@echo 'make office    exports opened by LibreOffice, no cell a formula (needs soffice)'
	@echo 'make sim       the long simulations and properties'
	@echo 'make setup     only the virtual environment, in $(VENV)'
	@echo 'make lock      resolve the dependencies again (UPGRADE=1 for newer ones)'
	@echo 'make clean     remove caches, build results and $(VENV)'
	@echo 'PYTHON=... names the interpreter, VENV=... the place of the virtual environment'

# Ends at once when nothing changed since the last time.
setup:
	@sh tools/setup.sh "$(VENV)" "$(PYTHON)"

demo: setup
	@"$(VENV)/bin/hutong" demo $(ARGS)

# A second implementation is tested where node and npm are; its own lock pins its packages. What is
# installed already stays, since npm would remove it before it finds that there is no network.
JS = conformance/implementations/js
javascript:
	@if [ -f $(JS)/package-lock.json ] && command -v npm >/dev/null 2>&1 && \
	    ! cksum $(JS)/package-lock.json | cmp -s - $(JS)/node_modules/.hutong-setup && \
	    ! (cd $(JS) && npm ls --silent >/dev/null 2>&1); then \
	    echo 'setup: installing the packages of $(JS)' >&2; \
	    (cd $(JS) && npm ci --silent --ignore-scripts --no-audit --no-fund) && \
	    cksum $(JS)/package-lock.json > $(JS)/node_modules/.hutong-setup || \
	    echo 'setup: npm failed; tests of $(JS) cannot run' >&2; \
	fi

# The pages in a real browser. axe-core is for these tests only; its lock pins it.
AXE = tests/browser
browser: setup
	@if command -v npm >/dev/null 2>&1 && ! (cd $(AXE) && npm ls --silent >/dev/null 2>&1); then \
	    echo 'setup: installing the packages of $(AXE)' >&2; \
	    (cd $(AXE) && npm ci --silent --ignore-scripts --no-audit --no-fund) || \
	    echo 'setup: npm failed; pages are not judged by axe-core' >&2; \
	fi
	@"$(VENV)/bin/python" -m pytest -m browser -q $(ARGS)

# Exports and copies with ids, opened by LibreOffice. `make test` runs them too where it is.
office: setup
	@"$(VENV)/bin/python" -m pytest -m office -q $(ARGS)

test: setup javascript
	@"$(VENV)/bin/python" tools/checks.py test $(ONLY)

lint: setup
	@"$(VENV)/bin/python" tools/checks.py lint $(ONLY)

bench: setup
	@"$(VENV)/bin/python" bench/run.py $(ARGS)

vectors: setup
	@"$(VENV)/bin/python" -m hutong_conformance.generate

# What takes minutes, and every property with fifty times as many examples as in `make test`.
sim: setup
	@HYPOTHESIS_PROFILE=long "$(VENV)/bin/python" -m pytest -m 'slow or hypothesis' -n 2 \
	    --dist worksteal --timeout 3600 $(ARGS)

# The lock holds every Python package of every extra for 3.11 to 3.13 and all platforms, each file
# by its hash; neither the name of an index nor a path. It is resolved for wheels only.
lock:
	$(UV) pip compile --quiet --no-config --universal --python-version 3.11 --all-extras \
	    --generate-hashes --only-binary :all: --no-annotate --no-header --no-emit-index-url \
	    --no-emit-find-links $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml
	{ echo '# Made by "make lock" from pyproject.toml. Do not edit.'; cat requirements.lock; } \
	    > requirements.lock.new && mv requirements.lock.new requirements.lock

clean:
	@sh tools/setup.sh --remove "$(VENV)"
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	    .coverage .hutong-demo
	find protocol node adapters conformance tests tools -name __pycache__ -type d -prune \
	    -exec rm -rf {} +
