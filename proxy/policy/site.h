/*
 * site - the site's own policy: which level a recipient domain or a smarthost gets, and whose certificate it takes.
 * INTERFACES.md 'Precedence': at a smarthost's address only its own; exact domain before the longest `.parent` before
 * the same in policy-file before the default. Pure lookups in the flat tables that ops/config fills.
 */
#ifndef POLICY_SITE_H
#define POLICY_SITE_H

#include "base/ip.h"
#include "base/limits.h"
#include "policy/facts.h"
#include "smtp/hostname.h"

/* Whose certificate: Postfix's words (TLS_README). */
enum site_who {
    SITE_NEXTHOP,     /* the recipient domain; of a smarthost its configured name */
    SITE_DOT_NEXTHOP, /* any name below that */
    SITE_HOSTNAME,    /* a name of the domain's MX hosts, as far to be trusted as the DNS; of a smarthost its name */
    SITE_NAME,        /* this name */
    SITE_DOT_NAME,    /* any name below this one */
    SITE_DIGEST,      /* the certificate or the public key with this SHA-256 or SHA-512 digest */
    SITE_WHO__COUNT
};

struct site_match {
    uint8_t who;
    uint8_t n; /* NAME, DOT_NAME, DIGEST: a run of the pool */
    uint16_t at;
};

struct site_policy {
    uint8_t level;
    uint8_t n_match; /* 0: what is usual at that level */
    uint16_t match;  /* the first of them */
};

struct site_entry {
    struct hostname domain;
    uint8_t parent; /* 1: written `.example.org`, for everything below it, not for itself */
    uint8_t late;   /* 1: of policy-file, behind every section */
    struct site_policy policy;
};

struct site_smarthost {
    struct ip ip;
    struct hostname name;
    struct site_policy policy;
    uint16_t port;      /* that is dialled: 25, 465 (TLS from the first byte on), 587 */
    uint8_t credential; /* of config.credential; CREDENTIAL_OWN: none */
};

struct site {
    struct site_policy fallback; /* policy "default" */
    uint32_t n, n_smarthost, n_match, pool_used;
    struct site_entry entry[SITE_ENTRIES_MAX];
    struct site_smarthost smarthost[SITE_SMARTHOSTS_MAX];
    struct site_match match[SITE_MATCHES_MAX];
    uint8_t pool[SITE_POOL_MAX];
};

/* site_policy - of a domain; NULL (a literal, a bare postmaster, no recipient) gets the default. */
const struct site_policy *site_policy(const struct site *s, const struct hostname *domain);

/* site_smarthost - what the site says of this address, as it was intercepted; NULL: nothing. */
const struct site_smarthost *site_smarthost(const struct site *s, const struct ip *server);

/* site_matches - whose certificate is taken under this policy; *n of them. Lives as long as s. */
const struct site_match *site_matches(const struct site *s, const struct site_policy *p, unsigned *n);

/* site_match_text - the name or the digest. */
static inline struct span site_match_text(const struct site *s, const struct site_match *m)
{
    return span_of(s->pool + m->at, m->n);
}

/* site_asks_mx - does it take one of the domain's MX hosts for who it is? */
bool site_asks_mx(const struct site *s, const struct site_policy *p);

/* site_needs_roots - does any level ask whether a public root stands behind a certificate? */
bool site_needs_roots(const struct site *s);

#endif
