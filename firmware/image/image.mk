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
	$(Q)firmware/image/fetch lock $(ARCH) $(LOCK) $(DEBS) $$(sed 's/#.*//' firmware/image/packages) @$(KERNEL)

$(PLACE)/sysroot: $(LOCK) firmware/image/fetch
	$(say) FETCH $@
	$(Q)mkdir -p $(@D) && firmware/image/fetch unpack $(ARCH) $(LOCK) $(DEBS) $@ && touch $@

# The unit tests of another processor as one program: each runs on an emulator, beside the libraries that the image has.
CROSS_UNIT = $(UNIT:$(BUILD)/%=$(PLACE)/obj/%)
.PHONY: cross cross-programs
cross-programs: $(PLACE)/sysroot
	+$(Q)$(CROSSED) all $(CROSS_UNIT)
	$(Q)printf '#!/bin/sh\nfor each in %s; do %s -L %s "$$each" || bad=1; done\nexit $${bad:-0}\n' \
	    "$(CROSS_UNIT)" $(EMULATE) $(PLACE)/sysroot >$(PLACE)/unit-tap && chmod +x $(PLACE)/unit-tap

cross: cross-programs ## cross build for BOARD (qemu-armv7), and the unit tests on an emulated processor
	$(Q)tests/run $(PLACE)/unit-tap
