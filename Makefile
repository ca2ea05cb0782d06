# Every target sets up what it needs: a CPython (PYTHON=..., or what tools/find_python finds), a virtual
# environment, the build. All of it lies in $(BUILD), one set per Python version. ARGS goes to what is run.
# UNITY=ON compiles each folder of C++ sources as one file, which takes half the time.

BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ARGS ?=
SECONDS ?= 600
UNITY ?= OFF
CLANG ?= $(shell command -v clang++-14 clang++ 2>/dev/null | head -1)

ifneq ($(filter-out help clean tsan,$(or $(MAKECMDGOALS),help)),)
  python := $(shell PYTHON='$(PYTHON)' tools/find_python)
  ifeq ($(python),)
    $(error No usable CPython (see above))
  endif
  version := $(shell '$(python)' -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif

build := $(abspath $(BUILD))
venv := $(build)/venv-$(version)
tree := $(build)/release-$(version)
py := $(venv)/bin/python
pip := $(py) -m pip install --quiet --disable-pip-version-check
export PATH := $(venv)/bin:$(PATH)
unexport PYTHONHOME PYTHONPATH

package_sources := CMakeLists.txt pyproject.toml $(wildcard README.md) LICENSE \
  $(shell find cmake src include bindings python -type f ! -name '*.pyc' 2>/dev/null)
ctest := ctest --output-on-failure --no-tests=error --parallel $(JOBS)

.DELETE_ON_ERROR:
.PHONY: help demo test build lint format bench cpython-suite extensions asan fuzz tsan clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
	@echo '  PYTHON=path chooses the CPython, BUILD=dir where everything is put (build)'
	@echo '  ARGS=... is handed to what is run: make test ARGS="-k queue"'

demo: $(venv)/package $(venv)/demo-tools ## Parse the standard library, serially and on all cores
	$(py) examples/parse_stdlib.py $(ARGS)

test: build $(venv)/test-tools ## Build and run all tests, C++ and Python
	@status=0; \
	$(ctest) --test-dir $(tree) || status=1; \
	$(py) -m pytest $(ARGS) || status=1; \
	exit $$status

build: $(venv)/package ## Build the Python package and the C++ tests
	@tools/ensure doctest
	@cmake --preset release -B $(tree) -DPython_EXECUTABLE=$(py) -DATOLL_UNITY=$(UNITY) >$(tree)/configure.log || { cat $(tree)/configure.log; exit 1; }
	@grep -A 4 'CMake Warning' $(tree)/configure.log || true
	cmake --build $(tree) --parallel $(JOBS)

lint: build $(venv)/test-tools $(venv)/lint-tools ## Check format, lint and types of everything
	@tools/ensure clang-format clang-tidy
	PATH='$(PATH)' tools/lint $(py) $(tree)

format: $(venv)/lint-tools ## Format C++ and Python sources in place
	@tools/ensure clang-format
	PATH='$(PATH)' tools/lint --fix $(py)

bench: build $(venv)/bench-tools ## Run the benchmarks, beside CPython's own modules
	$(tree)/core_bench
	ATOLL_CORE_BENCH=$(tree)/core_bench $(py) benchmarks/run.py --plot $(build)/published.png $(ARGS)

cpython-suite: $(venv)/package ## Run CPython's own subinterpreter tests on atoll
	$(py) tools/cpython_suite/run.py --logs $(build)/cpython-suite-$(version) $(ARGS)

extensions: build ## Use popular packages in isolated interpreters; write docs/extensions.md (4 GB)
	tools/make_venv $(python) $(build)/venv-extensions-$(version)
	{ $(py) tools/extensions/run.py --requirements; echo cloudpickle; } \
	  | $(build)/venv-extensions-$(version)/bin/python -m pip install --quiet --only-binary :all: -r /dev/stdin
	PYTHONPATH=$(tree)/tests/cpp/package $(build)/venv-extensions-$(version)/bin/python \
	  tools/extensions/run.py $(if $(ARGS),$(ARGS),--output docs/extensions.md)

asan: $(venv)/package ## C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/ensure doctest
	cmake --preset asan -B $(build)/asan-$(version) -DPython_EXECUTABLE=$(py) -DATOLL_UNITY=$(UNITY)
	cmake --build $(build)/asan-$(version) --parallel $(JOBS)
	$(ctest) --test-dir $(build)/asan-$(version)

fuzz: $(venv)/package ## Wrong messages to the decoder, for SECONDS=600 (needs clang and its runtime)
	cmake --preset fuzz -B $(build)/fuzz-$(version) -DPython_EXECUTABLE=$(py) -DCMAKE_CXX_COMPILER=$(CLANG)
	cmake --build $(build)/fuzz-$(version) --parallel $(JOBS)
	mkdir -p $(build)/fuzz-$(version)/seeds $(build)/fuzz-$(version)/corpus
	cd $(build)/fuzz-$(version) && ATOLL_FUZZ_SEEDS=$$PWD/seeds ASAN_OPTIONS=detect_leaks=0 \
	  tests/fuzz/decode_fuzz -max_total_time=$(SECONDS) -max_len=4096 -timeout=60 -rss_limit_mb=4096 \
	  -print_final_stats=1 $(ARGS) corpus seeds

tsan: ## C++ tests of the core with ThreadSanitizer (needs no Python)
	@tools/ensure compiler doctest
	cmake --preset tsan -B $(build)/tsan -DATOLL_UNITY=$(UNITY)
	cmake --build $(build)/tsan --parallel $(JOBS)
	$(ctest) --test-dir $(build)/tsan

clean: ## Remove everything that was built
	rm -rf $(BUILD)

# The package as `pip install .` makes it, in the build tree that the C++ tests use too.
$(venv)/package: $(venv)/ready $(package_sources)
	$(pip) --no-build-isolation -Cbuild-dir=$(tree) -Ccmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON \
	  -Ccmake.define.ATOLL_UNITY=$(UNITY) .
	@touch $@

$(venv)/ready: pyproject.toml tools/make_venv
	@tools/ensure compiler
	tools/make_venv $(python) $(venv)
	@touch $@

$(venv)/%-tools: $(venv)/ready
	$(py) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["$*"], sep="\n")' \
	  | $(pip) -r /dev/stdin
	@touch $@
