# Everything sets itself up from nothing: a virtual environment beside the sources, then the extra it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test long lint bench fuzz models recipes book kill clean

demo: $(VENV)/.demo
	$(BIN)/talweg train lenet --data digits

# In two processes after each other: what thousands of samples leave behind would slow down the collector for the rest.
SAMPLES := $(wildcard tests/test_samples.py tests/test_sample_g*.py tests/test_compiled_samples.py tests/test_compiled_graphs.py)

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -n 2 $(SAMPLES)
	$(BIN)/python -m pytest -n 2 $(addprefix --ignore=,$(SAMPLES))

# Tests that take a quarter of a minute or more each: mostly trainings that are killed and resumed.
long: $(VENV)/.test
	TALWEG_LONG=1 $(BIN)/python -m pytest -n 2 -m slow

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy

# Training killed at random steps 60 times, and during 100 saves: what is resumed is the same to the last bit.
kill: $(VENV)/.test
	TALWEG_KILLS=60 TALWEG_SAVES=100 $(BIN)/python -m pytest tests/test_resume.py tests/test_checkpoint_damage.py

# Every sample compiled; every sample at other sizes and in other layouts, against PyTorch, for MINUTES minutes; random
# graphs, compiled against interpreted, for as many.
MINUTES ?= 10
fuzz: $(VENV)/.test
	TALWEG_ALL_SAMPLES=1 $(BIN)/python -m pytest -n 2 tests/test_compiled_samples.py
	PYTHONPATH=.:tests $(BIN)/python -W ignore -m fuzzing --calls --minutes $(MINUTES)
	PYTHONPATH=.:tests $(BIN)/python -m fuzzing --minutes $(MINUTES)

# Every registered kind of model: steps compiled in fp32 and bf16 against the interpreter's and the reference libraries', eleven at
# full size, in up to 8 GiB of memory each.
models: $(VENV)/.test
	TALWEG_ALL_MODELS=1 $(BIN)/python -m pytest -n 2 tests/test_every_model_trains.py tests/test_reference_steps.py tests/test_full_size.py

# Trainings behind rows of docs/book.md that are too long for the suite: row, figure, bound.
recipes: $(VENV)/.test
	$(BIN)/python -m tools.book_rows

# Every command of docs/book.md at small size, in a folder that is gone afterwards: exit code, seconds, pictures.
book: $(VENV)/.test
	$(BIN)/python -m tools.book_commands

bench: $(VENV)/.bench
	$(BIN)/python -m bench

# torch first: another package asking for it would bring a CUDA build.
$(VENV)/.test: pyproject.toml $(VENV)/.made
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install --quiet --editable '.[bench]'
	touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	$(BIN)/pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
