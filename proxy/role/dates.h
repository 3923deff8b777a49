/*
 * dates - can dates be believed?                                                          DESIGN.md 'The clock is a
 * fact' The kernel knows whether somebody keeps its clock; without that, a clock at or past the time of the build is a
 * rough one, and one before it is wrong: signatures that have long expired would be valid again (A85).
 */
#ifndef ROLE_DATES_H
#define ROLE_DATES_H

#include "policy/facts.h"

/* dates_state - now. dates_are_wrong - is the clock before the time of the build? Asks nobody but the clock. */
enum clock_state dates_state(void);
bool dates_are_wrong(void);

#endif
