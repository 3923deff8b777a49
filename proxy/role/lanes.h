/*
 * lanes - which routes get in each other's way, so that an expensive zone costs its own routes only (A90).
 * libunbound validates in one thread: names without end below one zone, each with signatures that cost 0.1 s, would
 * keep all others waiting. A lane is what shares the last two labels of a domain. LANE_JOBS_MAX routes of a lane may
 * ask at once; of one that has shown bogus answers which cost CPU, one, with one question. Nobody is refused: they wait
 * for each other, and the decision budget ends that.
 */
#ifndef ROLE_LANES_H
#define ROLE_LANES_H

#include "base/clock.h"
#include "base/limits.h"
#include "smtp/hostname.h"

struct lanes {
    struct {
        struct hostname name;
        struct mono until;
    } costly[LANES_COSTLY_MAX]; /* zeroed: none */
};

/* lane_of - the last two labels of a domain, borrowed from it. */
struct span lane_of(const struct hostname *domain);

/* lanes_note - this lane was costly just now. The oldest one is forgotten for it where there is no room. */
void lanes_note(struct lanes *l, struct span lane, struct mono now);
bool lanes_is_costly(const struct lanes *l, struct span lane, struct mono now);

#endif
