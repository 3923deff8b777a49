/*
 * hostname - a domain name in text form: lower case, no final dot.               RFC 1035 2.3.1, RFC 5321 4.1.2, 2.3.5
 * Letters, digits, hyphens and, as the DNS of mail uses it, underscores. A-labels only; smtp/idn makes them of others.
 * Does not know what exists, and lets a name of digits alone pass: who takes it from a person must ask
 * hostname_is_numeric.
 */
#ifndef SMTP_HOSTNAME_H
#define SMTP_HOSTNAME_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"

struct hostname {
    uint8_t n;                /* length of s, 1..HOSTNAME_MAX in any that was parsed */
    char s[HOSTNAME_MAX + 1]; /* NUL-terminated */
};

/*
 * hostname_parse - one name; one final dot is taken off.
 *   returns  OK         *out written
 *            MALFORMED  empty, the root alone, an empty or over-long label, too long, or another byte in it
 */
MUST_USE enum rc hostname_parse(struct span s, struct hostname *out);
bool hostname_eq(const struct hostname *a, const struct hostname *b);

/* hostname_is_under - a proper subdomain: mx.example.org is under example.org, example.org is not under itself. */
bool hostname_is_under(const struct hostname *name, const struct hostname *parent);

/* hostname_is_numeric - the last label is a number, decimal or 0x...: inet_aton would read the name as an address. */
bool hostname_is_numeric(const struct hostname *name);

/* hostname_span - its bytes, borrowed. */
struct span hostname_span(const struct hostname *name);

#endif
