#include "alloc.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static unsigned left;
static bool armed, paused, failed;

void alloc_arm(unsigned nth)
{
    left = nth;
    armed = nth > 0;
    failed = paused = false;
}

bool alloc_disarm(void)
{
    armed = false;
    return failed;
}

void alloc_pause(bool pause)
{
    paused = pause;
}

static bool fails(void)
{
    if (!armed || paused || left == 0 || --left > 0)
        return false;
    return failed = true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}
