/*
 * peer - is this certificate that of whom the site's own policy names?     RFC 5280 6, 6125 6, 7817 3; Postfix's
 * TLS_README fingerprint: the certificate or its key has a digest of the list; no name, no date, no issuer is asked.
 * verify and secure: a path to a public root at this time, and a name of the list: DNS-ID, of a smarthost also SRV-ID
 * (service submission or submissions), the common name only where neither is there.
 */
#ifndef POLICY_PEER_H
#define POLICY_PEER_H

#include "cert/cert.h"
#include "dane/route.h"
#include "policy/site.h"
#include "policy/why.h"

struct peer_query {
    const struct site *site;
    const struct site_policy *policy; /* level FINGERPRINT, VERIFY or SECURE */
    struct span nexthop;              /* recipient domain, or name of the smarthost; empty: there is none */
    bool is_smarthost;
    const struct route *route; /* of the domain, whose MX hosts' names are taken as they are; NULL: none known */
    const struct span *chain;  /* DER certificates as sent, leaf first */
    size_t n_chain;
    const struct cert *roots;
    size_t n_roots;
    struct wall at;
};

/* peer_judge - WHY_NONE: yes. Else the word for what it lacks. */
MUST_USE enum why peer_judge(const struct peer_query *q);

#endif
