/*
 * route_host - one MX host of a plan: its addresses, whether its alias is secure, its TLSA.        RFC
 * 7672 2.1.3, 2.2.2, 2.2.3 The part of dane/route_plan that knows what an answer about a host asks for next; nobody
 * else includes it. The MX set, and in which order questions go out, are route_plan's.
 */
#ifndef DANE_ROUTE_HOST_H
#define DANE_ROUTE_HOST_H

#include "dane/route_plan.h"

/* Of a question. */
enum route_state {
    IDLE,
    WANTED,
    ASKED,
    ANSWERED
};

/* The questions about one host. Question 0 is the domain's MX. */
enum route_kind {
    KIND_A,
    KIND_AAAA,
    KIND_CNAME,         /* is the alias secure, whose target is not? */
    KIND_TLSA_EXPANDED, /* at the name behind a wholly secure alias */
    KIND_TLSA,          /* at the host's own name */
    KIND__COUNT
};

/* route_host_id - the number of a question about a host. */
unsigned route_host_id(unsigned host, enum route_kind kind);

/* route_host_begin - its addresses are wanted: all else follows from the answers. */
void route_host_begin(struct route_plan *p, unsigned host);

/* route_host_question - type and name; false where the name would be longer than one can be. */
bool route_host_question(const struct route_plan *p, unsigned host, enum route_kind kind, struct route_question *out);
void route_host_answer(struct route_plan *p, unsigned host, enum route_kind kind, const struct answer *a);

/* route_host_failed - its TLSA are an error, which stays one: it is unreachable (RFC 7672 2.1.2). */
void route_host_failed(struct route_host *h);

/* route_host_put_address - false where a bound is reached. */
bool route_host_put_address(struct route_plan *p, unsigned host, const struct ip *ip, enum trust trust);

bool route_host_is_open(const struct route_plan *p, unsigned id);

/* route_host_close - what is still open at this host, written to `out` as the timeout that it has become. */
void route_host_close(const struct route_plan *p, unsigned host, struct route *out);

/* For answers of every kind: their worth, and the pool of texts. */
enum trust route_host_trust(struct route_plan *p, const struct answer *a);
bool route_host_put_text(struct route *r, struct span s, struct route_text *out);
void route_host_c_text(const struct route_plan *p, struct route_text t, char out[HOSTNAME_MAX + 1]);

#endif
