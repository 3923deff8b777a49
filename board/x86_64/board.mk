# QEMU's `q35` machine with SATA and two e1000e: what a small gateway PC with a BIOS is like, on a desk. ../README.md tells what each fact means.

ARCH    = amd64
TRIPLET = x86_64-linux-gnu
EMULATE = qemu-x86_64-static

# ---- kernel: nearly everything of it is a module, and only these are put in
KERNEL       = linux-image-amd64
CONSOLE      = ttyS0,115200
MODULES_BOOT = crc32c_generic ahci sd_mod squashfs overlay ext4
MODULES      = e1000e nft_tproxy nft_socket nft_ct nft_masq nft_chain_nat nft_reject_inet nft_redir
WATCHDOG     = i6300esb heartbeat=60

# ---- flash: partitions in their order, in MiB. Both slots are filled alike
FLASH = boot:1 env:1 kernel_a:12 root_a:8 kernel_b:12 root_b:8 data:32
# The boot loader. A slot whose kernel or initramfs is damaged it does not start; but nothing checks the loader itself, whose partition is never written
# again, and no watchdog runs until the kernel's does: a BIOS starts none.
LOADER   = grub
PACKAGES = grub-pc-bin

# ---- budget, in KiB: the build fails beyond; of memory (PSS, all processes, 200 sessions) the test does
BUDGET_KERNEL = 10752
BUDGET_ROOT   = 6144
BUDGET_DAEMON = 2816
BUDGET_PSS    = 20480

# ---- interfaces, which are found by their addresses
LAN_MAC = 52:54:00:77:78:01
WAN_MAC = 52:54:00:77:78:02

# ---- how it runs on a desk. KVM is never used: what is tested is the same on every machine
QEMU        = qemu-system-x86_64 -M q35 -smp 2 -m $(RAM) -accel tcg -nodefaults -display none -device i6300esb
QEMU_DISK   = -device ide-hd,drive=disk
QEMU_NIC    = e1000e
RAM         = 128
RAM_LEAST   = 128
