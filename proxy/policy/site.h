/*
 * site - the site's own policy: which level a recipient domain gets.     INTERFACES.md 'Precedence'
 * Exact domain before the longest `.parent` before the default. Pure lookup in the flat table that ops/config fills.
 */
#ifndef POLICY_SITE_H
#define POLICY_SITE_H

#include "base/limits.h"
#include "policy/facts.h"
#include "smtp/hostname.h"

struct site_entry {
    struct hostname domain;
    uint8_t parent; /* 1: written `.example.org`, for everything below it, not for itself */
    uint8_t level;
};

struct site {
    uint8_t fallback; /* level of policy "default" */
    uint32_t n;
    struct site_entry entry[SITE_ENTRIES_MAX];
};

/* site_level - for a domain; NULL (a literal, a bare postmaster, no recipient) gets the default. */
enum level site_level(const struct site *s, const struct hostname *domain);

/* site_needs_roots - does any level ask whether a public root stands behind a certificate? */
bool site_needs_roots(const struct site *s);

#endif
