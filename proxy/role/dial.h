/*
 * dial - one connection to a server, begun and not waited for.
 */
#ifndef ROLE_DIAL_H
#define ROLE_DIAL_H

#include "ops/config.h"
#include "role/ledger.h"

/* dial_port - the port that is dialled for e: its own, but that of a smarthost in place of 25. */
uint16_t dial_port(const struct config *config, const struct ledger_entry *e);

/*
 * dial - towards e's server, with mark + 1, from e's client's address (source = "client") or the gateway's.
 * Never from the client's own port: both legs would be one connection to the kernel's tracking.
 *   *fd      the caller's, non-blocking, connecting
 *   returns  OK | FAILED  errno
 */
MUST_USE enum rc dial(const struct config *config, const struct ledger_entry *e, int *fd);

#endif
