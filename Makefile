# Two commands do all the work: make book, make test. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
export PYTHONDONTWRITEBYTECODE :=  # where it is set, every start compiles all libraries anew
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready

.PHONY: book pdf test serve bench stress refresh lint lock clean

book: $(READY)  ## run every notebook whose inputs changed, and publish the book
	$(BIN)/compendium book

test: $(READY)  ## run all tests; builds the book first if it is stale
	$(BIN)/python -m pytest $(PYTEST_ARGS)

pdf: book  ## print the whole book into one PDF; needs Chromium
	$(BIN)/python -m compendium.pdf

serve: book  ## show the book at http://localhost:8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory book/_build/html

bench: $(BENCH_READY)  ## measure speed and memory against the alternatives
	$(BIN)/python -m tests.bench

stress: $(READY)  ## kill builds and sweeps at random moments and compare the results
	$(BIN)/python -m tests.stress

refresh: $(READY)  ## rewrite the stored outputs that the tests compare
	$(BIN)/compendium refresh

lint: $(READY)  ## check the style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lock: $(READY)  ## pin every package anew, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra test $(COMPILE) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra bench -c requirements.lock $(COMPILE) \
	  -o tests/bench/requirements.lock
	$(BIN)/python -m compendium.environment

COMPILE := --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-emit-index-url --no-header --quiet --upgrade

clean:  ## remove everything generated, but not .venv
	rm -rf book/_build book/_extra/vendor out

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed; $(PYTHON) is older. Say make PYTHON=python3.12" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(BENCH_READY): $(READY) tests/bench/requirements.lock
	$(BIN)/uv pip install --quiet --require-hashes --requirement tests/bench/requirements.lock
	touch $@
