/*
 * intake - one accepted connection: turned away at the gate, over a bound, without a server, or a session in a worker's
 * hands. Reads addresses, and never a byte of what the client says.     A105, A117, A118
 */
#ifndef ROLE_INTAKE_H
#define ROLE_INTAKE_H

#include "base/clock.h"
#include "io/addr.h"
#include "policy/why.h"
#include "role/family.h"
#include "role/ledger.h"

/* What it works with is the broker's. */
struct intake {
    const struct config *const *config;
    struct family *family;
    struct ledger *ledger;
    struct wire_counts *counts;
    struct mono grumbled; /* when the log last heard of a connection that may not pass */
    char overload[WHY_REPLY_MAX];
    size_t n_overload;
};

void intake_init(struct intake *in, const struct config *const *config, struct family *family, struct ledger *ledger,
                 struct wire_counts *counts);

/* intake_take - `client`, accepted at the listener `at`; closed here in any case. */
void intake_take(struct intake *in, const struct addr *at, int client);

/* intake_worker - the one with the fewest sessions among those that are ready; false where none is. */
bool intake_worker(const struct intake *in, unsigned *worker);

/* intake_about - the message that names a session. */
struct wire_session intake_about(const struct config *config, uint32_t kind, const struct ledger_entry *e, int error);

#endif
