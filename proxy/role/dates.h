/*
 * dates - can dates be believed?                                               DESIGN.md 'The clock is a fact'
 * The kernel knows whether somebody keeps its clock; without that, a clock at or past the floor is a rough one. One
 * before the floor is wrong, whatever the kernel says: signatures that have long expired would be valid again (A85).
 */
#ifndef ROLE_DATES_H
#define ROLE_DATES_H

#include "base/clock.h"
#include "policy/facts.h"

/* dates_floor - the newer of the time of the build and `kept`, which counts for ten years behind the build at most: a
 * clock that was once believed and wrong must not stop the mail for ever. */
struct wall dates_floor(struct wall kept);

/* dates_state - now. */
enum clock_state dates_state(struct wall floor);

/* dates_are_wrong - is it before the floor? Asks nobody but the clock. */
bool dates_are_wrong(struct wall floor);

/* dates_build - the time of the build, in seconds since 1970: no clock of a box that runs it was meant to be earlier.
 */
int64_t dates_build(void);

#endif
