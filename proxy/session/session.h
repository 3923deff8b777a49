/*
 * session - one connection, both sides: near, far, txn, the slots between them and the asks.     DESIGN.md 'The core of
 * a session' One allocation of known size. It does no I/O but by its two streams and asks its host for everything else,
 * so that a test can be its whole world. Every entry runs session_step, which moves whatever can move, asserts the
 * invariants, and sets one timer.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "ops/config.h"
#include "session/asks.h"
#include "session/far.h"
#include "session/near.h"
#include "session/settle.h"
#include "session/slots.h"
#include "session/txn.h"

struct session;

/* What a session needs of the process it lives in. `host` is passed back in each call. */
struct session_host {
    void *self;
    struct loop *loop;
    struct tls_ctx *tls[2];   /* by enum tls_floor */
    struct tls_ctx *near_tls; /* as server, with the box's own certificate; NULL: none is at hand */
    struct tls_ctx
        *shown[CREDENTIALS_MAX]; /* as client, with a certificate, by config.credential; NULL: there is none */
    const struct config *config; /* the configuration of the day: a session reads it anew for each decision */
    struct mono (*mono)(void *self);
    struct wall (*wall)(void *self);
    enum clock_state (*clock)(void *self); /* may `wall` be believed? */
    const struct cert *roots;              /* public ones, n_roots of them: for the levels verify and secure */
    size_t n_roots;
    uint32_t (*number)(void *self); /* a question's number, not in use by any other */
    /* ask_route, ask_memory - false: nobody is there to ask. The answer comes by session_route, session_memory, never
     * from inside the call. */
    bool (*ask_route)(void *self, uint32_t number, const struct hostname *domain, bool is_host, const struct ip *far,
                      uint16_t port);
    bool (*ask_memory)(void *self, uint32_t number, const struct ip *client, const struct ip *server,
                       const struct hostname *domain, struct span host);
    bool (*dial)(void *self, struct session *s);                  /* answered by session_dialed */
    void (*timer)(void *self, struct session *s, struct mono at); /* one a session; session_timeout is called then */
    void (*record)(void *self, const struct record *r);
    void (*over)(void *self,
                 struct session *s); /* the last word: free it by session_free, but not from inside this call */
    /* judged - NULL in the daemon. Where a probe wants to know what would become of mail: the first recipient could
     * leave now in the channel that there is (why = WHY_NONE), or is refused, with `detail` as in session_reply.
     * Neither MAIL nor RCPT leaves, and the session ends. */
    void (*judged)(void *self, struct session *s, struct ask *a, enum why why, struct span detail);
};

/* What passes through. First in a session, which begins a page, so that all of it can go back at once when it is empty.
 */
struct passing {
    uint8_t near[STREAM_MEMORY], far[STREAM_MEMORY], lines[SLOTS_LINES], words[SLOTS_WORDS], mail[MAIL_LINE_MAX];
};

struct session {
    struct passing passing;
    uint64_t id;
    const struct session_host *host;
    void *place; /* the host's */
    struct ip client, server;
    uint16_t server_port; /* that was dialled */
    bool early;           /* a smarthost: TLS before the client hears anything */
    struct near near;
    struct far far;
    struct txn txn;
    struct slots slots;
    struct ehlo shown; /* the list that the client saw last; `far.list` is what the channel really offers */
    bool shown_any;
    struct mono decision;   /* when the decision that is being waited for began; ms = 0: none */
    struct verdict verdict; /* the last one that was acted upon */
    struct mono active;     /* the last byte from either side */
    struct mono ending;     /* goodbye was said: when; ms = 0: not yet */
    bool over;              /* nothing left to do */
    bool stepping;
    bool laboured;       /* a chain cost signatures in this step: other sessions get their turn before it goes on */
    size_t tunnel_bytes; /* that we saw of the client's own TLS; 0: it has not begun, and the streams are not joined */
    bool advised;        /* of AUTH and where it went, in a record, once */
    bool tunnel_settled; /* it has its record */
    size_t relayed;      /* bytes of the head's reply that the client has */
    bool used;           /* something passed since it last rested */
    struct asks asks;    /* usually one of them: what is rarely written comes last */
    uint8_t reply[HELD_REPLY_MAX], greeting[GREETING_MAX];
};

/*
 * session_new - over a connected client and a connecting server descriptor (to server_port), both taken. `place` is the
 * host's own, kept in the session. returns  a session that does nothing before session_start; NULL: no memory, the
 * descriptors are closed
 */
struct session *session_new(const struct session_host *host, void *place, uint64_t id, const struct ip *client,
                            const struct ip *server, uint16_t server_port, int near_fd, int far_fd);
void session_start(struct session *s);
void session_free(struct session *s);

/* answers from outside; each false where the session does not know the number */
bool session_route(struct session *s, uint32_t number, struct route *route);
bool session_memory(struct session *s, uint32_t number, enum grace grace);
void session_dialed(struct session *s, int fd, uint16_t port); /* fd -1: it could not; the port that was dialled */
void session_lost(struct session *s, bool resolver);           /* the resolver (or the keeper) died */
void session_timeout(struct session *s);

/* session_kill - 421 where it can be said, and the end. */
void session_kill(struct session *s, enum why why);

/* -- for the rooms of a session only -- */
void session_step(struct session *s);

/* session_fail - ends it: 421 with the word of `why` where no reply is half said, a reset of the far side. */
void session_fail(struct session *s, enum why why, struct span detail);

/* session_leave - both sides are closed, the near one after what it is still owed. */
void session_leave(struct session *s, bool reset_far);

/* session_reply - text of a refusal about this ask (NULL: about none) into out (WHY_REPLY_MAX); its length. */
size_t session_reply(const struct session *s, unsigned code, enum why why, const struct ask *a, struct span detail,
                     char *out);

static inline struct mono session_now(const struct session *s)
{
    return s->host->mono(s->host->self);
}

#endif
