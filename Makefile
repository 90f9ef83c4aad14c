# Weir. `make` builds build/weir and build/weir-sim; `make help` lists the targets.
# V=release (default) | asan (ASan+UBSan) | tsan: each variant has its own folder under build/.
V       ?= release
BUILD   ?= build
CC      ?= cc
PKGS    := libmicrohttpd libcurl libcrypto sqlite3 yaml-0.1 libcjson libxxhash
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wundef -Wstrict-prototypes \
           -Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wswitch-enum
WERROR  ?=
CPPFLAGS += -D_GNU_SOURCE -Isrc $(shell pkg-config --cflags $(PKGS))
BASE_CFLAGS := -std=c11 -g -pthread -fno-strict-aliasing $(WARN) $(WERROR)
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -fsanitize=thread -fno-omit-frame-pointer
CFLAGS  += $(BASE_CFLAGS) $(CFLAGS_$(V))
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
LDLIBS  += $(shell pkg-config --libs $(PKGS)) -lm -pthread

OBJ     := $(BUILD)/$(V)
LIBSRC  := $(wildcard src/*/*.c)
LIBOBJ  := $(LIBSRC:%.c=$(OBJ)/%.o)
SIMSRC  := $(wildcard tests/sim/*.c)
SIMOBJ  := $(SIMSRC:%.c=$(OBJ)/%.o)
TESTSRC := $(wildcard tests/unit/*/test_*.c)
TESTBIN := $(TESTSRC:%.c=$(OBJ)/%)

.PHONY: all tests clean
all: $(BUILD)/weir $(BUILD)/weir-sim

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(OBJ)/libweir.a: $(LIBOBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(OBJ)/weir: $(OBJ)/src/main.o $(OBJ)/libweir.a
	$(CC) $(CFLAGS) $(LDFLAGS_$(V)) $^ $(LDLIBS) -o $@

$(OBJ)/weir-sim: $(SIMOBJ)
	$(CC) $(CFLAGS) $(LDFLAGS_$(V)) $^ -lcjson -lm -pthread -o $@

$(BUILD)/%: $(OBJ)/%
	cp -f $< $@

$(OBJ)/tests/unit/%: tests/unit/%.c $(OBJ)/libweir.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP $< $(OBJ)/libweir.a -lcmocka $(LDLIBS) -o $@

# Unit tests run under ASan and UBSan: make V=asan tests
tests: $(TESTBIN)
	@set -e; for t in $(TESTBIN); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
