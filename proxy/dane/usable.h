/*
 * usable - which of the well-formed records count.                                          RFC 7672 3.1.3, RFC 7671 9
 * Records that are malformed or unknown are dropped before, by not parsing: they take no part in the choice of a
 * digest.
 */
#ifndef DANE_USABLE_H
#define DANE_USABLE_H

#include "dane/tlsa.h"

/*
 * usable_select - drops, in place, what may not be used, and keeps the order of the rest.
 *   rfc7672  SMTP's rules: usages 0 and 1 are dropped first
 *   returns  how many are left. Of each pair of usage and selector: all Full records, and those of the strongest digest
 */
size_t usable_select(struct tlsa *set, size_t n, bool rfc7672);

#endif
