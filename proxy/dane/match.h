/*
 * match - does this chain satisfy these TLSA records?                        RFC 6698 2.1, RFC 7671 5, RFC 7672 3
 * Pure, and each call starts from nothing: what one chain has shown is not known to the next. The work is bounded by
 * PATH_SIGNATURES_MAX signature checks for the records of usage 2, whatever chain and records hold.
 *
 * The limits that remain, and what happens at each:
 *   a certificate that cannot be read   matches usage 3, selector 0 by its bytes; nothing else
 *   more than CHAIN_CERTS_MAX           those behind are not looked at
 *   more than CERT_EXTENSIONS_MAX, an unknown critical extension, dates that cannot be read: part of no path
 *   algorithms                          cert/sign.h; others sign nothing
 */
#ifndef DANE_MATCH_H
#define DANE_MATCH_H

#include "base/clock.h"
#include "cert/cert.h"
#include "dane/tlsa.h"

struct match_query {
    const struct tlsa *tlsa; /* usable ones (usable.h) */
    size_t n_tlsa;
    const struct span *chain; /* DER certificates as sent, leaf first */
    size_t n_chain;
    const struct span *names; /* reference identifiers, base domain first; usage 3 asks none */
    size_t n_names;
    struct wall at;
    const struct cert *roots; /* public roots, for usages 0 and 1 alone: without them those match nothing */
    size_t n_roots;
};

/* In the order of how close it came; the answer to a query is the closest. The words are RFC 8460's result types. */
enum match_result {
    MATCH_NO,          /* tlsa-invalid: no record says anything of this chain */
    MATCH_NOT_TRUSTED, /* certificate-not-trusted: an anchor was sent, and the server's certificate does not lead to it
                        */
    MATCH_EXPIRED,     /* certificate-expired: it does, but not at this time */
    MATCH_WRONG_NAME,  /* certificate-host-mismatch: it does, but the certificate is another's */
    MATCH_YES,
};

struct match_answer {
    enum match_result result;
    const struct tlsa *tlsa; /* the record that matched; NULL without */
    enum tlsa_usage usage;   /* its usage */
    unsigned depth;          /* of the matching certificate above the leaf */
    struct span name;        /* the reference identifier that it bears, one of the query's; empty for usage 3 */
    const char *reason;      /* the word for the result; "-" for MATCH_YES */
    unsigned signatures;     /* checked on the way; for usages 2 and 3 at most PATH_SIGNATURES_MAX */
};

struct match_answer dane_match(const struct match_query *q);

#endif
