/*
 * tlsa - TLSA RDATA to a record that we can match.                                   RFC 6698 2.1, 4.1; RFC 7671 4
 * Pure: no DNS, no logging. Whether the answer was secure is in dane/route.h; what SMTP may use of it, in usable.h.
 */
#ifndef DANE_TLSA_H
#define DANE_TLSA_H

#include "base/rc.h"
#include "base/span.h"

enum tlsa_usage {
    USAGE_PKIX_TA, /* a CA of a path to a public root */
    USAGE_PKIX_EE, /* the server's certificate, with such a path */
    USAGE_DANE_TA, /* a trust anchor of the domain's own choice */
    USAGE_DANE_EE, /* the server's certificate, and nothing else counts */
    USAGE_LAST = USAGE_DANE_EE,
};

enum tlsa_selector {
    SELECTOR_CERT,
    SELECTOR_SPKI,
    SELECTOR_LAST = SELECTOR_SPKI,
};

enum tlsa_match {
    MATCH_FULL,
    MATCH_SHA256,
    MATCH_SHA512,
    MATCH_LAST = MATCH_SHA512,
};

struct tlsa {
    enum tlsa_usage usage;
    enum tlsa_selector selector;
    enum tlsa_match match;
    struct span data;
};

/*
 * tlsa_parse - one RDATA, one record. Never allocates.
 *   rdata    borrowed; out->data points into it and lives no longer
 *   returns  OK         *out written
 *            UNUSABLE   well formed, but of an unassigned usage, selector or matching type (RFC 6698 4.1)
 *            MALFORMED  too short, a digest of the wrong length, or Full data that has not the outline of a certificate
 *                       or SubjectPublicKeyInfo (RFC 6698 2.1.4, RFC 7671 9)
 */
MUST_USE enum rc tlsa_parse(struct span rdata, struct tlsa *out);

#endif
