# Cross builds and images, of Debian's packages and our own programs: a part of the Makefile at the top. BOARD names a folder of board/.
BOARD   ?= qemu-armv7
DEBS    ?= $(BUILD)/debs
ifneq ($(filter cross% firmware%,$(MAKECMDGOALS)),)
include board/$(BOARD)/board.mk
endif

PLACE    = $(BUILD)/$(BOARD)
LOCK     = board/$(BOARD)/packages.lock
CROSSED  = $(MAKE) --no-print-directory BUILD=$(PLACE)/obj CC="$(TRIPLET)-gcc --sysroot=$(abspath $(PLACE)/sysroot)" AR=$(TRIPLET)-ar \
           CFLAGS="-Os -g" WOLFSSL=own WOLFSSL_PREFIX=$(abspath $(PLACE)/wolfssl)

.PHONY: firmware-lock
firmware-lock: ## writes anew which packages the image of BOARD is built from: versions and hashes
	$(Q)$(call lock_anew,$(LOCK))

lock_anew = firmware/image/fetch lock $(ARCH) $(1) $(DEBS) $$(sed 's/\#.*//' firmware/image/packages) $(PACKAGES) @$(KERNEL)

# MOVED=follow: where the archive has moved on from the lock, what it has today is taken, and the difference told. A test of our own work
# must not hang on Debian's last update; an image to be shipped must.
MOVED ?= stop
$(PLACE)/sysroot: $(LOCK) firmware/image/fetch
	$(say) FETCH $@
	$(Q)mkdir -p $(@D) && cp $(LOCK) $@.lock
	$(Q)firmware/image/fetch unpack $(ARCH) $@.lock $(DEBS) $@ || { [ $(MOVED) = follow ] && $(call lock_anew,$@.lock) && \
	    { diff $(LOCK) $@.lock || :; } && firmware/image/fetch unpack $(ARCH) $@.lock $(DEBS) $@; }
	$(Q)touch $@

# The unit tests of another processor as one program: each runs on an emulator, beside the libraries that the image has.
CROSS_UNIT = $(UNIT:$(BUILD)/%=$(PLACE)/obj/%)
.PHONY: cross cross-programs
cross-programs: $(PLACE)/sysroot
	+$(Q)$(CROSSED) all $(CROSS_UNIT)
	$(Q)printf '#!/bin/sh\nfor each in %s; do %s -L %s "$$each" || bad=1; done\nexit $${bad:-0}\n' \
	    "$(CROSS_UNIT)" $(EMULATE) $(PLACE)/sysroot >$(PLACE)/unit-tap && chmod +x $(PLACE)/unit-tap

cross: cross-programs ## cross build for BOARD (qemu-armv7), and the unit tests on an emulated processor
	$(Q)tests/run $(PLACE)/unit-tap

# What the scripts take from board.mk.
FACTS = BOARD ARCH TRIPLET EMULATE CONSOLE MODULES_BOOT MODULES WATCHDOG FLASH LOADER LOAD ENTRY FDT \
        BUDGET_KERNEL BUDGET_ROOT BUDGET_DAEMON LAN_MAC WAN_MAC SOURCE_DATE_EPOCH

# SITE: a folder whose etc/ is what the box is configured with. Beside the image stands the test of it, which knows the board's facts.
.PHONY: firmware firmware-test
firmware: $(PLACE)/sysroot ## a bootable disk image for BOARD (qemu-armv7), configured with SITE/etc
	+$(Q)$(CROSSED) all
	$(Q)$(foreach each,$(FACTS),$(each)='$($(each))') LOCK=$(PLACE)/sysroot.lock firmware/image/build $(PLACE) $(SITE)
	$(Q){ echo '#!/bin/sh'; \
	    echo "export $(foreach each,QEMU QEMU_DISK QEMU_NIC LAN_MAC WAN_MAC RAM_LEAST BUDGET_PSS,$(each)='$($(each))') IMAGE=$(PLACE)/waxseal.img UPDATE=$(PLACE)/waxseal.update"; \
	    echo 'exec tests/lab/appliance $${ROUNDS:-}'; } >$(PLACE)/appliance-tap && chmod +x $(PLACE)/appliance-tap

firmware-test: firmware ## (as root) boots that image on an emulated board, between the lab's legacy server and its internet
	$(Q)V=1 BUILD=$(BUILD) tests/run $(PLACE)/appliance-tap
