/*
 * waxseal_visit - what would become of mail at this address? A visit is a session of the daemon's own
 * (session/session.h) over a real connection, whose client is this process: it says EHLO, MAIL and one RCPT, the
 * session holds the mail as it does in the daemon, asks the route, upgrades and judges; and where the daemon would let
 * MAIL leave, or refuse, the visit ends (session_host.judged). No envelope ever leaves. So whatever a server may do to
 * us it may do to the daemon, and the session is made for it: its bounds, its time and its printable words.
 */
#ifndef TOOLS_WAXSEAL_VISIT_H
#define TOOLS_WAXSEAL_VISIT_H

#include <cjson/cJSON.h>

#include "dane/route.h"
#include "ops/config.h"

struct visitor;

/* visitor_new - all three are borrowed until visitor_free. NULL: no memory, no entropy, or no public roots where a
 * level asks for them. */
struct visitor *visitor_new(const struct config *config, const struct hostname *domain, const struct route *route);
void visitor_free(struct visitor *v);

enum visited {
    VISITED_NOT,    /* nobody would connect there, or the daemon is not in the way */
    VISITED_NOBODY, /* no server of mail answered */
    VISITED_WELL,   /* mail would go */
    VISITED_REFUSED,
};

/* visitor_visit - one visit, within a minute. told: the object of the address, which gets the outcome. */
enum visited visitor_visit(struct visitor *v, const struct ip *ip, cJSON *told);

#endif
