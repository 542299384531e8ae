# Front door to Meson and Ninja. `make demo` and `make check` install what they need.
BUILD    ?= _build
OUTPUT   := $(CURDIR)/_output
PREFIX   ?= /usr/local
TEMPLATE ?= debian-local
CC       ?= cc

.PHONY: all
all: $(BUILD)/build.ninja
	ninja -C $(BUILD) programs
	@rm -rf '$(OUTPUT).new'
	@DESTDIR='$(OUTPUT).new' meson install -C $(BUILD) --no-rebuild --quiet
	@rm -rf '$(OUTPUT)' && mv '$(OUTPUT).new' '$(OUTPUT)'
	@echo 'Built into $(OUTPUT)'

$(BUILD)/build.ninja:
	@build-aux/install_deps.sh build
	meson setup $(BUILD) --prefix=/ --buildtype=debugoptimized

# What the suites and measurements need besides the programs.
.PHONY: tests
tests: $(BUILD)/build.ninja
	ninja -C $(BUILD)

.PHONY: install
install: all
	mkdir -p '$(DESTDIR)$(PREFIX)'
	cp -a '$(OUTPUT)/.' '$(DESTDIR)$(PREFIX)/'

.PHONY: demo
demo:
	@build-aux/install_deps.sh build run
	@$(MAKE) --no-print-directory all
	@build-aux/demo.sh '$(OUTPUT)' '$(TEMPLATE)'

.PHONY: check
check:
	@build-aux/install_deps.sh build run test
	@$(MAKE) --no-print-directory all tests
	@build-aux/check.sh '$(BUILD)'

.PHONY: bench
bench:
	@build-aux/install_deps.sh build run test
	@$(MAKE) --no-print-directory all tests
	@tests/bench/run.sh '$(OUTPUT)'

# Runs every fuzz target for FUZZ_SECONDS each (default 600), two at a time.
.PHONY: fuzz
fuzz:
	@build-aux/install_deps.sh build test
	@build-aux/fuzz.sh

.PHONY: format
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: clean
clean:
	rm -rf _build* _output
