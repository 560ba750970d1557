# make demo | compare | test | test-fast | lab | notebooks. Everything lives in .venv, which the first of them makes.
PYTHON ?= python3
DATA ?= scenes
PORT ?= 8888
BIN = .venv/bin
WORKERS ?= 2

# Threads that wait for one another asleep: busy waiting makes training on a busy machine many times slower. torch reads it once.
export OMP_WAIT_POLICY = passive

.PHONY: demo compare test test-fast browser-is-there lab notebooks bench clean

demo: .venv/installed
	$(BIN)/python -m sslkit curve rotation --data $(DATA) $(if $(filter scenes,$(DATA)),--budgets 1 5 20)

# Every method under one protocol; goes on from what bench/results holds. TIER=gpu, SEEDS=3 (pretrainings), more in ARGUMENTS.
compare: .venv/installed
	$(BIN)/python -m sslkit compare --data $(DATA) $(if $(TIER),--tier $(TIER)) $(if $(SEEDS),--pretrainings $(SEEDS)) $(ARGUMENTS)

# Two processes of one thread each; what is in a file or a notebook stays in one of them. tests/README.md names the layers.
PYTEST = $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
test test-fast: export OMP_NUM_THREADS = 1

test: browser-is-there .venv/test-installed .venv-widgets7/installed
	PYTHONPATH=.venv-widgets7 $(PYTEST) -m "widget and not browser" tests
	$(PYTEST) --durations=8 --nbval-lax --nbval-current-env --nbval-cell-timeout=900 tests notebooks

test-fast: .venv/test-installed
	$(PYTEST) -m "not slow and not browser" tests

# The names are those of tests/browser.py.
browser-is-there:
	@for name in chromium chromium-browser google-chrome; do command -v $$name > /dev/null && exit; done; \
	echo "No Chromium: the browser tests will not run. To have it: apt-get install chromium"

# Only this machine can reach it, and only with a fresh token: tools/lab.py says how.
lab: .venv/installed
	@$(BIN)/python tools/lab.py $(PORT)

# Runs every notebook from top to bottom and stores what came out.
notebooks: .venv/test-installed
	$(BIN)/python tools/build_notebooks.py

bench: .venv/installed
	$(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m bench
	$(BIN)/python bench/basics.py

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "sslkit needs Python 3.10 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "No virtual environment could be made. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	touch $@

.venv/installed: .venv/made pyproject.toml
	@echo "installing (torch is large: a few minutes the first time) ..."
	$(BIN)/pip install -q -e '.[lab]'
	touch $@

.venv/test-installed: .venv/installed
	$(BIN)/pip install -q -e '.[lab,test,browser]'
	touch $@

# The widgets must also work with the ipywidgets that Colab has.
.venv-widgets7/installed: .venv/test-installed
	$(BIN)/pip install -q --no-deps --upgrade --target .venv-widgets7 'ipywidgets==7.7.1' 'widgetsnbextension~=3.6' ipython_genutils
	touch $@

clean:
	rm -rf .venv .venv-widgets7 runs build *.egg-info
