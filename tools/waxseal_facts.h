/*
 * waxseal_facts - what the daemon's own session knows of mail for a domain at an address before any connection: the
 * same asks, facts and verdict, without a byte sent.                                   session/asks.h, policy/decide.h
 */
#ifndef TOOLS_WAXSEAL_FACTS_H
#define TOOLS_WAXSEAL_FACTS_H

#include "session/session.h"

struct prospect {
    struct session_host host;
    struct session *session; /* without streams; its one ask is */
    struct ask *ask;
    uint32_t number;
    bool wants_route; /* the level asks for one: to this name, */
    struct hostname wanted;
    bool is_host; /* which is a smarthost's */
    struct facts facts;
    struct verdict verdict;
};

/* prospect_grace - what the memory says of a client of which nothing is remembered. */
enum grace prospect_grace(const struct config *config);

/*
 * prospect_open - as for a client of which nothing is remembered. What it wants is known behind it, the verdict only
 * behind prospect_judge.
 *   p        prospect_close's, and not to be moved
 *   returns  OK | FAILED  no memory; *p is closed
 */
MUST_USE enum rc prospect_open(struct prospect *p, const struct config *config, const struct hostname *domain,
                               const struct ip *server);

/* prospect_judge - r: copied; NULL where none is wanted, or where there is none: it counts as failed. */
void prospect_judge(struct prospect *p, const struct route *r);
void prospect_close(struct prospect *p);

#endif
