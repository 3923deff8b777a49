/*
 * clock - two kinds of time, as two types, so that nobody subtracts one from the other.
 * mono runs at an even pace and never jumps: every timer and age. wall is what certificates and signatures mean:
 * seconds since 1970, 64 bits.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct mono {
    int64_t ms;
};

struct wall {
    int64_t s;
};

struct mono clock_mono(void);
struct wall clock_wall(void);

/* clock_cpu_ms - what this process has used of the processor. */
int64_t clock_cpu_ms(void);

#endif
