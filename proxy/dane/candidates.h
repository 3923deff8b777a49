/*
 * candidates - which MX hosts may this address be, and what do they ask of its certificate?              RFC 7672 2.2
 * Interception gives an address, DANE needs a name: DESIGN.md 'Which MX host is this?'. Pure: a finished route and an
 * address in; never a name that the far server says of itself (A96).
 */
#ifndef DANE_CANDIDATES_H
#define DANE_CANDIDATES_H

#include "base/clock.h"
#include "dane/match.h"
#include "dane/route.h"

enum found {
    FOUND_NOT_ASKED, /* the level asks no DNS, or the recipient is a literal or bare postmaster */
    FOUND_FAILED,    /* the MX answer is bogus or an error */
    FOUND_NULL,      /* secure null MX; an insecure one is UNLISTED without hosts */
    FOUND_NO_DOMAIN, /* NXDOMAIN: split horizon */
    FOUND_SECURE,    /* rule 1: a host's secure addresses list it, or any of a host whose name is a secure alias */
    FOUND_INSECURE,  /* rule 2: a host's insecure addresses list it */
    FOUND_MAYBE,     /* rule 3: a host's address lookup failed, it might be that one */
    FOUND_UNLISTED,  /* rules 4, 5: nobody lists it */
};

struct candidates {
    enum found found;
    uint8_t n; /* SECURE, INSECURE: the hosts that list it; UNLISTED with a secure MX set: every host with TLSA */
    uint8_t host[ROUTE_HOSTS_MAX]; /* indices into route.host, in the order in which their names are tried as SNI: with
                                      TLSA first, then preference */
    enum tlsa_state tlsa; /* the most that one of them asks: USABLE, UNUSABLE or NONE; NOT_ASKED where none was asked */
    bool tlsa_error;      /* the TLSA lookup of one of them failed; UNLISTED with a secure MX set: of any host */
    bool tlsaless_insecure; /* rule 4: a host without TLSA has insecure addresses, so the address may be its */
};

/* candidates_find - far is the address as it was intercepted; NAT64 is unmapped here. */
void candidates_find(const struct route *r, const struct ip *far, struct candidates *out);

/* candidates_sni - the name for the nth dial (0, 1): the base domain of the nth distinct candidate; empty where there
 * is none. */
struct span candidates_sni(const struct route *r, const struct candidates *c, unsigned nth);

/* candidates_host - the host that the log and the replies call mx: the best candidate; empty where none is known. */
struct span candidates_host(const struct route *r, const struct candidates *c);

/*
 * candidates_match - does the chain match a usable TLSA record of any candidate, by that host's own names?
 *   domain   the recipient domain (the original next-hop domain): a reference identifier, as its expanded name is,
 * where the MX set is secure (RFC 7672 3.2.2); of an insecure set the host's base domain is the only one *host    index
 * into route.host of the host that matched; untouched without a match *record  the record that matched, whose data
 * points into r; the answer's tlsa points here returns  the match, or the most telling failure.
 * After ROUTE_SIGNATURES_MAX signature checks the hosts that are left are not asked, which fails closed.
 */
struct match_answer candidates_match(const struct route *r, const struct candidates *c, struct span domain,
                                     const struct span *chain, size_t n_chain, struct wall at, unsigned *host,
                                     struct tlsa *record);

#endif
