/*
 * route - where mail for a domain goes, and how far each part of it can be trusted.          RFC 7672 2, RFC 5321 5.1
 * A struct route is the finished answer: one flat block without pointers, which crosses from the resolver to a worker
 * as it is. Whoever receives one calls route_check first. How it is found out is dane/route_plan.h's, which host an
 * address belongs to dane/candidates.h's.
 */
#ifndef DANE_ROUTE_H
#define DANE_ROUTE_H

#include "base/ip.h"
#include "base/limits.h"

/* What validation made of one answer. An error is not an answer: it hides one (RFC 7672 2.1). */
enum trust {
    TRUST_NOT_ASKED,
    TRUST_SECURE,   /* validated, a denial too */
    TRUST_INSECURE, /* proven to lie in an unsigned zone (also 'indeterminate' of RFC 4033; RFC 7672 2.1.1) */
    TRUST_BOGUS,    /* fails validation */
    TRUST_ERROR,    /* SERVFAIL, timeout, malformed, over a bound */
};

enum route_mx {
    ROUTE_MX_LIST,     /* hosts[] come from MX records */
    ROUTE_MX_IMPLICIT, /* no MX (proven or insecure NODATA): the domain itself is the one host, preference 0 (RFC
                          5321 5.1) */
    ROUTE_MX_NULL,     /* `MX 0 .` alone (RFC 7505) */
    ROUTE_NO_DOMAIN,   /* NXDOMAIN */
    ROUTE_FAILED,      /* mx_trust says how; hosts[] is empty */
};

/* The TLSA records of one host; what a summary over hosts uses too. Ordered: what binds more is greater. */
enum tlsa_state {
    TLSA_NOT_ASKED, /* its addresses are insecure (and no secure alias leads there) or missing (RFC 7672 2.2.2) */
    TLSA_NONE,      /* securely absent, or only insecure records */
    TLSA_UNUSABLE,  /* secure records, none usable for SMTP: TLS is a must, unauthenticated (RFC 7672 2.2) */
    TLSA_USABLE,
    TLSA_ERROR, /* bogus, SERVFAIL or timeout: this host is unreachable (RFC 7672 2.1.2) */
};

/* A run of bytes in the pool. */
struct route_text {
    uint16_t at, n;
};

struct route_address {
    struct ip ip;
    uint8_t trust; /* SECURE or INSECURE: that of its A or AAAA answer, aliases included */
};

struct route_tlsa {
    uint8_t usage, selector, match;
    struct route_text data;
};

struct route_host {
    uint16_t preference;
    struct route_text name; /* as the MX record has it, lower case, no final dot; the text of an address where the
                               record has that (no DNS is asked for it then; RFC 7672 2.2) */
    struct route_text base; /* TLSA base domain = SNI and first reference identifier (RFC 7672 2.2.3); equal to name
                               where no TLSA was found */
    uint8_t trust[2];       /* of the A and of the AAAA answer; an error of one does not touch the other */
    uint8_t tlsa;           /* enum tlsa_state */
    uint8_t n_address;
    uint16_t address, tlsa_at; /* first index in addresses[] and in records[] */
    uint8_t n_tlsa;            /* usable records only, digest agility applied (RFC 7671 9) */
};

struct route {
    uint32_t size;    /* bytes of this route that are used, from its first: what crosses between processes */
    uint8_t mx;       /* enum route_mx */
    uint8_t mx_trust; /* enum trust of the MX answer, aliases of the domain included */
    uint8_t timeout;  /* 1: an error in here was a timeout (log word dns-timeout instead of dns-error) */
    uint8_t anchored; /* 0: the resolver has no validated root; all else is then TRUST_ERROR */
    uint8_t clock;    /* enum clock_state of policy/facts.h as the resolver saw it; dane only carries it */
    uint8_t n_host;
    uint8_t incomplete; /* 1: the MX set has hosts that are not in host[], too many or with unusable names: an address
                           that nobody lists may be theirs */
    uint8_t zero;
    uint32_t ttl_s; /* for so long after it was handed out it may be used: the least TTL of its answers, less its age */
    uint16_t n_address, n_record, pool_used;
    struct route_text expanded; /* the domain's name behind CNAMEs where the whole alias was secure, else empty
                                   (RFC 7672 3.2.2) */
    struct route_host host[ROUTE_HOSTS_MAX]; /* by preference, best first */
    struct route_address address[ROUTE_ADDRESSES_ALL];
    struct route_tlsa record[ROUTE_TLSA_ALL];
    uint8_t pool[ROUTE_POOL_MAX]; /* last: only its used part is sent */
};

/*
 * route_check - may this block of n bytes, which came from another process, be used as a route?
 *   Every count, index, enum value and pool run is inside its bound. OK or MALFORMED.
 */
MUST_USE enum rc route_check(const struct route *r, size_t n);

/* route_text - a run of the pool; lives as long as the route. */
struct span route_text(const struct route *r, struct route_text t);

/*
 * route_failed - a route that answers nothing: what stands in for a resolver that is dead, slow or without anchor.
 * It says anchored and the best of clocks, so that nothing but the failure is told; who knows better overwrites both.
 */
void route_failed(struct route *r, enum trust how, bool timeout);

#endif
