/*
 * asks - a recipient domain's way to a verdict: route from the resolver, memory from the keeper, then facts. DESIGN.md
 * 'The core of a session' All domains of the lines already read are asked for at once; an answer serves one transaction
 * (and what was pipelined behind it), and there no recipient that comes after its TTL. Also gathers what came of the
 * domain in this transaction: its record.
 */
#ifndef SESSION_ASKS_H
#define SESSION_ASKS_H

#include "base/clock.h"
#include "io/tls.h"
#include "ops/record.h"
#include "policy/decide.h"
#include "smtp/hostname.h"

struct session;
struct slot;

enum ask_state {
    ASK_FREE,
    ASK_ROUTE,
    ASK_MEMORY,
    ASK_READY
};

struct ask {
    enum ask_state state;
    uint32_t number;        /* of the question that is out; the answer carries it */
    struct hostname domain; /* n = 0: literals and bare postmasters */
    enum level level;
    bool asks_mx;        /* verify, secure: the domain's MX hosts are who is taken */
    bool is_smarthost;   /* the level is that of the address */
    unsigned refs;       /* WAITING slots that name it */
    struct mono since;   /* of the question that is out */
    struct route *route; /* owned; NULL where no DNS is asked */
    struct mono stale;   /* from then on the route is not to be used for a further recipient */
    struct candidates candidates;
    enum grace grace;
    enum latch latch;
    /* the captured chain of channel `generation` against this domain */
    unsigned generation;
    enum matched matched;
    enum why mismatch;
    enum auth auth;            /* what it showed, for the log */
    struct match_answer match; /* at the levels that rest on TLSA */
    struct tlsa record;        /* the one that matched, and */
    unsigned host;             /* whose: index into route->host */
    /* in this transaction */
    uint32_t asked, accepted;
    struct verdict sent; /* under which the last recipient went out */
    bool refused;        /* a recipient got our refusal */
    enum why why;        /* its reason, or what else came between */
    bool tls_failed, tls_done;
    char said[120]; /* the words that belong to `why` */
};

struct asks {
    unsigned n; /* <= ASKS_MAX: no other was ever in use, and its memory is not touched */
    struct ask ask[ASKS_MAX];
};

/* asks_find - the ask of this domain (NULL: a recipient without one), begun where it is new; its index, or -1 where
 * none is left. */
int asks_find(struct session *s, const struct hostname *domain);

/* asks_of - that of this slot; NULL: it has none. */
struct ask *asks_of(struct session *s, const struct slot *slot);

/* asks_address - gives this slot, of a command without a recipient, an ask where the site says something of whoever is
 * at this address: a smarthost, or a default level that names its peer. Where none is left it becomes a refusal. */
void asks_address(struct session *s, struct slot *slot);

/* asks_route, asks_remember - an answer came. The route is taken over. False: no ask of this number. */
bool asks_route(struct session *s, uint32_t number, struct route *route);
bool asks_remember(struct session *s, uint32_t number, enum grace grace);

/* asks_unanswered - its route is waited for no longer: it counts as failed. */
void asks_unanswered(struct session *s, struct ask *a);

/* asks_lost - the resolver or the keeper behind open questions is gone: they are answered as failed. */
void asks_lost(struct session *s, bool resolver);

/* asks_tick - memory that was silent for too long is unknown. Returns the next deadline, or INT64_MAX ms. */
struct mono asks_tick(struct session *s, struct mono now);

/* asks_level - of what has no recipient. */
uint8_t asks_level(const struct session *s);

/* asks_facts - everything known about this domain and the channel that exists; a = NULL for verbs without an address.
 */
struct facts asks_facts(struct session *s, struct ask *a, enum ask_for what);

/* asks_sni - the name for the next handshake on behalf of this ask: the first of its two that was not shown yet; empty
 * for none. */
struct span asks_sni(const struct session *s, const struct ask *a);

/* asks_floor - the least TLS version: 1.2 where the level or the DNS asks for authentication. a = NULL: any. */
enum tls_floor asks_floor(const struct ask *a);

/* asks_host - what the log calls mx. */
struct span asks_host(const struct session *s, const struct ask *a);

/* asks_forget - at the end of a transaction: frees those that no waiting slot names, resets the others' gatherings. */
void asks_forget(struct session *s);
void asks_free(struct session *s);

#endif
