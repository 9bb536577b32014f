# Everything that people and CI run. One environment, made from pyproject.toml alone.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TESTS = $(BIN)/pytest -n 2 --dist worksteal
COMPUTING = tests/engine tests/methods tests/model_zoo tests/cli/test_pictures_read.py
KERNELS = 0 1
DEMO = sample_models/shapes.keras sample_models/inputs/shapes

.PHONY: help setup demo check format test test-all test-kernels bench docs samples gallery clean

help:
	@echo "make setup     make the environment in .venv"
	@echo "make demo      make the environment and draw what the sample classifier looks at"
	@echo "make test      make the environment and run the tests"
	@echo "make test-all  the same with the long loops"
	@echo "make test-kernels  the tests of what computes, with oneDNN's kernels and without"
	@echo "make check     style, types, rules on imports and language"
	@echo "make format    format the code and sort its imports"
	@echo "make docs      write the generated tables of the READMEs"
	@echo "make bench     measure speed as ratios, in one run"
	@echo "make samples   train the sample models again (seven minutes)"
	@echo "make gallery   draw a picture of each kind from the sample models (two minutes)"
	@echo "make clean     remove the environment and the results of make demo"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	@echo "making $(VENV) and installing TensorFlow into it, about a minute ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $@

demo: setup
	$(BIN)/inputgrad saliency $(DEMO) --out inputgrad-out

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_floors.py tests/test_language.py

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: setup
	$(TESTS) -m "not slow"

test-all: setup
	$(TESTS)

# What depends on the kernels that TensorFlow computes with: engine, methods, pictures, models.
test-kernels: setup
	for kernels in $(KERNELS); do \
	  TF_ENABLE_ONEDNN_OPTS=$$kernels $(TESTS) -m "not slow" $(COMPUTING) || exit 1; \
	done

bench: setup
	$(BIN)/python -m tests.bench $(ROWS)

docs: setup
	$(BIN)/python -m tests.write_tables

samples: setup
	$(BIN)/python sample_models/build.py

gallery: setup
	$(BIN)/python sample_models/gallery.py

clean:
	rm -rf $(VENV) inputgrad-out
