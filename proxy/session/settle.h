/*
 * settle - what a finished transaction or session tells the outside: exactly one record a recipient domain. DESIGN.md
 * invariant 7
 */
#ifndef SESSION_SETTLE_H
#define SESSION_SETTLE_H

#include "ops/record.h"

struct session;
struct ask;

/* settle_domain - the record of one domain of the transaction that ends now; nothing where it never had a recipient. */
void settle_domain(struct session *s, const struct ask *a);

/* settle_session - one without a domain: a tunnel, a refusal before any recipient, a client whose TLS failed here.
 *   a     what was asked of the server's address, or NULL
 *   text  words about it, or empty */
void settle_session(struct session *s, const struct ask *a, enum outcome outcome, enum why why, struct span text);

#endif
