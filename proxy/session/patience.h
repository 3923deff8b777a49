/*
 * patience - how long a session waits for either of its sides, and for its own goodbye. RFC 5321 4.5.3.2's timers are
 * the two mail servers' own: what ends here is what only we know of.
 */
#ifndef SESSION_PATIENCE_H
#define SESSION_PATIENCE_H

#include "base/clock.h"

#include <stdbool.h>

struct session;

/* patience_ends - has something taken too long at `now`? Then what follows from it has been done: true, unless that is
 * the step's own to see. */
bool patience_ends(struct session *s, struct mono now);

/* patience_set - sets the session's timer to the next time at which that may be so, or to `next`, if that is sooner. */
void patience_set(struct session *s, struct mono next);

#endif
