/*
 * route_plan - recipient domain → questions to ask → answers → struct route.                              RFC 7672 2
 * A state machine without I/O, clock or memory of its own: role/resolver asks, tests feed it. MX first; A and AAAA of
 * each host; TLSA only where one of them is secure (2.2.2), at the expanded name of a secure alias first, then at the
 * original; where an insecure answer came through an alias, whether that alias is secure is a question of its own.
 * The work is bounded by ROUTE_QUESTIONS_MAX. Whatever is over a bound, malformed or unanswered is TRUST_ERROR or
 * TLSA_ERROR, never `insecure` and never `none`.
 */
#ifndef DANE_ROUTE_PLAN_H
#define DANE_ROUTE_PLAN_H

#include "dane/answer.h"
#include "dane/route.h"

struct route_question {
    unsigned id;
    unsigned type;               /* enum answer_type */
    char name[HOSTNAME_MAX + 1]; /* text without final dot */
};

struct plan_host {
    struct route_text canonical[2]; /* of the A and the AAAA answer where that is secure and aliased */
};

/* The fields are route_plan.c's. */
struct route_plan {
    uint16_t port;
    bool is_host;
    struct route_text domain;
    uint8_t state[ROUTE_QUESTIONS_MAX];
    struct plan_host host[ROUTE_HOSTS_MAX];
    uint8_t owner[ROUTE_ADDRESSES_ALL]; /* whose route.address[i] is; route_plan_finish lays them side by side */
    struct route route;
};

/*
 * route_plan_init - a plan whose first question is the domain's MX. Touches no more of *p than it needs.
 *   is_host  the site says itself that this is the host, a smarthost: its MX is not asked, and it is the one host of a
 *            secure set (RFC 7672 2.2.2, 1.3)
 */
void route_plan_init(struct route_plan *p, const struct hostname *domain, uint16_t port, bool is_host);

/* route_plan_next - the next question that can be asked now, each once; false when there is none. */
bool route_plan_next(struct route_plan *p, struct route_question *out);

/*
 * route_plan_answer - eats the answer to a question that route_plan_next gave out. Nothing of it is kept by reference.
 * A second answer to the same question changes nothing.
 */
void route_plan_answer(struct route_plan *p, unsigned id, const struct answer *a);

/* route_plan_ttl_s - the least TTL of the answers so far; an error has none. */
uint32_t route_plan_ttl_s(const struct route_plan *p);

/* route_plan_done - nothing left to ask or to wait for. */
bool route_plan_done(const struct route_plan *p);

/*
 * route_plan_finish - the route as it is known now; questions that are still open count as timeouts. The plan goes on
 * unharmed. anchored and clock are the caller's to write: 0 here; ttl_s, his to lessen by the time since
 * route_plan_init.
 */
void route_plan_finish(const struct route_plan *p, struct route *out);

#endif
