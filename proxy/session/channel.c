#include "session/channel.h"

#include "session/session.h"

/* More dials than this in one decision are a server that plays with us: first try, another name, clear text (decide()
 * needs no more). */
#define DIALS_MAX 3

void channel_decided(struct session *s)
{
    s->decision.ms = 0;
}

void channel_undecided(struct session *s)
{
    if (s->decision.ms == 0)
        s->decision = session_now(s);
}

bool channel_deciding(const struct session *s)
{
    return s->decision.ms != 0;
}

/* While the far side owes replies the time is the server's, not ours. */
static void begin_decision(struct session *s)
{
    struct far *const f = &s->far;

    if (s->decision.ms != 0) {
        if (slots_open(&s->slots))
            s->decision = session_now(s);
        return;
    }
    s->decision = session_now(s);
    f->dials = 0;
    if (f->leg == LEG_NONE)
        f->said[0] = '\0';
    if (f->leg == LEG_READY && stream_is_tls(&f->stream)) {
        f->n_sni = 1;
    } else {
        f->n_sni = 0;
        if (s->txn.state != TXN_SENT && !(far_ready(f) && slots_next(&s->slots)->kind == SLOT_HELLO))
            f->handshake = HANDSHAKE_NOT_TRIED; /* each transaction tries TLS anew */
    }
}

static bool decision_late(const struct session *s)
{
    return session_now(s).ms - s->decision.ms >= (int64_t)s->host->config->decision_s * 1000;
}

static enum way dial(struct session *s)
{
    if (s->far.dials >= DIALS_MAX ||
        s->far.dirty) /* a fresh connection would lack what the client built up on the old one */
        return WAY_REFUSE;
    far_step(s, EV_DIAL);
    return WAY_MOVED;
}

enum way channel_any(struct session *s, enum why *why)
{
    begin_decision(s);
    if (s->far.leg == LEG_READY)
        return WAY_GO;
    if (decision_late(s)) {
        *why = WHY_UPSTREAM_SILENT;
        return WAY_REFUSE;
    }
    *why = WHY_DIAL_FAILED;
    return s->far.leg == LEG_NONE ? dial(s) : WAY_WAIT;
}

/* The next thing that this verdict needs, on behalf of a command that may still change the channel. */
static enum way follow(struct session *s, const struct verdict *v)
{
    struct far *const f = &s->far;

    if (f->leg != LEG_NONE && f->leg != LEG_READY)
        return WAY_WAIT;
    switch (v->act) {
    case ACT_SEND:
        return f->leg == LEG_READY ? WAY_GO : dial(s);
    case ACT_REFUSE:
        return WAY_REFUSE;
    case ACT_UPGRADE:
        if (f->leg == LEG_NONE)
            return dial(s);
        if (slots_open(&s->slots) || stream_in(&f->stream).n != 0)
            return WAY_WAIT;
        far_step(s, f->listed ? EV_UPGRADE : EV_HELLO);
        return WAY_MOVED;
    case ACT_REDIAL:
        if (f->leg == LEG_NONE)
            return dial(s);
        if (slots_open(&s->slots))
            return WAY_WAIT;
        if (f->handshake == HANDSHAKE_DONE) /* the certificate was another host's: once more, under the next name */
            f->handshake = HANDSHAKE_NOT_TRIED;
        far_step(s, EV_HANG_UP);
        return WAY_MOVED;
    }
    return WAY_REFUSE;
}

/* Nobody may change the channel under an open transaction, nor take from the client what it built up on this
 * connection. */
static bool channel_fixed(const struct session *s, enum act act)
{
    return (s->txn.state == TXN_SENT && (act == ACT_UPGRADE || act == ACT_REDIAL)) ||
           (s->far.dirty && act == ACT_REDIAL);
}

static struct verdict judge(struct session *s, struct ask *a, enum ask_for what)
{
    const struct facts f = asks_facts(s, a, what);
    const struct verdict v = decide(&f);

    if (a != NULL) {
        a->tls_failed |= f.handshake == HANDSHAKE_FAILED || f.offer == OFFER_REFUSED;
        a->tls_done |= f.handshake == HANDSHAKE_DONE;
    }
    return v;
}

/* What judged facts ask for, carried out. */
static enum way act_on(struct session *s, struct ask *a, enum ask_for what, enum why *why, struct span *detail)
{
    const struct verdict v = judge(s, a, what);

    s->verdict = v;
    *why = v.why;
    if (channel_fixed(s, v.act)) {
        *why = WHY_CHANNEL_MISFIT;
        return WAY_REFUSE;
    }
    if (v.act == ACT_REDIAL && s->far.handshake == HANDSHAKE_FAILED && far_is_implicit(s)) {
        *why = WHY_HANDSHAKE_FAILED; /* in clear there is nothing on that port */
        *detail = span_str(s->far.said);
        return WAY_REFUSE;
    }
    const enum way way = follow(s, &v);

    if (way == WAY_REFUSE && v.act != ACT_REFUSE)
        *why = WHY_DIAL_FAILED;
    if (*why == WHY_DIAL_FAILED || *why == WHY_HANDSHAKE_FAILED || *why == WHY_STARTTLS_REFUSED)
        *detail = span_str(s->far.said);
    return way;
}

/* The time for it is over: what is half done is given up, what is being looked up goes on and is there for the next
 * try. */
static enum why give_up(struct session *s)
{
    if (s->far.leg == LEG_NONE || far_ready(&s->far))
        return WHY_BUDGET;
    far_step(s, EV_TIMEOUT);
    return WHY_UPSTREAM_SILENT;
}

enum way channel_pursue(struct session *s, struct ask *a, enum ask_for what, enum why *why, struct span *detail)
{
    enum way way = WAY_WAIT;

    begin_decision(s);
    *detail = span_of(NULL, 0);
    if ((a == NULL || a->state == ASK_READY) && (s->far.leg == LEG_NONE || far_ready(&s->far)))
        way = act_on(s, a, what, why, detail);
    if (way == WAY_WAIT && decision_late(s)) {
        if (!s->host->config->enforce && a != NULL && a->state == ASK_ROUTE) {
            asks_unanswered(s, a); /* observe mode refuses nothing: on with what is known, and `would` in the log */
            s->decision = session_now(s);
            return WAY_MOVED;
        }
        *why = give_up(s);
        return WAY_REFUSE;
    }
    return way;
}
