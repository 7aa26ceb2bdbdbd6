# Everything runs in a virtual environment of its own, .venv, made by whichever target needs it first.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Nothing here calls home.
export WANDB_MODE ?= offline
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help

.PHONY: help
help:  ## print the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: setup
setup: .venv/.installed  ## make the virtual environment and install Thulium into it

.venv/.installed: pyproject.toml
	@echo "Setting up .venv: PyTorch is large, this takes some minutes"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Thulium needs Python 3.10 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[training,wandb,onnx,hub,dev]'
	touch $@

.PHONY: demo
demo: setup  ## train and judge a model on rendered handwriting, from nothing
	dvc repro
	@python -c 'import json; before, after = (json.load(open(name)) for name in ("metrics/train.json", "metrics.json")); \
	print("\nCER before training: {:.1%}, after: {:.2%}".format(before["val_cer_untrained"], after["cer"]))'
	@echo "Look at the report: $(CURDIR)/reports/evaluation.html"

.PHONY: check
check: setup  ## all that CI runs: format, lint, types, tests, in this order; ends at the first that fails
	ruff format --check .
	ruff check .
	python -m mypy
	$(MAKE) --no-print-directory test

.PHONY: test
test: setup  ## run the tests
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist worksteal

.PHONY: test-long
test-long: setup  ## run the tests that kill trainings and join processes, which take many minutes
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist worksteal -m long

.PHONY: test-gpu
test-gpu: setup  ## run the tests that want a GPU: where there is none, they are skipped and say so
	OMP_NUM_THREADS=1 python -m pytest -m gpu tests/gpu

.PHONY: test-kraken
test-kraken: .venv-kraken/.installed  ## run the tests of the plug-in in the real kraken, in an environment of its own (6 GB)
	OMP_NUM_THREADS=1 .venv-kraken/bin/python -m pytest tests/plugins

# kraken 7.1 takes a torch of up to 2.14.0, and works with later ones: so its own bound is passed over.
KRAKEN := 7.1.1
.venv-kraken/.installed: pyproject.toml
	@echo "Setting up .venv-kraken: as large as .venv, this takes some minutes"
	$(PYTHON) -m venv --clear .venv-kraken
	.venv-kraken/bin/python -m pip install --quiet --disable-pip-version-check torch torchvision \
		'click<8.3' coremltools 'htrmopo~=0.6' iso639-lang 'jinja2~=3.1.6' lightning lxml numpy platformdirs protobuf \
		pyarrow regex requests 'rich<14.1' 'safetensors~=0.7.0' 'scikit-image~=0.25.2' 'scikit-learn~=1.7.2' \
		'scipy~=1.15.3' 'shapely~=2.1.2' threadpoolctl torchmetrics pytest '.[training]'
	.venv-kraken/bin/python -m pip install --quiet --disable-pip-version-check --no-deps kraken==$(KRAKEN) --editable .
	touch $@

.PHONY: test-pythons
test-pythons:  ## run the tests of the language on the other Pythons that are here, each with the base package alone
	$(PYTHON) tests/pythons.py

# What pyproject.toml says works at the least, in an environment of its own. EXCEPT= tries the lowest PyTorch, too.
LOWEST := .venv-lowest/bin
EXCEPT ?= torch
PROCESSES ?= 2
# The language whole; of the engine and its stages what touches each of the packages.
LOWEST_TESTS := tests/language tests/template tests/house/test_wheel.py tests/house/test_dependencies.py \
	tests/house/test_cli_speed.py $(patsubst %,tests/engine/%.py,test_keys ingest/test_dataset_keys \
	ingest/test_page_reader ingest/test_alto_reader ingest/test_parquet_reader ingest/test_prepare \
	ingest/test_synthetic ingest/test_preview data/test_text data/test_images data/test_image_files \
	data/test_greys data/test_augment models/test_model training/test_training training/test_checkpoints \
	training/test_loggers evaluation/test_evaluate decoding/test_decoding runtime/test_tables) \
	tests/stages/test_graph.py tests/stages/test_commands.py

.PHONY: test-lowest
test-lowest: .venv-lowest/.installed  ## try the lowest versions of the dependencies that pyproject.toml takes
	OMP_NUM_THREADS=1 $(LOWEST)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(LOWEST_TESTS)

.venv-lowest/.installed: pyproject.toml tests/lowest.py | setup
	@echo "Setting up .venv-lowest: as large as .venv, this takes some minutes"
	$(PYTHON) -m venv --clear .venv-lowest
	$(BIN)/python tests/lowest.py $(EXCEPT) > .venv-lowest/constraints.txt
	$(LOWEST)/python -m pip install --quiet --disable-pip-version-check --constraint .venv-lowest/constraints.txt \
		--editable '.[training,wandb,dev]'
	touch $@

.PHONY: lint
lint: setup  ## check style and format
	ruff check .
	ruff format --check .

.PHONY: types
types: setup  ## check types
	python -m mypy

.PHONY: format
format: setup  ## rewrite the code in the house's format
	ruff check --fix .
	ruff format .

.PHONY: golden
golden: setup  ## rewrite the expected outputs in tests/golden; review the difference
	THULIUM_GOLDEN=write OMP_NUM_THREADS=1 python -m pytest -q tests/language/grammar/test_problems.py tests/language/pipeline/test_graph.py

.PHONY: reference
reference: setup  ## rewrite what is made from the schemas: classes, pages, the demo's document, what projects start with
	python -m thulium_dsl.manual.specs
	python -m thulium_dsl.manual.pages
	thulium compile

.PHONY: docs
docs: setup  ## build the documentation into site/
	python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	python -m mkdocs build --strict

.PHONY: fuzz
fuzz: setup  ## read 10,000 changed inputs of each kind; N=300 for fewer, ONLY=arrow,page for some, SEED=2 for others
	PYTHONPATH=tests python -m fuzz $(or $(N),10000) --seed $(or $(SEED),1) $(if $(ONLY),--only $(ONLY))

.PHONY: kills
kills: setup  ## let commands die at each of their writes, and run them again; SHARE=0.1 for a tenth of it
	PYTHONPATH=tests OMP_NUM_THREADS=1 python -m deaths --share $(or $(SHARE),1)

.PHONY: bench-loader
bench-loader: setup  ## time reading and augmenting lines
	python benchmarks/loader.py

.PHONY: bench-borders
bench-borders: setup  ## time the borders between epochs
	python benchmarks/borders.py

.PHONY: bench-augment
bench-augment: setup  ## time each transform of augmentation
	python benchmarks/augment.py

.PHONY: bench-overhead
bench-overhead: setup  ## time the engine's loop against a bare one
	python benchmarks/overhead.py

.PHONY: bench-padding
bench-padding: setup  ## how much of a batch is padding; DOCUMENT=file for other lines than rendered ones
	python benchmarks/padding.py $(DOCUMENT)

.PHONY: bench-memory
bench-memory: setup  ## what a training holds in memory over ten epochs
	python benchmarks/memory.py

.PHONY: bench-models
bench-models: setup  ## time a training step of each backbone and head
	python benchmarks/models.py

.PHONY: bench-onnx
bench-onnx: setup  ## time reading with PyTorch and with ONNX Runtime: MODEL=best.safetensors DATA=data/prepared
	python benchmarks/onnx_runtime.py $(MODEL) $(DATA)

.PHONY: bench-prepare
bench-prepare: setup  ## time prepare on 5,000 and 50,000 rendered lines; DATA=folder adds real ones
	python benchmarks/prepare.py $(DATA)

.PHONY: bench-open
bench-open: setup  ## time and memory of opening a million prepared lines
	python benchmarks/open.py

.PHONY: bench-versions
bench-versions: setup  ## what dvc push sends when 1 % of the pages are new
	python benchmarks/versions.py

.PHONY: bench-cli
bench-cli: setup  ## time the commands that touch no tensor
	python benchmarks/cli.py

.PHONY: bench-decoding
bench-decoding: setup  ## time reading the text off a model's output
	python benchmarks/decoding.py

.PHONY: bench-step
bench-step: setup  ## time a training step with one setting changed at a time
	python benchmarks/step.py

.PHONY: bench-contention
bench-contention: setup  ## what busy programs beside it cost a training: LINES=folder for real lines
	python benchmarks/contention.py $(LINES)

.PHONY: bench-gpu
bench-gpu: setup  ## what a training reaches on the GPU that is here: LINES=folder for real lines, OUT=file for JSON
	python benchmarks/gpu.py $(LINES) $(if $(OUT),--out "$(OUT)")

.PHONY: bench-coverage
bench-coverage: setup  ## how often the interval of the CER holds the true rate, on made-up test sets
	python benchmarks/coverage.py

.PHONY: bench-saving
bench-saving: setup  ## time the checkpoints of an epoch and a state to go on from
	OMP_NUM_THREADS=1 python benchmarks/saving.py

.PHONY: bench-processes
bench-processes: setup  ## compare a training in 1, 2 and 4 processes: step by step, then its errors and pace by seed
	OMP_NUM_THREADS=1 python benchmarks/processes.py
	OMP_NUM_THREADS=1 python benchmarks/seeds.py

.PHONY: bench-peers
bench-peers: setup  ## race against kraken, PyLaia and Calamari: LINES=folder DOCUMENT=file PEERS=folder of their environments
	python benchmarks/peers.py $(LINES) $(DOCUMENT) --peers $(PEERS)

.PHONY: bench-ladder
bench-ladder: setup  ## train DOCUMENT=file with one part of the recipe left out at a time
	python benchmarks/ladder.py $(DOCUMENT)

.PHONY: bench-schedules
bench-schedules: setup  ## train DOCUMENT=file with each schedule and three seeds; OUT=folder, EPOCHS=40, MORE="--augmentations none light"
	python benchmarks/schedules.py $(DOCUMENT) $(or $(OUT),runs/schedules) --epochs $(or $(EPOCHS),12) $(MORE)

.PHONY: bench-starts
bench-starts: setup  ## train on few lines of a hand from nothing and from the zoo: LINES=folder; OUT=folder, MORE="--sizes 64 --seeds 1"
	python benchmarks/starts.py $(LINES) $(or $(OUT),runs/starts) $(MORE)

.PHONY: bench-sources
bench-sources: setup  ## train a starting model with one source left out at a time: OPEN=folder; OUT=folder, MORE="--jobs 4 --epochs 8"
	python benchmarks/sources.py $(OPEN) $(or $(OUT),runs/sources) $(MORE)

.PHONY: bench-pretraining
bench-pretraining: setup  ## train on 100 and 300 lines from nothing and from a pretraining: LINES=folder; OUT=folder, MORE="--height 48"
	python benchmarks/pretraining.py $(LINES) $(or $(OUT),runs/pretraining) $(MORE)

.PHONY: zoo
zoo: setup  ## make the starting models: OPEN=folder with the tables of lines; MODELS="latin-tiny" for one of them
	python zoo/make.py $(OPEN) $(MODELS)

.PHONY: same
same: setup  ## compare what this code writes with that of another revision: BASE=REV; LINES=folder PAGES=folder for real data
	python benchmarks/same.py $(BASE) $(if $(LINES),--lines "$(LINES)") $(if $(PAGES),--pages "$(PAGES)")

.PHONY: chaos
chaos: setup  ## kill a small experiment a hundred times and compare what comes out
	PYTHONPATH=tests OMP_NUM_THREADS=1 python benchmarks/chaos.py
