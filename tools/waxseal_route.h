/*
 * waxseal_route - the policy route that belongs to the rules: packets with the mark go to a table of the mark's number,
 * where everything is local. Over rtnetlink itself, so that nothing depends on which ip(8) a box has (busybox's knows
 * no such table).
 */
#ifndef TOOLS_WAXSEAL_ROUTE_H
#define TOOLS_WAXSEAL_ROUTE_H

#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * route_add, route_remove - rule and route of one family. What is there already, or not there any more, is well.
 *   returns  OK | FAILED  errno, as the kernel says
 */
MUST_USE enum rc route_add(bool v4, uint32_t mark);
MUST_USE enum rc route_remove(bool v4, uint32_t mark);

/* route_is_there - both, as route_add makes them; false also where the kernel cannot be asked. */
bool route_is_there(bool v4, uint32_t mark);

#endif
