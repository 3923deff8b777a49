# QEMU's `virt` machine with a 32-bit ARM processor: what a small router is like, on a desk. ../README.md tells what each fact means.

ARCH    = armhf
TRIPLET = arm-linux-gnueabihf
EMULATE = qemu-arm-static

# ---- kernel: nearly everything of it is a module, and only these are put in
KERNEL       = linux-image-armmp
CONSOLE      = ttyAMA0
MODULES_BOOT = crc32c_generic virtio_mmio virtio_blk squashfs overlay ext4
MODULES      = virtio_net nft_tproxy nft_socket nft_ct nft_masq nft_chain_nat nft_reject_inet nft_redir
# The only one that this kernel has on this machine: it resets a box whose daemon or whose userland hangs, not one whose kernel does
WATCHDOG     = softdog soft_margin=60

# ---- flash: partitions in their order, in MiB. Both slots are filled alike
FLASH = boot:1 env:1 kernel_a:8 root_a:6 kernel_b:8 root_b:6 data:16
# The boot loader; U-Boot's: where the kernel image is read to, where it is put, the processor's device tree as the machine hands it over
LOADER = uboot
LOAD  = 0x42000000
ENTRY = 0x42800000
FDT   = 0x40000000

# ---- budget, in KiB: the build fails beyond; of memory (PSS, all processes, 200 sessions) the test does
BUDGET_KERNEL = 7168
BUDGET_ROOT   = 4608
BUDGET_DAEMON = 2048
BUDGET_PSS    = 16384

# ---- interfaces, which are found by their addresses
LAN_MAC = 52:54:00:77:78:01
WAN_MAC = 52:54:00:77:78:02

# ---- how it runs on a desk. KVM is never used: what is tested is the same on every machine. One processor: an emulated second one has to be stopped for
# each piece of code that changes, and a boot takes twice as long
QEMU        = qemu-system-arm -M virt -cpu cortex-a15 -m $(RAM) -accel tcg -bios /usr/lib/u-boot/qemu_arm/u-boot.bin \
              -nodefaults -display none
QEMU_DISK   = -device virtio-blk-device,drive=disk
QEMU_NIC    = virtio-net-device
RAM         = 128
RAM_LEAST   = 64
