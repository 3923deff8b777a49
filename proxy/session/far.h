/*
 * far - the leg towards the server: one connection at a time, from dial to TLS, as a table [leg][event].     RFC 3207
 * 4, RFC 5321 3.1 It says itself only EHLO, HELO and STARTTLS (and QUIT when a connection is given up in good order);
 * what those are answered is eaten here. All else that the server says belongs to slots or txn. It does not decide: a
 * refused STARTTLS, a failed handshake, a list without STARTTLS are facts that the next verdict reads.
 */
#ifndef SESSION_FAR_H
#define SESSION_FAR_H

#include "base/buf.h"
#include "base/clock.h"
#include "io/stream.h"
#include "policy/facts.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"

struct session;

enum leg {
    LEG_NONE,     /* no connection; the next command that needs one dials */
    LEG_DIAL,     /* the broker was asked for one */
    LEG_CONNECT,  /* TCP */
    LEG_IMPLICIT, /* TLS before the banner: port 465 (RFC 8314 3.3) */
    LEG_BANNER,   /* waiting for 220; on the first connection the client gets it */
    LEG_HELLO,    /* our EHLO (or HELO) in clear */
    LEG_READY,    /* commands may go */
    LEG_STARTTLS, /* sent, not answered */
    LEG_HANDSHAKE,
    LEG_HELLO2, /* our EHLO inside TLS: nothing crosses before it is answered */
    LEG_TUNNEL, /* the client's own TLS: opaque bytes */
    LEG__COUNT
};

enum far_event {
    EV_DIAL,      /* a connection is needed */
    EV_DIALED,    /* the broker's descriptor is there */
    EV_CONNECTED, /* TCP is up */
    EV_GREETED,   /* banner done, and whoever speaks next is the client */
    EV_OK,        /* positive reply to what we said ourselves */
    EV_REFUSED,   /* another reply to it */
    EV_HELLO,     /* the list must be known first: say EHLO */
    EV_UPGRADE,
    EV_TLS_UP,
    EV_TLS_FAIL,
    EV_TUNNEL,  /* the client's STARTTLS got its 220 */
    EV_HANG_UP, /* we give this connection up in good order */
    EV_LOST,    /* it ended, or never began */
    EV_TIMEOUT,
    EV__COUNT
};

struct far {
    enum leg leg;
    struct stream stream; /* open in all legs but NONE and DIAL */
    bool open;
    unsigned generation;           /* of the channel: counts dials and upgrades; a match holds for one of them */
    unsigned dials;                /* in this decision */
    char sni[2][HOSTNAME_MAX + 1]; /* names shown in this decision, that of the open channel first; n_sni of them */
    unsigned n_sni;
    bool first;   /* this connection was dialled with the session: its banner is the client's, as it comes */
    bool greeted; /* it has taken an EHLO or HELO */
    bool listed;  /* `list` is what it answered to EHLO on this channel */
    bool dirty;   /* the client built something up (AUTH, XCLIENT, an unknown verb) that a fresh connection would lack:
                     never dial again */
    bool authed;  /* AUTH went out */
    bool starttls_refused;
    bool helo_tried;
    bool ended;               /* the stream told its end; what it brought before is still to be read */
    enum handshake handshake; /* FAILED outlives its connection until the decision is over */
    struct ehlo list;
    struct buf greeting; /* the last banner, where the client waits for the early upgrade */
    size_t reply_bytes;
    struct mono since; /* in this leg */
    char said[120];    /* why the last attempt failed: the server's or the library's words, printable */
};

/* far_step - the only writer of far.leg: looks the cell up, runs its action, goes on with the event that it returns. */
void far_step(struct session *s, enum far_event event);

/* far_reply - a reply line to what far said itself. Steps when the reply is whole. */
void far_reply(struct session *s, const struct reply_line *line);

/* far_offer - what the connection is known to offer. */
enum offer far_offer(const struct far *f);

/* far_idle - it is not in the middle of anything of its own: the client's commands may go. */
static inline bool far_ready(const struct far *f)
{
    return f->leg == LEG_READY;
}

/* far_is_implicit - is it TLS from the first byte on, and never clear? */
bool far_is_implicit(const struct session *s);

/* far_own - replies now are far's, not the client's. */
bool far_own(const struct far *f);

/* far_deadline_ms - how long this leg may last by itself; 0: as long as the decision may. */
int64_t far_deadline_ms(enum leg leg);

const char *far_leg_name(enum leg leg);

/* far_close - frees the connection, in good order (QUIT was sent, close_notify) or with a reset. */
void far_close(struct session *s, bool reset);

#endif
