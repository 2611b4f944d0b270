# Everything runs inside .venv, which the first target that needs it creates. `make help` lists the targets.
# The newest Python here that the lock serves and that can make environments; for another: make book PYTHON=...
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import ensurepip' 2>/dev/null && break; done; echo $$python)
BIN := .venv/bin
PEERS := .venv-peers/bin
BINDER := .venv-binder/bin
KERNELS := .venv-binder/kernels/share/jupyter
SITE := _build/html/.complete
RANGE ?= origin/main..HEAD
DENO := DENO_DIR=.venv/deno DENO_NO_UPDATE_CHECK=1 $(BIN)/deno
# The library's tests, without the heavy ones: pytest's arguments.
LIBRARY := -q -n 2 --dist worksteal -p no:nbval -m "not heavy" initlib $(wildcard tests/test_*.py)
DOCTOR := tests/peers/test_doctor.py tests/peers/test_apply.py tests/peers/test_whole_models.py \
	tests/peers/test_doctor_command.py tests/peers/test_doctor_fuzz.py
# Make cannot hold names with blanks or signs of its own ("Untitled Folder"); what the book needs has none.
SOURCES := _config.yml _toc.yml Makefile tools/build.py tools/check_pages.py $(shell find book initlib site -type f \
	-not -path '*/node_modules/*' -not -path '*/__pycache__/*' -not -path '*/.*/*' \
	-not -path '*[[:space:]:;=%|*?\\$$]*' -not -path '*\#*' -not -path "*['\"]*")

# OpenBLAS and numpy's loops round differently on each kind of processor; with one kernel of both, what nets learn
# is the same to the bit on x86 processors with AVX2 (tried on two kinds): outputs, figures, evidence stay comparable.
# Other processors have no such kernels: there the names would stop numpy's import, or the process itself.
REFERENCE := $(shell test "$$(uname -m)" = x86_64 && { grep -qsw avx2 /proc/cpuinfo || \
	sysctl -n machdep.cpu.leaf7_features 2>/dev/null | grep -qw AVX2; } && echo yes)
ifdef REFERENCE
export OPENBLAS_CORETYPE := Haswell
export NPY_DISABLE_CPU_FEATURES := X86_V4 AVX512_ICL AVX512_SPR
endif
# The nets are small: more threads would spend their time waiting for each other. Training brings its own.
export OPENBLAS_NUM_THREADS := 1
# glibc would hand the memory of each large array back at once, and fault it in again page by page for the next:
# a fifth of the processor time of the hungriest chapters. Other C libraries do not read these names.
export MALLOC_MMAP_MAX_ := 0
export MALLOC_TRIM_THRESHOLD_ := 8589934592
export MALLOC_TOP_PAD_ := 67108864
# A reader's own program has none of these; the benchmarks measure that.
PINNED := OPENBLAS_CORETYPE NPY_DISABLE_CPU_FEATURES OPENBLAS_NUM_THREADS MALLOC_MMAP_MAX_ MALLOC_TRIM_THRESHOLD_ MALLOC_TOP_PAD_
# Text is UTF-8 in every locale; kernels and figures are those of .venv, whatever the reader has set up at home,
# and nothing is written there.
export PYTHONUTF8 := 1
export PIP_USER := 0
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.venv/runtime
export IPYTHONDIR := $(CURDIR)/.venv/ipython
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
unexport JUPYTER_PATH MATPLOTLIBRC PYTHONPATH
unexport PYTHONDONTWRITEBYTECODE # every process would compile all that it imports

# $(call step,WHAT,COMMAND): run COMMAND; if it fails, say in one line what failed.
step = @$(2) || { echo "make $@: $(1) failed; the reason stands above." >&2; exit 1; }

.PHONY: book test check coverage matrix oldest newest mutants fuzz sabotage peers doctor clinic bench bench-site site-check pdf bundle evidence outputs texts widgets kernel lab serve lint subjects format lock browser help clean
.DEFAULT_GOAL := help
.NOTPARALLEL: # the tools use the cores themselves

book: ## Execute every notebook and build the website strictly, from nothing if need be
	@rm -f $(SITE)
	@$(MAKE) --no-print-directory $(SITE)

$(SITE): $(SOURCES) .venv/ready
	$(call step,building the site,$(BIN)/python tools/build.py)
	@touch $@

test: .venv/ready .venv-binder/ready $(SITE) ## Run all tests, the notebooks as Binder would (reuses a site that is up to date)
	$(call step,the test suite,JUPYTER_PATH="$(CURDIR)/$(KERNELS)" \
		$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-kernel-name binder)

check: lint ## The inner loop: lint, and the library's tests without those marked heavy; no notebook, no site
	$(call step,the library's tests,$(BIN)/python -m pytest $(LIBRARY))

oldest: ## Test the library with the oldest versions that pyproject.toml allows, in .venv-oldest
newest: ## Test the library with the newest versions there are, in .venv-newest
oldest: RESOLUTION := lowest-direct
oldest: LENIENT := -W ignore::DeprecationWarning # old packages use what newer ones have deprecated
newest: RESOLUTION := highest
oldest newest: UV_INSTALL = $(BIN)/uv pip install -q --python .venv-$@
oldest newest: .venv/ready
	$(call step,creating .venv-$@,$(BIN)/uv venv -q --clear --python $(PYTHON) .venv-$@)
	$(call step,installing the $@ versions,$(UV_INSTALL) --resolution $(RESOLUTION) -e '.[book]')
	$(call step,installing the test tools,$(UV_INSTALL) --group check)
	@$(BIN)/uv pip list -q --python .venv-$@
	$(call step,the library's tests,env -u NPY_DISABLE_CPU_FEATURES .venv-$@/bin/python -m pytest $(LIBRARY) $(LENIENT))

matrix: .venv/ready ## Run a part of the tests with every kernel of this processor; the table is in tests/README.md
	$(call step,the matrix,$(BIN)/python tools/matrix.py)

coverage: .venv/ready ## Print what share of initlib's lines the tests of `make check` run
	$(call step,the library's tests,$(BIN)/python -m pytest $(LIBRARY) --cov --cov-report term:skip-covered)

mutants: .venv/ready ## Put classic mistakes into initlib; its tests must reject every one
	$(call step,the mutation run,$(BIN)/python tools/mutants.py)

fuzz: .venv/ready ## Call all public functions 100,000 times with good and bad arguments; list what misbehaves
	$(call step,the fuzzer,$(BIN)/python tools/fuzz.py --calls 100000)

sabotage: .venv/ready ## Put what would mislead a reader into a copy of the book; a check must see every one
	$(call step,the sabotage,$(BIN)/python tools/sabotage.py)

peers: .venv-peers/ready ## Compare initlib with PyTorch, Keras, JAX and Flax, in an environment of their own
	$(call step,the comparison with the frameworks,$(PEERS)/python -m pytest -q tests/peers)

doctor: .venv/ready ## Test the doctor with another PyTorch, in .venv-torch: TORCH=2.4.0 (default: the newest)
	$(call step,creating .venv-torch,$(BIN)/uv venv -q --clear --python $(PYTHON) .venv-torch)
	$(call step,installing PyTorch,$(BIN)/uv pip install -q --python .venv-torch torch$(if $(TORCH),==$(TORCH)) \
		scikit-learn pytest -e .)
	$(call step,the doctor's tests,.venv-torch/bin/python -m pytest -q $(DOCTOR))

clinic: .venv-peers/ready ## Run the doctor's clinic: cases, single faults, healthy nets; writes benchmarks/CLINIC.md
	$(call step,the clinic,$(PEERS)/python tools/clinic.py)

bench: .venv-peers/ready ## Measure speed beside the frameworks; writes benchmarks/RESULTS.md
	$(call step,the benchmark,env $(foreach name,$(PINNED),-u $(name)) $(PEERS)/python -m benchmarks)

bench-site: .venv/ready $(SITE) ## Measure pages beside a stock build, the explorers and the lab beside others (needs npm; PLAYGROUND=clone of TensorFlow Playground)
	$(call step,the stock build beside ours,$(BIN)/python tools/bench_stock.py)
	$(call step,the benchmark of the site,$(BIN)/python tools/bench_site.py $(if $(PLAYGROUND),--playground $(PLAYGROUND)))

site-check: .venv/ready $(SITE) ## Check each page in a browser: other sites, errors, axe, bytes, shift, Lighthouse (needs npm)
	$(call step,the check of the site,$(BIN)/python tools/site_check.py)

pdf: .venv/ready $(SITE) ## Print the whole book as one file: _build/book.pdf
	$(call step,printing the book,$(BIN)/python tools/pdf.py)

bundle: $(SITE) ## Pack the built site as one file to read offline, with its checksum: _build/book.zip
	$(call step,packing the site,$(BIN)/python tools/bundle.py)

evidence: .venv/ready ## Recompute stale evidence (NAME=... for one, BACKEND=dask for a cluster, UNCHANGED=1 to show a change is none, PILOT=1)
	$(call step,the evidence,$(BIN)/python tools/evidence.py $(NAME) $(if $(BACKEND),--backend $(BACKEND)) $(if $(UNCHANGED),--unchanged) $(if $(PILOT),--pilot))

outputs: .venv/ready ## Make the notebooks from the chapters' texts: execute, store outputs (NAME=he for one)
	$(call step,executing the notebooks,$(BIN)/python tools/notebooks.py outputs $(NAME))

texts: .venv/ready ## Take what was edited in the notebooks into the chapters' texts (NAME=he for one)
	$(call step,writing the texts,$(BIN)/python tools/notebooks.py texts $(NAME))

widgets: ## Rebuild the widget runtime and the search, and copy KaTeX, for the site (needs node and npm)
	$(call step,building the widgets,cd site/widgets && npm ci --no-audit --no-fund && npm run build)

kernel: ## Rebuild the lab's product of matrices, kernel.wasm (needs node and npm)
	$(call step,building the kernel,cd initlib/explorers/lab/kernel && npm ci --no-audit --no-fund && npm run build)

lab: .venv/ready ## Open the book in JupyterLab
	$(BIN)/jupyter lab book

serve: $(SITE) ## Serve the built site at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html --bind 127.0.0.1 8000

lint: .venv/ready ## Check style (ruff, deno), types (mypy) and the floors of initlib (import-linter)
	$(call step,ruff check,$(BIN)/ruff check)
	$(call step,ruff format,$(BIN)/ruff format --check)
	$(call step,mypy,$(BIN)/mypy)
	$(call step,the floors of initlib,$(BIN)/lint-imports --no-cache)
	$(call step,deno lint,$(DENO) lint --quiet --config deno.json)
	$(call step,deno fmt,$(DENO) fmt --quiet --check --config deno.json)

subjects: ## Check that the subjects of the commits in RANGE (origin/main..HEAD) are under 72 characters
	@subjects=$$(git log --no-merges --format=%s $(RANGE) -- 2>/dev/null) || { \
		echo "make $@: there are no commits $(RANGE) here; name a range: make $@ RANGE=HEAD~5..HEAD" >&2; exit 1; }; \
	! printf '%s\n' "$$subjects" | grep -E '^.{72}' || { echo "make $@: shorten the subjects above." >&2; exit 1; }

format: .venv/ready ## Format the code, that of the chapters too, and the JavaScript
	$(call step,bringing the texts to the notebooks,$(BIN)/python tools/notebooks.py cells)
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format
	$(call step,writing the texts,$(BIN)/python tools/notebooks.py texts)
	$(DENO) fmt --config deno.json

lock: .venv/ready ## Rewrite requirements.txt and binder/requirements.txt from pyproject.toml
	$(call step,locking the requirements,tools/lock.sh)

browser: ## Install the browser that the site tests drive (Debian, as root)
	apt-get update -qq
	apt-get install -y -qq chromium
	@# The same engine without a window's parts: the tests take two thirds of the time in it.
	apt-get install -y -qq chromium-headless-shell || echo "make $@: the tests will drive chromium itself"

clean: ## Remove the built site
	rm -rf _build

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s%s\n", $$1, $$2 }'

ADVICE := or name one that is not on the PATH: make book PYTHON=/path/to/python3.12
# $(call environment,FOLDER): create a virtual environment, or say in one line why not.
define environment
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "make: $(PYTHON) was not found; install Python 3.11, 3.12, 3.13 or 3.14, $(ADVICE)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { \
		echo "make: Python 3.11, 3.12, 3.13 or 3.14 is needed, but $(PYTHON) is $$("$(PYTHON)" -V 2>&1); install one, $(ADVICE)" >&2; exit 1; }
	$(call step,creating $(1) (on Debian it needs the package python3-venv),"$(PYTHON)" -m venv $(1))
endef
PIP_INSTALL := -m pip install -q --disable-pip-version-check
# Python 3.11 brings a pip that overlooks the pin of a package which another asks for with an extra.
PIP_NEW_ENOUGH := "pip>=23.3"

.venv/ready: requirements.txt pyproject.toml
	$(call environment,.venv)
	$(call step,renewing pip,$(BIN)/python $(PIP_INSTALL) $(PIP_NEW_ENOUGH))
	$(call step,installing requirements.txt,$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements.txt)
	$(call step,installing initlib,$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .)
	@# The absolute path that pip wrote there stops Python in a locale that cannot read it; this one is ASCII.
	@for site in .venv/lib/python3*/site-packages; do echo ../../../.. > "$$site/_editable_impl_initlib.pth"; done
	$(call step,listing the fonts,$(BIN)/python -c 'import matplotlib.font_manager')
	@touch $@

# What Binder installs, and a kernel there as its base image brings one: the tests run the notebooks in it.
.venv-binder/packages: binder/requirements.txt .venv/ready
	$(call step,creating .venv-binder,$(BIN)/uv venv -q --clear --seed --python $(BIN)/python .venv-binder)
	$(call step,installing binder/requirements.txt,$(BIN)/uv pip install -q --python $(BINDER)/python \
		-r binder/requirements.txt $$(grep -oE '^(ipykernel|ipython)==[^ ]+' requirements.txt))
	$(call step,writing its kernel,JUPYTER_PATH="$(CURDIR)/$(KERNELS)" \
		$(BINDER)/python -m ipykernel install --prefix .venv-binder/kernels --name binder >/dev/null)
	@touch $@

.venv-binder/ready: .venv-binder/packages binder/postBuild pyproject.toml $(filter initlib/%,$(SOURCES))
	$(call step,binder/postBuild,PATH="$(CURDIR)/$(BINDER):/usr/bin:/bin" bash binder/postBuild >/dev/null)
	@touch $@

.venv-peers/ready: requirements-peers.txt pyproject.toml
	$(call environment,.venv-peers)
	$(call step,installing requirements-peers.txt,$(PEERS)/python $(PIP_INSTALL) -r requirements-peers.txt)
	$(call step,installing initlib,$(PEERS)/python $(PIP_INSTALL) --no-deps -e .)
	@touch $@
