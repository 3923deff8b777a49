/*
 * alloc - the allocation that fails. Linked with --wrap, so that every malloc, calloc and realloc of the program passes
 * here; only those that are made while it is armed count.
 */
#ifndef TESTS_ALLOC_H
#define TESTS_ALLOC_H

#include <stdbool.h>

/* alloc_arm - from now on the nth allocation (1: the next) returns NULL, once; 0: none does. */
void alloc_arm(unsigned nth);

/* alloc_disarm - true: it did fail. */
bool alloc_disarm(void);

/* alloc_pause - what the test itself allocates does not count. */
void alloc_pause(bool pause);

#endif
