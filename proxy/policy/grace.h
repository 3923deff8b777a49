/*
 * grace - when clear text may follow a failed handshake: the client's own retries are the clock.     RFC 7672 2.2
 * 'MAY', DESIGN.md 'Rules that are easy to get wrong' One forged failure must not buy clear text (A20), and a server
 * whose TLS is broken for good must not keep mail for ever (A18): so the first failure of the same client, domain and
 * host has to be clear-after old when TLS fails again. A bounded table that forgets the one that failed longest ago
 * first, and each a day after its last failure: to lose an entry only ever delays clear text. Nothing here weakens a
 * level; policy/decide asks only where clear text is allowed.
 */
#ifndef POLICY_GRACE_H
#define POLICY_GRACE_H

#include "base/clock.h"
#include "base/ip.h"
#include "base/limits.h"
#include "policy/facts.h"

struct grace_key {
    struct ip client;
    char domain[HOSTNAME_MAX + 1]; /* "" where no recipient is known */
    char host[HOSTNAME_MAX + 1];
};

struct grace_entry {
    uint32_t hash;
    struct mono first, last; /* failures */
    struct grace_key key;
};

/* All zero is an empty table. entry[0..n) are in use, in no order. */
struct grace_table {
    uint32_t n;
    struct grace_entry entry[GRACE_ENTRIES_MAX];
};

/* grace_key_of - both names end in NUL and are cut at HOSTNAME_MAX; where host is "" the server's address stands for
 * it. */
void grace_key_of(struct grace_key *out, const struct ip *client, const struct ip *server, const char *domain,
                  const char *host);

/* grace_judge - would a failure now be the last straw? Never UNKNOWN: that is what a caller without a table says.
 *   clear_after_s  0: at once, no memory needed; 1..59 act as 60 */
enum grace grace_judge(const struct grace_table *t, const struct grace_key *key, struct mono now,
                       uint32_t clear_after_s);

/* grace_failed - a handshake failed, or a STARTTLS that was offered was refused. */
void grace_failed(struct grace_table *t, const struct grace_key *key, struct mono now);

/* grace_succeeded - TLS was done: the memory of failures is erased. */
void grace_succeeded(struct grace_table *t, const struct grace_key *key);

#endif
