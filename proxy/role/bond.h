/*
 * bond - the pairs between the broker's children: one for each two of different roles, made at a start and made anew
 * when one of the two has cut it.
 */
#ifndef ROLE_BOND_H
#define ROLE_BOND_H

#include "base/rc.h"

#include <stddef.h>

struct member;

/*
 * bond_join - one pair between two, in place of an earlier one. `fd` is our end of the pair to m, which may be about to
 * start; the other one runs.
 *   returns  OK | what msg_pair and msg_send say of m
 */
MUST_USE enum rc bond_join(const struct member *m, int fd, struct member *other);

/*
 * bond_torn - a TORN message of m: both ends may say so of one pair, and a process that was taken over as often as it
 * likes.
 *   returns  OK  noted, or past already | MALFORMED
 */
MUST_USE enum rc bond_torn(struct member *m, const void *msg, size_t n);

/* bond_mend - a timer's: new pairs for what is torn, where the last one is PAIR_AGAIN_MS old. `owner` is the family. */
void bond_mend(void *owner);

#endif
