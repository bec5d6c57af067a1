# make demo   install into .venv, then the whole flow on MovieLens-100K
# make test   install with the test tools, then every test
# make check  style, types and the direction of imports
# make docs   the documentation as a site in site/, strict
# make audit  known vulnerabilities of the pinned packages; needs the network
# make sbom   what is installed as CycloneDX JSON, in sbom.json
# make clean  remove .venv, the demo's output and caches
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .venv-audit
UV := $(BIN)/python -m uv pip install --quiet --python $(BIN)/python -c constraints.txt
PYTEST_ARGS ?=
# Compiled modules are kept, whatever the shell says: each process would compile torch and all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check docs format audit sbom clean

demo: $(VENV)/.installed
	$(BIN)/kgrec demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# NO_MKDOCS_2_WARNING: a note of the theme about a version of mkdocs that isn't used here.
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(AUDIT)/.installed
	@$(BIN)/python -m tests.dependency_audit $(AUDIT)/bin/pip-audit constraints.txt

sbom: $(AUDIT)/.installed $(VENV)/.installed
	$(AUDIT)/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
	  --pyproject pyproject.toml --output-file sbom.json $(BIN)/python

# An environment of their own: the tools are no part of what they look at.
$(AUDIT)/.installed: $(VENV)/.uv constraints.txt
	$(PYTHON) -m venv --clear $(AUDIT)
	$(BIN)/python -m uv pip install --quiet --python $(AUDIT)/bin/python -c constraints.txt \
	  pip-audit cyclonedx-bom
	@touch $@

# uv installs the whole set in about a minute, where pip takes five.
$(VENV)/.uv: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "kgrec needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) \
	  || { echo "the venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt uv
	@touch $@

$(VENV)/.installed: $(VENV)/.uv pyproject.toml
	$(UV) -e '.[plots]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(UV) -e '.[dev,bench,docs]'
	@touch $@

clean:
	rm -rf $(VENV) $(AUDIT) sbom.json demo build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
