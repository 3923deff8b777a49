#include "session/pump.h"

#include "base/text.h"
#include "session/answer.h"
#include "session/channel.h"
#include "session/session.h"

#include <assert.h>

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
    channel_decided(s);
    return true;
}

static bool drifts(const struct session *s, struct span line)
{
    struct command c;
    size_t used = 0;

    return s->shown_any && s->far.listed && command_line(line, &c, &used) == OK &&
           ehlo_drift(&s->shown, &s->far.list, &c);
}

/* ---- the kinds -----------------------------------------------------------------------------------------------------
 */

static bool is_welcome(struct span banner)
{
    return span_eq(span_first(banner, 3), SPAN("220"));
}

/* The early upgrade: the client hears the banner when the channel is what the site asks of this address, or why not.
 * Until the server has greeted, the time is the server's. Only its first answer is the client's: what a second
 * connection is told, the client has not asked for, and a 554 there must not bounce its mail. */
static bool pump_banner(struct session *s, struct slot *slot)
{
    const struct span banner = buf_bytes(&s->far.greeting);
    const enum leg leg = s->far.leg;
    struct ask *const a = asks_of(s, slot);
    enum why why = WHY_NONE;
    struct span detail;

    if (!channel_deciding(s) && (leg == LEG_CONNECT || leg == LEG_BANNER))
        return false;
    if (!channel_deciding(s) && banner.n > 0 && !is_welcome(banner)) { /* A10: as without us; nothing to upgrade */
        slot->close = true;
        return answer_words(s, banner);
    }
    switch (channel_pursue(s, a, FOR_OTHER, &why, &detail)) {
    case WAY_REFUSE:
        slot->close = true;
        if (!answer_refuse(s, slot, 421, why, detail))
            return false;
        if (far_ready(&s->far))
            far_step(s, EV_HANG_UP);
        return true;
    case WAY_MOVED:
        return true;
    case WAY_WAIT:
        return false;
    case WAY_GO:
        break;
    }
    if (!answer_words(s, banner))
        return false;
    if (a != NULL)
        a->refs--;
    channel_decided(s);
    return true;
}

/* A smarthost's list is the one inside TLS, on a fresh connection too. */
static bool pump_hello(struct session *s, struct slot *slot)
{
    struct ask *const a = asks_of(s, slot);
    struct span detail = span_of(NULL, 0);
    enum why why = WHY_NONE;

    if (slots_open(&s->slots))
        return false;
    if (s->txn.state != TXN_IDLE)
        txn_end(s);
    switch (a == NULL ? channel_any(s, &why) : channel_pursue(s, a, FOR_OTHER, &why, &detail)) {
    case WAY_GO:
        if (!send_line(s))
            return false;
        if (a != NULL)
            a->refs--;
        ehlo_reset(&s->far.list);
        s->far.listed = false;
        return true;
    case WAY_MOVED:
        return true;
    case WAY_REFUSE:
        if (a != NULL)
            settle_session(s, a, OUTCOME_REFUSED, why, detail);
        session_fail(s, why, a == NULL ? span_str(s->far.said) : detail);
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
        return answer_refuse(s, slot, 451, WHY_UPSTREAM_LOST, span_of(NULL, 0));
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
    return answer_words(s, ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES) ? SPAN("221 2.0.0 Bye\r\n")
                                                                         : SPAN("221 Bye\r\n"));
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
    if (line.n > MAIL_LINE_MAX)
        return answer_refuse(s, slot, 451, WHY_TOO_LONG, span_of(NULL, 0));
    if (command_line(line, &c, &used) != OK || command_mail(&c, &args) != OK)
        return answer_refuse(s, slot, 451, WHY_BAD_RECIPIENT, SPAN("no one sender can be read from this line"));
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
    if (!answer_words(s, buf_bytes(&s->txn.reply)))
        return false;
    a->refs--;
    a->asked++;
    a->why = s->txn.why;
    channel_decided(s);
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
    channel_decided(s);
    return true;
}

/* A probe has what it came for: a polite end in front of the mail that it does not have. */
static bool tell_probe(struct session *s, struct ask *a, enum why why, struct span detail)
{
    s->host->judged(s->host->self, s, a, why, detail);
    far_step(s, EV_HANG_UP);
    session_leave(s, false);
    return true;
}

static bool pump_recipient(struct session *s, struct slot *slot)
{
    struct ask *const a = asks_of(s, slot);
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
        return answer_refuse(s, slot, 451, a->why, span_of(NULL, 0));
    switch (channel_pursue(s, a, FOR_RCPT, &why, &detail)) {
    case WAY_REFUSE:
        return s->host->judged != NULL ? tell_probe(s, a, why, detail) : answer_refuse(s, slot, 451, why, detail);
    case WAY_MOVED:
        return true;
    case WAY_WAIT:
        return false;
    case WAY_GO:
        if (s->host->judged != NULL)
            return tell_probe(s, a, WHY_NONE, detail);
        break;
    }
    if (rcpt && s->txn.state == TXN_HELD)
        return send_mail(s);
    if (drifts(s, slots_line(&s->slots)))
        return answer_refuse(s, slot, 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0));
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
    if (s->txn.state == TXN_MAILING || (s->txn.content && slots_open(&s->slots))) /* its answer ends the transaction */
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
        moved = drift || s->txn.spoilt ? answer_refuse(s, slot, 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0))
                                       : answer_bad_sequence(s);
        if (moved && (drift || s->txn.spoilt)) {
            s->txn.spoilt = true;
            s->txn.why = WHY_CAPABILITY_DRIFT;
        }
    }
    if (!moved)
        return false;
    s->txn.content = true;
    s->near.mode = NEAR_CHUNK;
    s->near.left = octets;
    s->near.swallow = slot->state == SLOT_ANSWERED_HERE;
    return true;
}

/* Verbs without an address: TLS first where it can be had, and AUTH never without. */
static bool pump_other(struct session *s, struct slot *slot)
{
    const bool auth = slot->kind == SLOT_AUTH;
    struct ask *const a = asks_of(s, slot);
    enum why why = WHY_NONE;
    struct span detail;

    if (s->txn.state == TXN_MAILING)
        return false;
    switch (channel_pursue(s, a, auth ? FOR_AUTH : FOR_OTHER, &why, &detail)) {
    case WAY_REFUSE:
        return answer_refuse(s, slot, auth ? 454 : 451, why, detail);
    case WAY_MOVED:
        return true;
    case WAY_WAIT:
        return false;
    case WAY_GO:
        break;
    }
    if (drifts(s, slots_line(&s->slots)))
        return answer_refuse(s, slot, auth ? 454 : 451, WHY_CAPABILITY_DRIFT, span_of(NULL, 0));
    if (!may_follow(s) || !send_line(s))
        return false;
    if (a != NULL)
        a->refs--;
    s->far.dirty |= auth || slot->verb == VERB_XCLIENT || slot->verb == VERB_XFORWARD || slot->verb == VERB_OTHER;
    s->far.authed |= auth;
    return true;
}

/* The client's own, which ends here: once, outside a transaction, and behind all that it is still owed. */
static bool pump_terminate(struct session *s, struct slot *slot)
{
    if (stream_is_tls(&s->near.stream) || s->txn.state != TXN_IDLE)
        return answer_bad_sequence(s);
    if (s->host->near_tls == NULL)
        return answer_refuse(s, slot, 454, WHY_OVERLOAD, SPAN("the box's own certificate is not at hand"));
    return slots_head(&s->slots) == slot && near_seal(s);
}

static bool pump_starttls(struct session *s, struct slot *slot)
{
    switch (s->host->config->client_starttls) {
    case STARTTLS_DECLINE:
        return answer_refuse(s, slot, 454, WHY_DECLINED, span_of(NULL, 0));
    case STARTTLS_TERMINATE:
        return pump_terminate(s, slot);
    case STARTTLS_PASSTHROUGH:
        break;
    }
    if (stream_is_tls(&s->near.stream)) /* a reload came between */
        return answer_bad_sequence(s);
    if (slots_open(&s->slots))
        return false;
    if (far_gone(s))
        return answer_refuse(s, slot, 454, WHY_UPSTREAM_LOST, span_of(NULL, 0));
    if (stream_is_tls(&s->far.stream)) /* no tunnel to be had; the list in clear offered one, so it is 4xx (R7) */
        return answer_refuse(s, slot, 454, WHY_DECLINED, SPAN("this session is sealed already"));
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
        return pump_hello(s, slot);
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
        return answer_refuse(s, slot, 451, (enum why)slot->why, span_of(NULL, 0));
    case SLOT_BANNER:
        return pump_banner(s, slot);
    case SLOT_CONTENT:
        break;
    }
    assert(!"content is never waiting");
    return false;
}

/* Nothing is owed and yet something is there: it must not become the reply to what we are about to send (A30). */
static bool stands_unasked(const struct session *s)
{
    return far_ready(&s->far) && !slots_open(&s->slots) && s->txn.state != TXN_MAILING &&
           stream_in(&s->far.stream).n != 0;
}

bool pump_step(struct session *s)
{
    struct slot *const slot = slots_next(&s->slots);

    if (slot == NULL || s->ending.ms != 0 || (s->far.open && s->far.ended) || stands_unasked(s) || !pump(s, slot))
        return false;
    if (slot->state == SLOT_ANSWERED_HERE && slot->holds && s->near.mode == NEAR_HOLD)
        s->near.mode = NEAR_LINE;
    return true;
}
