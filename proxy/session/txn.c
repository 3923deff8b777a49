#include "session/txn.h"

#include "base/text.h"
#include "session/session.h"

#include <assert.h>
#include <stdio.h>

/* More dials than this in one decision are a server that plays with us: first try, another name, clear text (decide()
 * needs no more). */
#define DIALS_MAX 3

void txn_init(struct txn *t)
{
    t->state = TXN_IDLE;
    buf_init(&t->mail, t->mail_mem, sizeof t->mail_mem);
    buf_init(&t->reply, t->reply_mem, sizeof t->reply_mem);
    t->requiretls = t->spoilt = t->accepted = false;
    t->out = 0;
    t->bytes = 0;
    t->why = WHY_NONE;
}

void txn_end(struct session *s)
{
    for (unsigned i = 0; i < ASKS_MAX; i++)
        settle_domain(s, &s->asks.ask[i]);
    asks_forget(s);
    txn_init(&s->txn);
}

bool txn_deciding(const struct session *s)
{
    return s->decision.ms != 0;
}

/* ---- answers of our own --------------------------------------------------------------------------------------------
 */

static bool answer(struct session *s, struct span words)
{
    return slots_answer(&s->slots, words) == OK;
}

static bool answer_ok(struct session *s, const char *enhanced)
{
    char words[32];
    const bool codes = ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES);
    const int n = snprintf(words, sizeof words, "250 %s%sOk\r\n", codes ? enhanced : "", codes ? " " : "");

    return answer(s, span_of(words, (size_t)n));
}

static bool answer_bad_sequence(struct session *s)
{
    return answer(s, ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES) ? SPAN("503 5.5.1 Bad sequence of commands\r\n")
                                                                   : SPAN("503 Bad sequence of commands\r\n"));
}

static struct ask *ask_of(struct session *s, const struct slot *slot)
{
    return slot->ask < 0 ? NULL : &s->asks.ask[slot->ask];
}

static void decision_over(struct session *s)
{
    s->decision.ms = 0;
}

/* This command cannot leave: the client hears why, and only this command is touched. */
static bool refuse(struct session *s, struct slot *slot, unsigned code, enum why why, struct span detail)
{
    char words[WHY_REPLY_MAX];
    struct ask *const a = ask_of(s, slot);
    const size_t n = session_reply(s, code, why, a, detail, words);

    if (!answer(s, span_of(words, n)))
        return false;
    if (a != NULL) {
        a->refs--;
        if (slot->kind == SLOT_RCPT) {
            a->asked++;
            a->refused = why != WHY_CAPABILITY_DRIFT; /* the verdict would have let it go: failed, not refused */
            a->why = why;
            text_printable(detail.n > 0 ? detail : span_str(s->far.said), a->said, sizeof a->said);
        }
    } else if (slot->kind == SLOT_AUTH || slot->kind == SLOT_OTHER) {
        settle_session(s, why == WHY_CAPABILITY_DRIFT ? OUTCOME_FAILED : OUTCOME_REFUSED, why);
    }
    decision_over(s);
    return true;
}

/* ---- letting a line leave ------------------------------------------------------------------------------------------
 */

/* Without PIPELINING in the list of this channel, one command at a time (A21). */
static bool may_follow(const struct session *s)
{
    return far_ready(&s->far) && (!slots_open(&s->slots) || (s->far.listed && ehlo_has(&s->far.list, EHLO_PIPELINING)));
}

static bool send_line(struct session *s)
{
    if (stream_put(&s->far.stream, slots_line(&s->slots)) != OK)
        return false;
    slots_sent(&s->slots);
    decision_over(s);
    return true;
}

static bool drifts(const struct session *s, struct span line)
{
    struct command c;
    size_t used = 0;

    return s->shown_any && s->far.listed && command_line(line, &c, &used) == OK &&
           ehlo_drift(&s->shown, &s->far.list, &c);
}

/* ---- getting a channel ---------------------------------------------------------------------------------------------
 */

enum way {
    WAY_GO,
    WAY_WAIT,
    WAY_MOVED,
    WAY_REFUSE
};

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
        if (s->txn.state != TXN_SENT) /* each transaction tries TLS anew */
            f->handshake = HANDSHAKE_NOT_TRIED;
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

/* A connection in clear or in TLS, whichever there is: for what needs no verdict. */
static enum way any_connection(struct session *s)
{
    if (s->far.leg != LEG_NONE)
        return far_ready(&s->far) ? WAY_GO : WAY_WAIT;
    return dial(s);
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

/*
 * pursue - brings this command to a channel that its verdict accepts.
 *   returns  WAY_GO: it may leave now | WAY_WAIT | WAY_MOVED: something happened, look again | WAY_REFUSE: *why and
 * *detail say why
 */
static enum way pursue(struct session *s, struct ask *a, enum ask_for what, enum why *why, struct span *detail)
{
    enum way way = WAY_WAIT;

    begin_decision(s);
    *detail = span_of(NULL, 0);
    if ((a == NULL || a->state == ASK_READY) && (s->far.leg == LEG_NONE || far_ready(&s->far)))
        way = act_on(s, a, what, why, detail);
    if (way == WAY_WAIT && decision_late(s)) {
        *why = give_up(s);
        return WAY_REFUSE;
    }
    return way;
}

/* ---- the kinds -----------------------------------------------------------------------------------------------------
 */

static bool pump_hello(struct session *s)
{
    if (slots_open(&s->slots))
        return false;
    if (s->txn.state != TXN_IDLE)
        txn_end(s);
    begin_decision(s);
    if (decision_late(s) && s->far.leg != LEG_READY) {
        session_fail(s, WHY_UPSTREAM_SILENT, span_of(NULL, 0));
        return true;
    }
    switch (any_connection(s)) {
    case WAY_GO:
        if (!send_line(s))
            return false;
        ehlo_reset(&s->far.list);
        s->far.listed = false;
        return true;
    case WAY_MOVED:
        return true;
    case WAY_REFUSE:
        session_fail(s, WHY_DIAL_FAILED, span_str(s->far.said));
        return true;
    case WAY_WAIT:
        break;
    }
    return false;
}

static bool far_gone(const struct session *s)
{
    return s->far.leg == LEG_NONE;
}

static bool pump_plain(struct session *s, struct slot *slot)
{
    if (far_gone(s)) {
        if (slot->verb == VERB_NOOP)
            return answer_ok(s, "2.0.0");
        return refuse(s, slot, 451, WHY_UPSTREAM_LOST, span_of(NULL, 0));
    }
    return may_follow(s) && send_line(s);
}

static bool pump_rset(struct session *s)
{
    if (slots_open(&s->slots) || (!far_gone(s) && !far_ready(&s->far)))
        return false;
    if (s->txn.state != TXN_IDLE)
        txn_end(s);
    return far_gone(s) ? answer_ok(s, "2.0.0") : send_line(s);
}

static bool pump_quit(struct session *s, struct slot *slot)
{
    if (slots_open(&s->slots) || (!far_gone(s) && !far_ready(&s->far)))
        return false;
    if (s->txn.state != TXN_IDLE)
        txn_end(s);
    if (!far_gone(s))
        return send_line(s);
    slot->close = true;
    return answer(s, ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES) ? SPAN("221 2.0.0 Bye\r\n") : SPAN("221 Bye\r\n"));
}

static bool has_param(const struct mail_args *args, struct span wanted)
{
    struct span params = args->params, name, value;

    while (command_next_param(&params, &name, &value))
        if (text_eq_nocase(name, wanted))
            return true;
    return false;
}

/* MAIL is held in every transaction: whose it is, only RCPT tells. */
static bool pump_mail(struct session *s, struct slot *slot)
{
    struct txn *const t = &s->txn;
    const struct span line = slots_line(&s->slots);
    struct command c;
    struct mail_args args;
    size_t used = 0;

    if (slots_open(&s->slots))
        return false;
    if (t->state != TXN_IDLE)
        return answer_bad_sequence(s);
    if (line.n > sizeof t->mail_mem)
        return refuse(s, slot, 451, WHY_TOO_LONG, span_of(NULL, 0));
    if (command_line(line, &c, &used) != OK || command_mail(&c, &args) != OK)
        return refuse(s, slot, 451, WHY_BAD_RECIPIENT, SPAN("no one sender can be read from this line"));
    txn_init(t);
    if (buf_put(&t->mail, line) != OK || !answer_ok(s, "2.1.0")) {
        txn_init(t);
        return false;
    }
    t->requiretls = has_param(&args, SPAN("REQUIRETLS"));
    t->state = TXN_HELD;
    return true;
}

/* The server said no to MAIL, or may not be asked: every RCPT hears it. */
static bool answer_dead(struct session *s, struct ask *a)
{
    if (!answer(s, buf_bytes(&s->txn.reply)))
        return false;
    a->refs--;
    a->asked++;
    a->why = s->txn.why;
    decision_over(s);
    return true;
}

static void mail_drifts(struct session *s)
{
    char words[WHY_REPLY_MAX];
    const size_t n = session_reply(s, 451, WHY_CAPABILITY_DRIFT, NULL, span_of(NULL, 0), words);

    buf_reset(&s->txn.reply);
    if (buf_put(&s->txn.reply, span_of(words, n)) != OK)
        assert(!"a reply of ours fits");
    s->txn.state = TXN_DEAD;
    s->txn.why = WHY_CAPABILITY_DRIFT;
}

static bool send_mail(struct session *s)
{
    struct txn *const t = &s->txn;

    if (slots_open(&s->slots))
        return false;
    if (drifts(s, buf_bytes(&t->mail))) {
        mail_drifts(s);
        return true;
    }
    if (stream_put(&s->far.stream, buf_bytes(&t->mail)) != OK)
        return false;
    t->state = TXN_MAILING;
    s->far.reply_bytes = 0;
    buf_reset(&t->reply);
    decision_over(s);
    return true;
}

static bool pump_recipient(struct session *s, struct slot *slot)
{
    struct ask *const a = ask_of(s, slot);
    const bool rcpt = slot->kind == SLOT_RCPT;
    enum why why = WHY_NONE;
    struct span detail;

    if (rcpt && s->txn.state == TXN_IDLE) {
        if (!answer_bad_sequence(s))
            return false;
        a->refs--;
        return true;
    }
    if (rcpt && s->txn.state == TXN_MAILING)
        return false;
    if (rcpt && s->txn.state == TXN_DEAD)
        return answer_dead(s, a);
    if (rcpt && a->refused && far_gone(s) &&
        a->why != WHY_BUDGET) /* one try a transaction: 50 recipients, not 50 dials */
        return refuse(s, slot, 451, a->why, span_of(NULL, 0));
    switch (pursue(s, a, FOR_RCPT, &why, &detail)) {
    case WAY_REFUSE:
        return refuse(s, slot, 451, why, detail);
    case WAY_MOVED:
        return true;
    case WAY_WAIT:
        return false;
    case WAY_GO:
        break;
    }
    if (rcpt && s->txn.state == TXN_HELD)
        return send_mail(s);
    if (drifts(s, slots_line(&s->slots)))
        return refuse(s, slot, 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0));
    if (!may_follow(s) || !send_line(s))
        return false;
    a->refs--;
    if (rcpt) {
        a->asked++;
        a->sent = s->verdict;
        s->txn.out++;
    }
    return true;
}

static bool pump_data(struct session *s, struct slot *slot)
{
    if (s->txn.state == TXN_MAILING)
        return false;
    if (s->txn.state == TXN_SENT && s->txn.out > 0 && !s->txn.spoilt && far_ready(&s->far))
        return may_follow(s) && send_line(s);
    if (!answer_bad_sequence(s))
        return false;
    near_content_refused(s, slot);
    return true;
}

/* BDAT: its octets follow its line wherever that goes, counted exactly. */
static bool pump_chunk(struct session *s, struct slot *slot)
{
    const bool sequence = s->txn.state != TXN_SENT || s->txn.out == 0 || !far_ready(&s->far);
    const bool drift = !sequence && drifts(s, slots_line(&s->slots));
    const uint64_t octets = slot->octets;
    bool moved;

    if (s->txn.state == TXN_MAILING)
        return false;
    if (!sequence && !drift && !s->txn.spoilt) {
        moved = may_follow(s) && send_line(s);
    } else {
        moved = drift || s->txn.spoilt ? refuse(s, slot, 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0))
                                       : answer_bad_sequence(s);
        if (moved && (drift || s->txn.spoilt)) {
            s->txn.spoilt = true;
            s->txn.why = WHY_CAPABILITY_DRIFT;
        }
    }
    if (!moved)
        return false;
    s->near.mode = NEAR_CHUNK;
    s->near.left = octets;
    s->near.swallow = slot->state == SLOT_ANSWERED_HERE;
    return true;
}

/* Verbs without an address: TLS first where it can be had, and AUTH never without. */
static bool pump_other(struct session *s, struct slot *slot)
{
    const bool auth = slot->kind == SLOT_AUTH;
    enum why why = WHY_NONE;
    struct span detail;

    if (s->txn.state == TXN_MAILING)
        return false;
    switch (pursue(s, NULL, auth ? FOR_AUTH : FOR_OTHER, &why, &detail)) {
    case WAY_REFUSE:
        return refuse(s, slot, auth ? 454 : 451, why, detail);
    case WAY_MOVED:
        return true;
    case WAY_WAIT:
        return false;
    case WAY_GO:
        break;
    }
    if (drifts(s, slots_line(&s->slots)))
        return refuse(s, slot, auth ? 454 : 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0));
    if (!may_follow(s) || !send_line(s))
        return false;
    s->far.dirty |= auth || slot->verb == VERB_XCLIENT || slot->verb == VERB_XFORWARD || slot->verb == VERB_OTHER;
    s->far.authed |= auth;
    return true;
}

static bool pump_starttls(struct session *s, struct slot *slot)
{
    if (slots_open(&s->slots))
        return false;
    if (far_gone(s))
        return refuse(s, slot, 454, WHY_UPSTREAM_LOST, span_of(NULL, 0));
    if (stream_is_tls(&s->far.stream)) /* sealed already: there is no tunnel to be had */
        return answer_bad_sequence(s);
    return far_ready(&s->far) && send_line(s);
}

static bool pump_continuation(struct session *s)
{
    if (far_gone(s)) { /* who asked for it is not there any more */
        session_fail(s, WHY_UPSTREAM_LOST, span_of(NULL, 0));
        return true;
    }
    return far_ready(&s->far) && send_line(s);
}

static bool pump(struct session *s, struct slot *slot)
{
    switch (slot->kind) {
    case SLOT_HELLO:
        return pump_hello(s);
    case SLOT_PLAIN:
        return s->txn.state != TXN_MAILING && pump_plain(s, slot);
    case SLOT_RSET:
        return s->txn.state != TXN_MAILING && pump_rset(s);
    case SLOT_QUIT:
        return s->txn.state != TXN_MAILING && pump_quit(s, slot);
    case SLOT_MAIL:
        return pump_mail(s, slot);
    case SLOT_RCPT:
    case SLOT_ADDRESS:
        return pump_recipient(s, slot);
    case SLOT_DATA:
        return pump_data(s, slot);
    case SLOT_BDAT:
        return pump_chunk(s, slot);
    case SLOT_AUTH:
    case SLOT_OTHER:
        return pump_other(s, slot);
    case SLOT_CONTINUATION:
        return pump_continuation(s);
    case SLOT_STARTTLS:
        return pump_starttls(s, slot);
    case SLOT_LOCAL:
        return refuse(s, slot, 451, (enum why)slot->why, span_of(NULL, 0));
    case SLOT_BANNER:
    case SLOT_CONTENT:
        break;
    }
    assert(!"banner and content are never waiting");
    return false;
}

bool txn_pump(struct session *s)
{
    struct slot *const slot = slots_next(&s->slots);

    if (slot == NULL || s->ending.ms != 0 || !pump(s, slot))
        return false;
    if (slot->state == SLOT_ANSWERED_HERE && slot->holds && s->near.mode == NEAR_HOLD)
        s->near.mode = NEAR_LINE;
    return true;
}

/* 552 to MAIL means `too big`, to RCPT it would mean `too many` (RFC 5321 4.5.3.1.10): it becomes 554. */
static void keep_no(struct txn *t, const struct reply_line *line)
{
    char code[4];
    const struct span rest = span_from(line->raw, 3);

    snprintf(code, sizeof code, "%03u", line->code == 552 ? 554 : line->code);
    if (buf_room(&t->reply) < line->raw.n)
        return; /* the first lines say enough, and the last one is made whole below */
    if (buf_put(&t->reply, span_of(code, 3)) != OK || buf_put(&t->reply, rest) != OK)
        assert(!"there was room");
}

void txn_mail_reply(struct session *s, const struct reply_line *line)
{
    struct txn *const t = &s->txn;
    const size_t used = buf_used(&t->reply);

    s->far.reply_bytes += line->raw.n;
    if (s->far.reply_bytes > REPLY_BYTES_MAX) {
        session_fail(s, WHY_PROTOCOL, SPAN("the server's reply has no end"));
        return;
    }
    if (line->code / 100 == 3) {
        session_fail(s, WHY_PROTOCOL, SPAN("the server asks for content where MAIL was sent"));
        return;
    }
    if (line->code / 100 != 2 && (!line->last || used + line->raw.n <= sizeof t->reply_mem))
        keep_no(t, line);
    else if (line->code / 100 != 2) { /* too long to keep: what the client gets must still end */
        char last[40];
        const int n = snprintf(last, sizeof last, "%03u MAIL refused\r\n", line->code == 552 ? 554 : line->code);

        buf_reset(&t->reply);
        if (buf_put(&t->reply, span_of(last, (size_t)n)) != OK)
            assert(!"an empty buffer takes it");
    }
    stream_take(&s->far.stream, line->raw.n);
    if (!line->last)
        return;
    if (line->code / 100 == 2) {
        t->state = TXN_SENT;
        return;
    }
    t->state = TXN_DEAD;
    for (unsigned i = 0; i < ASKS_MAX; i++)
        text_printable(buf_bytes(&t->reply), s->asks.ask[i].said, sizeof s->asks.ask[i].said);
}
