# `make` without a target lists the targets. Each sets up the environment that it needs, and
# does so again only when pyproject.toml or the constraints have changed.

PYTHON ?= python3

# Networks as small as these gain little from threads, and on a busy machine, where the threads of
# one wait for those of another, they lose a factor of five and more.
export OMP_NUM_THREADS ?= 1

VENV := .venv
VENV_MIN := .venv-min
BIN := $(VENV)/bin
BIN_MIN := $(VENV_MIN)/bin

# What skdal is measured beside, each in an environment of its own. `make bench BENCH="--only loop"`
# measures a part.
PEERS := alipy modal modal-newest small-text
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-min lint docs bench clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.test-stamp ## Compare two samplers on digits; results go to build/demo
	$(BIN)/skdal compare digits --samplers random,discriminative --force --output build/demo

test: $(VENV)/.test-stamp ## Run the fast tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4

test-all: $(VENV)/.test-stamp ## Run all tests, the slow ones too, and measure coverage
	$(BIN)/python -m pytest -m "" --cov

test-min: $(VENV_MIN)/.test-stamp ## Run the fast tests with the lowest versions that are supported
	$(BIN_MIN)/python -m pytest -n auto --maxprocesses 4

lint: $(VENV)/.lint-stamp ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs-stamp ## Build the documentation and run its examples; it goes to build/docs
	$(BIN)/python -m sphinx -E -W --keep-going $(SPHINXOPTS) docs build/docs

bench: $(VENV)/.test-stamp $(PEERS:%=build/peers-%/.stamp) ## Measure skdal beside its peers, and write docs/benchmarks.md
	$(BIN)/python benchmarks/table.py $(BENCH)

clean: ## Remove environments, caches and builds
	rm -rf $(VENV) $(VENV_MIN) build dist htmlcov .coverage .coverage.*
	rm -rf docs/auto_examples docs/generated docs/sg_execution_times.rst
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find skdal tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written last, so that an installation that was broken off is taken up again.
$(VENV)/.test-stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e ".[test,interop,dask]"
	touch $@

$(VENV)/.lint-stamp: $(VENV)/.test-stamp
	$(BIN)/python -m pip install -c constraints.txt -e ".[lint]"
	touch $@

$(VENV)/.docs-stamp: $(VENV)/.test-stamp
	$(BIN)/python -m pip install -c constraints.txt -e ".[docs]"
	touch $@

# modAL works up to scikit-learn 1.7, and asks for a skorch that is older than all we support.
$(VENV_MIN)/.test-stamp: pyproject.toml constraints-min.txt
	$(PYTHON) -m venv $(VENV_MIN)
	$(BIN_MIN)/python -m pip install -c constraints-min.txt -e ".[test,dask]"
	$(BIN_MIN)/python -m pip install -c constraints-min.txt --no-deps modAL-python
	touch $@

# Peers take skdal from the checkout, with scikit-learn and what it needs, but without networks.
build/peers-alipy/.stamp build/peers-small-text/.stamp: build/peers-%/.stamp: constraints.txt
	$(PYTHON) -m venv build/peers-$*
	build/peers-$*/bin/python -m pip install -c constraints.txt $* pandas torch tqdm
	touch $@

build/peers-modal/.stamp: constraints-min.txt
	$(PYTHON) -m venv build/peers-modal
	build/peers-modal/bin/python -m pip install -c constraints-min.txt pandas scikit-learn skorch torch tqdm
	build/peers-modal/bin/python -m pip install -c constraints-min.txt --no-deps modAL-python
	touch $@

# As pip installs it, with the newest scikit-learn.
build/peers-modal-newest/.stamp:
	$(PYTHON) -m venv build/peers-modal-newest
	build/peers-modal-newest/bin/python -m pip install modAL-python torch tqdm
	touch $@
