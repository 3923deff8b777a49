# Waxseal. Read from top to bottom: what it is built with, what it is built from, what can be made.
#   `?=` is the packager's to set, `+=` is ours.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

CC       ?= cc
CFLAGS   ?= -O2 -g
BUILD    ?= build
WOLFSSL  ?= own#            own: built here, static and small, from Debian's source package; system: the distribution's library
SANITIZE ?=#                address,undefined for the test builds
V        ?=

ifeq ($(V),)
Q := @
say = @printf '  %-6s %s\n'
else
say = @:
endif

# ---- flags -----------------------------------------------------------------------------------------------------------
ALL_CFLAGS  = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
              -Iproxy -fno-common -ffunction-sections -fdata-sections -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -Wl,--gc-sections -Wl,-z,relro,-z,now $(LDFLAGS)
ifeq ($(SANITIZE),)
ALL_CFLAGS  += -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
ALL_LDFLAGS += -pie
else
ALL_CFLAGS  += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DSANITIZED=1
ALL_LDFLAGS += -fsanitize=$(SANITIZE)
endif

WOLFSSL_PREFIX ?= $(CURDIR)/build/wolfssl
ifeq ($(WOLFSSL),own)
WOLFSSL_LIB  = $(WOLFSSL_PREFIX)/lib/libwolfssl.a
ALL_CFLAGS  += -isystem $(WOLFSSL_PREFIX)/include
ifneq ($(shell echo | $(CC) -dM -E - | grep __SIZEOF_INT128__),)
ALL_CFLAGS  += -DHAVE___UINT128_T=1# the library's options.h omits it, and RsaKey has another size without it
endif
ALL_CFLAGS  += -DWOLFSSL_OWN=1
LIBS_TLS     = $(WOLFSSL_LIB) -lm
else
ALL_CFLAGS  += -DWOLFSSL_OWN=0
WOLFSSL_LIB  =
LIBS_TLS     = -lwolfssl
endif
LIBS = $(LIBS_TLS) -lunbound -levent -lcap -lseccomp -lconfuse -lcjson

# ---- what it is built from: every .c of a room ---------------------------------------------------------------------------
ROOMS       := base smtp cert dane policy io ops session role
LIB_SRC     := $(filter-out proxy/role/main.c,$(wildcard $(ROOMS:%=proxy/%/*.c))) firmware/sntp/sntp.c
LIB_OBJ     := $(LIB_SRC:%.c=$(BUILD)/%.o)
TOOL_OBJ    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/waxseal*.c))
UNIT        := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
SYSTEM_C    := $(patsubst tests/system/%.c,$(BUILD)/tests/system/%,$(wildcard tests/system/*.c))
SYSTEM      := $(BUILD)/tests/system/forbidden $(addprefix tests/system/,counting privileges restart resolver rules command idn package anchors torn sntp)
LAWS        := $(patsubst tests/laws/%.c,$(BUILD)/tests/laws/%,$(wildcard tests/laws/*.c))

.PHONY: all
all: $(BUILD)/waxseald $(BUILD)/waxseal $(BUILD)/sntp ## the daemon and the command, and the appliance's time client

$(BUILD)/waxseald: $(BUILD)/proxy/role/main.o $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %/libwaxseal.a,$^) $(LIBS)

$(BUILD)/waxseal: $(TOOL_OBJ) $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %/libwaxseal.a,$^) $(LIBS)

# The appliance's time client: what it shares with the daemon, and of the libraries what that needs.
$(BUILD)/sntp: $(BUILD)/firmware/sntp/main.o $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o %/libwaxseal.a,$^) $(LIBS)

$(BUILD)/libwaxseal.a: $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The time of the build, below which no clock is believed.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
$(BUILD)/proxy/role/dates.o: ALL_CFLAGS += -DBUILD_EPOCH=$(SOURCE_DATE_EPOCH)

$(BUILD)/%.o: %.c Makefile | $(WOLFSSL_LIB)
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

ifneq ($(WOLFSSL_LIB),)
$(WOLFSSL_LIB): tools/wolfssl-build
	$(say) BUILD $@
	$(Q)tools/wolfssl-build $(WOLFSSL_PREFIX)
endif

# A test program is one file beside the whole library.
$(BUILD)/tests/%: tests/%.c $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) TEST $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Itests/lib $(ALL_LDFLAGS) -o $@ $< $(BUILD)/libwaxseal.a -lcmocka $(LIBS)

# The daemon with a wall clock that the test sets.
$(BUILD)/tests/system/shifted: tests/system/shifted.c $(BUILD)/proxy/role/main.o $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) TEST $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(filter %.o %/libwaxseal.a,$^) $(LIBS)

# The daemon whose processes garble messages to each other where the test wants it.
$(BUILD)/tests/system/garbled: ALL_LDFLAGS += -Wl,--wrap=msg_send
$(BUILD)/tests/system/garbled: tests/system/garbled.c $(BUILD)/proxy/role/main.o $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) TEST $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(filter %.o %/libwaxseal.a,$^) $(LIBS)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(BUILD)/libwaxseal.a $(LIBS)

# The session in a world of its own: the linker finds the scripted streams first, and never takes io/stream.
WORLD_OBJ   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
REPLAY_OBJ  := $(BUILD)/tools/replay.o $(BUILD)/tools/replay_line.o
$(WORLD_OBJ) $(REPLAY_OBJ): ALL_CFLAGS += -Itests/lib -Itests/faults
$(BUILD)/replay: ALL_LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(BUILD)/replay: $(REPLAY_OBJ) $(BUILD)/tests/faults/alloc.o $(WORLD_OBJ) $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %/libwaxseal.a,$^) $(LIBS)

$(BUILD)/tests/fuzz/session: tests/fuzz/session.c $(WORLD_OBJ) $(BUILD)/libwaxseal.a $(WOLFSSL_LIB)
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Itests/lib $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< \
	    $(filter %.o,$^) $(BUILD)/libwaxseal.a $(LIBS)

.PHONY: replay
replay: $(BUILD)/replay ## the scripts of both ends against the session code alone
	$(Q)tests/run $(BUILD)/replay

# Every build that is tested has a folder of its own and is a make of its own.
VARIANT = +$(Q)$(MAKE) --no-print-directory -j$(shell nproc)
SAN     = address,undefined

# The chains as the command of this very build sees them, for those that are run beside another.
$(BUILD)/chains-tap: $(BUILD)/waxseal
	$(Q)printf '#!/bin/sh\nWAXSEAL=%s exec tests/chains/run-tap\n' $< >$@ && chmod +x $@

.PHONY: unit-programs
unit-programs: $(UNIT) $(LAWS)

.PHONY: unit
unit: unit-programs ## the unit and law tests alone, in a minute
	$(Q)tests/run $(UNIT) $(LAWS)

.PHONY: chains
chains: $(BUILD)/waxseal ## the certificate chains and their verdicts alone
	$(Q)WAXSEAL=$(BUILD)/waxseal tests/run tests/chains/run-tap tests/chains/make-tap

.PHONY: fuzz-programs
fuzz-programs: $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))

.PHONY: fuzz fuzz-build
fuzz: fuzz-build ## fuzzes every parser and the path search for FUZZ_S (60) seconds each; needs clang
	$(Q)V=1 BUILD=$(BUILD) tests/run tests/fuzz/run

fuzz-build:
	$(VARIANT) BUILD=$(BUILD)/fuzz CC=clang SANITIZE=$(SAN) CFLAGS="-O1 -g -fsanitize=fuzzer-no-link" fuzz-programs

.PHONY: lab
lab: all ## (as root) the lab alone, real mail servers, signed DNS and attackers in network namespaces
	$(Q)BUILD=$(BUILD) tests/lab/run

.PHONY: matrix
matrix: all ## (as root) eight mail clients to four mail servers with messages that are hard to carry, directly and sealed
	$(Q)V=1 BUILD=$(BUILD) tests/run tests/lab/matrix.py

.PHONY: soak
soak: all ## (as root) clients of all kinds at once, reloads and deaths, for SOAK_S (3600) seconds
	$(Q)V=1 BUILD=$(BUILD) SOAK_S=$(or $(SOAK_S),3600) tests/run tests/lab/test_soak.py

# Both install what they need before anything is built, so their steps are makes of their own.
.PHONY: demo
demo: ## (as root) installs what it needs, builds, and shows what Waxseal does on real mail servers
	$(Q)tests/install
	$(Q)$(MAKE) all
	$(Q)BUILD=$(BUILD) tests/lab/demo.py

# The builds that are promised: ours, with sanitizers, by clang, with the distribution's TLS library, for the fuzzers.
.PHONY: test
test: ## (as root) installs what it needs, builds every variant, and runs every test
	$(Q)tests/install
	$(VARIANT) BUILD=$(BUILD) all unit-programs $(BUILD)/replay $(SYSTEM_C)
	$(VARIANT) BUILD=$(BUILD)/asan SANITIZE=$(SAN) CFLAGS="-O1 -g" all unit-programs $(BUILD)/asan/replay
	$(VARIANT) BUILD=$(BUILD)/clang CC=clang all unit-programs
	$(VARIANT) BUILD=$(BUILD)/system WOLFSSL=system all unit-programs $(BUILD)/system/replay $(BUILD)/system/chains-tap
	$(VARIANT) fuzz-build
	$(VARIANT) BUILD=$(BUILD) MOVED=follow cross-programs
	$(VARIANT) BUILD=$(BUILD) MOVED=follow firmware
	$(Q)BUILD=$(BUILD) WAXSEAL=$(BUILD)/waxseal FUZZ_S=$(or $(FUZZ_S),10) ROUNDS="boot mail" tests/run \
	    $(SYSTEM) $(wildcard tests/lab/test_*.py) tests/lab/sanitized $(BUILD)/qemu-armv7/appliance-tap -- \
	    tests/layers $(UNIT) $(LAWS) $(BUILD)/replay tests/chains/run-tap tests/chains/make-tap \
	    $(patsubst $(BUILD)/%,$(BUILD)/asan/%,$(UNIT) $(LAWS) $(BUILD)/replay) \
	    $(patsubst $(BUILD)/%,$(BUILD)/system/%,$(UNIT) $(BUILD)/replay $(BUILD)/chains-tap) $(BUILD)/qemu-armv7/unit-tap tests/fuzz/run

.PHONY: lint
lint: $(WOLFSSL_LIB) ## form (clang-format), clang-tidy, shell scripts, the order of the rooms
	$(Q)clang-format --dry-run -Werror $(shell find proxy tools tests firmware -name '*.[ch]')
	$(Q)tests/run tests/layers
	$(Q)shellcheck -S warning -e SC2046,SC1007 $(shell grep -lE '^\#!/bin/(ba)?sh' $(shell find tools tests firmware .ci -type f))
	$(Q)find proxy tools firmware -name '*.c' | xargs -P$(shell nproc) -I{} clang-tidy --quiet {} -- -Itests/lib -Itests/faults -DBUILD_EPOCH=1 $(filter-out -MMD -MP -Werror,$(ALL_CFLAGS))

.PHONY: system
system: all $(SYSTEM_C) ## (as root) the tests of processes, privileges, rules and the resolver alone
	$(Q)BUILD=$(BUILD) WAXSEAL=$(BUILD)/waxseal tests/run $(SYSTEM)

# The user and the folders are made where the system itself is installed to; packages (DESTDIR) make theirs.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=

.PHONY: install
install: all ## (as root) programs and manuals to PREFIX (/usr/local), the sample configuration, the user; DESTDIR for packages
	$(Q)install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR)/waxseal
	$(Q)install -m 755 $(BUILD)/waxseald $(DESTDIR)$(PREFIX)/sbin/waxseald
	$(Q)install -m 755 $(BUILD)/waxseal $(DESTDIR)$(PREFIX)/bin/waxseal
	$(Q)for page in $(wildcard proxy/man/*.[1-8]); do \
	    folder=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
	    install -d $$folder && install -m 644 $$page $$folder/ || exit 1; \
	done
	$(Q)install -D -m 644 tools/waxseal.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/waxseal
	$(Q)ln -sf waxseal $(DESTDIR)$(PREFIX)/share/bash-completion/completions/waxseald
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/waxseal/waxseal.conf ] || \
	    install -m 644 proxy/ops/waxseal.conf $(DESTDIR)$(SYSCONFDIR)/waxseal/waxseal.conf
	$(Q)[ -n "$(DESTDIR)" ] || getent passwd waxseal >/dev/null || \
	    useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin waxseal
	$(Q)[ -n "$(DESTDIR)" ] || install -d -o waxseal -g waxseal -m 750 /var/lib/waxseal

# dpkg wants its folder at the top of a tree: so one is made, with firmware/debian in that place.
.PHONY: deb
deb: ## the Debian package, left in build/; what it needs stands in firmware/debian/control
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/waxseal
	$(Q)cp -R Makefile LICENSE README.md proxy tools tests firmware $(BUILD)/deb/waxseal/ && cp -R firmware/debian $(BUILD)/deb/waxseal/debian
	$(Q)cd $(BUILD)/deb/waxseal && env -u MAKEFLAGS -u MAKELEVEL -u BUILD -u CFLAGS WOLFSSL_PREFIX=$(abspath $(WOLFSSL_PREFIX)) \
	    SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) dpkg-buildpackage -b -us -uc >../log 2>&1 || { tail -n 40 ../log; exit 1; }
	$(Q)cp $(BUILD)/deb/waxseal_*.deb $(BUILD)/ && ls $(BUILD)/waxseal_*.deb

include firmware/image/image.mk

.PHONY: clean
clean: ## removes what make made (the TLS library, packages and the lab's servers stay; `make distclean` removes those too)
	rm -rf $(filter-out $(BUILD)/wolfssl $(BUILD)/lab $(BUILD)/debs,$(wildcard $(BUILD)/*))

.PHONY: distclean
distclean:
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile firmware/image/image.mk | awk -F': ' '{printf "  %-14s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' -type f -not -path '*/wolfssl/*' -not -path '*/lab/*' -not -path '*/sysroot/*' 2>/dev/null)
