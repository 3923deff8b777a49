# QEMU's `virt` machine with a 32-bit ARM processor: what a small router is like, on a desk. See ../README.md for what each fact means.

ARCH    = armhf
TRIPLET = arm-linux-gnueabihf
EMULATE = qemu-arm-static

KERNEL  = linux-image-armmp
