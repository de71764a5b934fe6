# make demo   compile, verify, profile and compare the model that edgetool brings along
# make test   every test
# make check  formatting, lint, types
# make bench  instructions, cycles and memory of eight models on every microcontroller core (minutes)
# make venv   only the environment, in .venv      make clean  remove it and what was built

VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& command -v $$python && break; done)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_PROCESSES ?= 2

DIGITS := models/digits-cnn
DEMO_TARGETS := nucleo-l4r5zi raspberry-pi-pico raspberry-pi-5 jetson-nano
DEMO_EMULATED := nucleo-l4r5zi raspberry-pi-pico
DEMO_DIR := build/demo

MAKEFLAGS += --no-print-directory
.PHONY: demo test check bench venv clean
.DEFAULT_GOAL := test

demo: $(STAMP)
	@set -e; for target in $(DEMO_TARGETS); do \
		$(BIN)/edgetool compile $(DIGITS)/model.onnx --target $$target --name digits-cnn --force \
			--calibrate $(DIGITS)/calibration.npz --evaluate $(DIGITS)/evaluation.npz \
			--output $(DEMO_DIR)/digits-cnn-$$target; \
		$(BIN)/edgetool verify $(DEMO_DIR)/digits-cnn-$$target; \
	done
	@set -e; for target in $(DEMO_EMULATED); do \
		$(BIN)/edgetool profile $(DEMO_DIR)/digits-cnn-$$target; \
	done
	@$(BIN)/edgetool compare $(addprefix $(DEMO_DIR)/digits-cnn-,$(DEMO_TARGETS))

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) $(PYTEST_ARGUMENTS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python benchmarks/cortex_m $(BENCH_ARGUMENTS)

venv: $(STAMP)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "error: no Python 3.11 or newer found" >&2; \
		echo "  try: apt install python3 python3-venv        or: make PYTHON=/path/to/python" >&2; \
		exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $(PYTHON) is not a working Python 3.11 or newer" >&2; \
		echo "  try: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot create virtual environments: venv is missing" >&2; \
		echo "  try: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
