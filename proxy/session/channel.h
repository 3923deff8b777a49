/*
 * channel - from the verdict on one command to a connection that satisfies it: dial, upgrade, dial again.     DESIGN.md
 * 'One decision budget' A decision begins when a command that needs a channel is the next to leave, and is over when it
 * has left or was refused. Only here are verdicts acted upon. Never changes a channel under an open transaction, nor
 * one on which the client built something up.
 */
#ifndef SESSION_CHANNEL_H
#define SESSION_CHANNEL_H

#include "session/asks.h"

struct session;

enum way {
    WAY_GO,    /* it may leave now */
    WAY_WAIT,  /* for an answer, a reply, a connection */
    WAY_MOVED, /* something happened: look again */
    WAY_REFUSE /* it may not */
};

/*
 * channel_pursue - brings a command to a channel that its verdict accepts.
 *   a       of its recipient; NULL for verbs without an address
 *   why     with WAY_REFUSE the reason, *detail words that replace its sentence (empty: none)
 */
enum way channel_pursue(struct session *s, struct ask *a, enum ask_for what, enum why *why, struct span *detail);

/* channel_any - a connection in clear or in TLS, whichever there is: for EHLO, which needs no verdict. *why: with
 * WAY_REFUSE. */
enum way channel_any(struct session *s, enum why *why);

/* channel_decided - the command left, or was refused. channel_deciding - is a decision being waited for (since
 * session.decision)? */
void channel_decided(struct session *s);
void channel_undecided(struct session *s); /* what ended it did not hold: it goes on */
bool channel_deciding(const struct session *s);

#endif
