# Weir. `make` builds build/weir and build/weir-sim; `make help` lists the targets.
#   V=release (default) | asan (ASan+UBSan) | tsan | fuzz (clang): each variant has its own folder under build/.
#   Q=  shows whole commands;  T=PATTERN  takes only the unit tests whose path matches.
# Variables of the environment that happen to have these short names mean something else.
ifeq ($(origin V),environment)
undefine V
endif
ifeq ($(origin Q),environment)
undefine Q
endif
ifeq ($(origin T),environment)
undefine T
endif
V       ?= release
BUILD   ?= build
CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
Q       ?= @

# Warnings are errors with the compiler that the checks use (gcc of Debian 12); another one only warns.
WERROR  ?= $(if $(filter 12,$(shell $(CC) -dumpversion 2>/dev/null)),-Werror)
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wundef -Wstrict-prototypes \
           -Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wswitch-enum

PKGS      := libmicrohttpd gnutls libcurl libcrypto sqlite3 yaml-0.1 libcjson libxxhash zlib
PKG_INC   := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

VARIANT_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
VARIANT_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
VARIANT_tsan    := -O1 -fsanitize=thread -fno-omit-frame-pointer
VARIANT_fuzz    := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LINK_release    := -pie -Wl,-z,relro,-z,now
LINK_fuzz       := -fsanitize=fuzzer
ifeq ($(filter $(V),release asan tsan fuzz),)
$(error V is release, asan, tsan or fuzz, not "$(V)"; to see whole commands: make Q=)
endif
ifeq ($(V),fuzz)
CC := clang
endif

CPP  := -D_GNU_SOURCE -Isrc $(PKG_INC) $(CPPFLAGS)
CF   := -std=c11 -g -pthread -fno-strict-aliasing $(WARN) $(WERROR) $(VARIANT_$(V)) $(CFLAGS)
LD   := $(LINK_$(V)) $(LDFLAGS)
LIBS := $(PKG_LIBS) -lncursesw -ltinfo -lm -pthread $(LDLIBS)

OBJ       := $(BUILD)/$(V)
LIBSRC    := $(wildcard src/*/*.c)
LIBOBJ    := $(LIBSRC:%.c=$(OBJ)/%.o)
LIB       := $(OBJ)/libweir.a
MAINSRC   := $(wildcard src/main.c)
SIMSRC    := $(wildcard tests/sim/*.c)
SIMOBJ    := $(SIMSRC:%.c=$(OBJ)/%.o)
TESTSRC   := $(wildcard tests/unit/*/test_*.c)
# Tests of threaded code also run under TSan: named test_*_threads.c, or marked by a comment "check: tsan".
TSANSRC   := $(sort $(filter %_threads.c,$(TESTSRC)) $(if $(TESTSRC),$(shell grep -l 'check: tsan' $(TESTSRC))))
TESTBIN   := $(patsubst %.c,$(OBJ)/%,$(if $(filter tsan,$(V)),$(TSANSRC),$(TESTSRC)))
FUZZSRC   := $(wildcard fuzz/fuzz_*.c)
FUZZERS   := $(FUZZSRC:fuzz/fuzz_%.c=$(BUILD)/fuzz/%)
REPLAYERS := $(FUZZSRC:fuzz/fuzz_%.c=$(OBJ)/replay/%)
BENCHSRC  := $(wildcard bench/bench_*.c)
BENCHES   := $(BENCHSRC:bench/bench_%.c=$(BUILD)/bench/%)
PROGRAMS  := $(if $(MAINSRC),weir) $(if $(SIMSRC),weir-sim)
JOBS      := $(shell nproc 2>/dev/null || echo 2)

.PHONY: all help deps lib sim headers tests test-bins replay replayers fuzz fuzzers bench benches demo screenshots check check-agents soak \
        docs man install uninstall format clean FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

## all: build/weir and build/weir-sim (the default)
ifeq ($(V),release)
all: $(PROGRAMS:%=$(BUILD)/%) $(if $(MAINSRC),,$(LIB))
else
all: $(PROGRAMS:%=$(OBJ)/%) $(LIB)
endif
lib: $(LIB)
sim: $(BUILD)/weir-sim

help: ## lists the targets
	@sed -n 's/^## \([a-z-]*\): /  make \1\t/p; s/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

deps: ## installs what is missing: Debian packages, and npm packages for the tests
	@tools/deps all

# ---- compiling -------------------------------------------------------------------------------------------------------

# Objects depend on the flags they were made with, so that changed flags rebuild them.
FLAGS_ID := $(CC) $(CPP) $(CF)
$(OBJ)/.flags: FORCE
	@mkdir -p $(@D)
	@if test -z '$(PKG_LIBS)'; then echo 'make: libraries are missing: run "make deps"' >&2; exit 1; fi
	@echo '$(FLAGS_ID)' | cmp -s - $@ || echo '$(FLAGS_ID)' > $@

$(OBJ)/%.o: %.c $(OBJ)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo '  CC      $<')
	$(Q)$(CC) $(CPP) $(CF) -MMD -MP -c $< -o $@

# The price book is put into this object by the assembler, which tells make nothing.
$(OBJ)/src/model/prices_builtin.o: data/prices.json

# So are the tables of the token encodings, which are made of the tokens by a program that only runs here.
BPE := $(patsubst data/bpe/%.ranks,$(BUILD)/bpe/%.bpe,$(wildcard data/bpe/*.ranks))
$(BUILD)/bpe/make-bpe: tools/make-bpe.c src/text/bpe_table.h
	@mkdir -p $(@D)
	@$(if $(Q),echo '  CC      $<')
	$(Q)$(CC) -std=c11 -O2 -Isrc $(WARN) $(WERROR) $< -o $@
$(BUILD)/bpe/%.bpe: data/bpe/%.ranks $(BUILD)/bpe/make-bpe
	@$(if $(Q),echo '  BPE     $@')
	$(Q)$(BUILD)/bpe/make-bpe $< $@
$(OBJ)/src/text/bpe_tables.o: CPP += -DBPE_TABLES='"$(BUILD)/bpe"'
$(OBJ)/src/text/bpe_tables.o: $(BPE)

# And the console's page, which Vite builds of web/ and tools/make-assets.mjs packs.
WEB_SRC := $(shell find web/src web/public -type f 2>/dev/null) $(addprefix web/,index.html vite.config.ts tsconfig.json package-lock.json)
$(BUILD)/web/assets.h: $(WEB_SRC) tools/web tools/make-assets.mjs
	@$(if $(Q),echo '  WEB     $@')
	$(Q)tools/web $(BUILD)/web
$(OBJ)/src/gateway/console_assets.o: CPP += -DWEB_ASSETS='"$(abspath $(BUILD))/web/assets.h"' -DWEB_PACKED='"$(BUILD)/web/packed"'
$(OBJ)/src/gateway/console_assets.o: $(BUILD)/web/assets.h

$(LIB): $(LIBOBJ)
	@$(if $(Q),echo '  AR      $@')
	@rm -f $@
	$(Q)$(AR) qcs $@ $^

$(OBJ)/weir: $(OBJ)/src/main.o $(LIB)
	@$(if $(Q),echo '  LINK    $@')
	$(Q)$(CC) $(CF) $(LD) $^ $(LIBS) -o $@

# The simulated provider shares no code with Weir: the tests compare two books.
$(OBJ)/weir-sim: $(SIMOBJ)
	@$(if $(Q),echo '  LINK    $@')
	$(Q)$(CC) $(CF) $(LD) $^ -lcjson -lcurl -lssl -lcrypto -lm -pthread -o $@

ifeq ($(V),release)
$(BUILD)/weir $(BUILD)/weir-sim: $(BUILD)/%: $(OBJ)/%
	@cp -f $< $@.new && mv -f $@.new $@
endif

# Each header compiles alone, and twice.
HEADERS := $(wildcard src/*/*.h)
$(OBJ)/headers/%.h.ok: src/%.h $(OBJ)/.flags
	@mkdir -p $(@D)
	$(Q)printf '#include "%s.h"\n#include "%s.h"\n' $* $* | $(CC) $(CPP) $(CF) -Wno-unused-function -fsyntax-only \
	  -MMD -MP -MF $(@:.ok=.d) -MT $@ -x c -
	@touch $@
headers: $(HEADERS:src/%=$(OBJ)/headers/%.ok)

# ---- unit tests --------------------------------------------------------------------------------------------------------

$(OBJ)/tests/unit/%: tests/unit/%.c $(LIB) $(OBJ)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo '  TEST    $<')
	$(Q)$(CC) $(CPP) -Itests $(CF) -MMD -MP $< $(LIB) -lcmocka $(LD) $(LIBS) -o $@

## tests: unit tests of one variant: make V=asan tests [T=base/money]
tests: test-bins
	@tools/unit $(if $(T),$(foreach t,$(TESTBIN),$(if $(findstring $(T),$(t)),$(t))),$(TESTBIN))
test-bins: $(TESTBIN)

# Tests that fail allocations on demand (tests/nomem.h).
$(OBJ)/tests/unit/%_nomem: LD += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

# ---- fuzzing: fuzz/fuzz_X.c with its corpus in fuzz/corpus/X/ --------------------------------------------------------------

$(OBJ)/replay/%: fuzz/fuzz_%.c fuzz/replay.c $(LIB) $(OBJ)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo '  REPLAY  $<')
	$(Q)$(CC) $(CPP) $(CF) -Wno-missing-prototypes $(filter %.c,$^) $(LIB) $(LD) $(LIBS) -o $@
replayers: $(REPLAYERS)

## replay: every corpus file through its target, without clang: make V=asan replay
replay: replayers
	@tools/replay $(REPLAYERS)

$(BUILD)/fuzz/%: fuzz/fuzz_%.c $(LIB) $(OBJ)/.flags
	@mkdir -p $(@D)
	@echo '  FUZZER  $<'
	$(Q)$(CC) $(CPP) $(CF) -Wno-missing-prototypes $< $(LIB) $(LD) $(LIBS) -o $@
fuzzers: $(FUZZERS)

fuzz: ## fuzzes every target with libFuzzer: FUZZ_SECONDS=60 for each, FUZZ=name for one
	@tools/deps fuzz
	@$(MAKE) --no-print-directory V=fuzz -j$(JOBS) fuzzers
	@tools/fuzz

# ---- benchmarks: bench/bench_X.c and bench/run.sh --------------------------------------------------------------------------

$(BUILD)/bench/%: bench/bench_%.c $(LIB) $(OBJ)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo '  BENCH   $<')
	$(Q)$(CC) $(CPP) $(CF) $< $(LIB) $(LD) $(LIBS) -o $@
benches: $(BENCHES)

bench: ## measures Weir against its baselines: a table here, JSON in build/bench/results.jsonl
	@tools/deps bench
	@$(MAKE) --no-print-directory V=release -j$(JOBS) all benches
	@bench/run.sh

# ---- for people ----------------------------------------------------------------------------------------------------------

demo: ## a simulated provider, a simulated team and a report: no API key needed
	@tools/deps build
	@$(MAKE) --no-print-directory V=release -j$(JOBS) all
	@$(BUILD)/weir demo

screenshots: all $(BUILD)/bench/reports ## pictures of every page of the console, into build/screenshots
	@tools/deps check
	@node tests/web/screenshots.mjs

check: ## everything CI checks; the last line says how many passed and failed
	@tools/deps check
	@tools/check

check-agents: ## drives Claude Code, Codex, Gemini CLI and opencode through Weir (large downloads)
	@tools/deps agents
	@$(MAKE) --no-print-directory V=release -j$(JOBS) all
	@tools/check agents

soak: ## the long forms: fuzzing, many schedules, many calls
	@tools/deps check fuzz
	@tools/check soak

docs: all ## writes the program's help and option table into docs/
	@tools/docs --update

man: ## the man pages in build/man, made from docs/cli/*.md
	@tools/man-pages $(BUILD)/man

install: all man ## into PREFIX (/usr/local) under DESTDIR: programs, man pages, systemd unit
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(BUILD)/weir $(BUILD)/weir-sim $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	sed 's|@bindir@|$(PREFIX)/bin|g' packaging/weir.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service

uninstall: ## takes away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/weir $(DESTDIR)$(PREFIX)/bin/weir-sim $(DESTDIR)$(PREFIX)/share/man/man1/weir.1 \
	  $(DESTDIR)$(PREFIX)/share/man/man1/weir-*.1 $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service

format: ## clang-format over every C file
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean: ## removes build/
	rm -rf $(BUILD)

print-%: # the value of a variable, for tools/check
	@echo '$($*)'

FORCE:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
