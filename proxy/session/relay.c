#include "session/relay.h"

#include "base/text.h"
#include "session/session.h"

#include <assert.h>

/* ---- replies of the far side ---------------------------------------------------------------------------------------
 */

static void count_recipient(struct session *s, const struct slot *slot, const struct reply_line *line)
{
    struct ask *const a = &s->asks.ask[slot->ask];

    if (a->accepted >= a->asked)
        return; /* its transaction is over: a server that refused a chunk says this too late */
    if (line->code / 100 == 2)
        a->accepted++;
    else
        text_printable(line->raw, a->said, sizeof a->said);
}

static void content_done(struct session *s, const struct reply_line *line)
{
    s->txn.accepted = line->code / 100 == 2;
    for (unsigned i = 0; i < s->asks.n && !s->txn.accepted; i++)
        text_printable(line->raw, s->asks.ask[i].said, sizeof s->asks.ask[i].said);
    txn_end(s);
}

static void data_answered(struct session *s, struct slot *slot, unsigned code)
{
    if (code / 100 != 3) { /* to most clients any 3xx is the word to go */
        near_content_refused(s, slot);
        return;
    }
    s->near.mode = NEAR_DATA;
    frame_init(&s->near.frame, s->near.ending, s->host->config->ambiguous == AMBIGUOUS_REFUSE);
}

/* May a 3xx ask for a line that nobody reads? In clear, where anybody can write one, only of AUTH (invariant 2). */
static bool may_continue(const struct session *s, const struct slot *slot)
{
    return slot->kind == SLOT_AUTH || slot->kind == SLOT_CONTINUATION || stream_is_tls(&s->far.stream);
}

/* The whole reply to the head is with the client. */
static void answered(struct session *s, struct slot *slot, const struct reply_line *line)
{
    const unsigned code = line->code;

    if (slot->holds && s->near.mode == NEAR_HOLD)
        s->near.mode = code / 100 == 3 && may_continue(s, slot) ? NEAR_CONTINUATION : NEAR_LINE;
    switch (slot->kind) {
    case SLOT_BANNER:
        s->near.mode = NEAR_LINE;
        far_step(s, EV_GREETED);
        break;
    case SLOT_HELLO:
        if (code / 100 == 2) {
            s->far.greeted = true;
            s->far.listed = slot->verb == VERB_EHLO;
            s->shown = s->far.list;
            s->shown_any = true;
        } else { /* what a refusal says lists nothing (A13) */
            ehlo_reset(&s->far.list);
            s->far.listed = slot->verb == VERB_EHLO && s->far.greeted; /* nothing is offered (A9) */
        }
        break;
    case SLOT_RCPT:
        count_recipient(s, slot, line);
        break;
    case SLOT_DATA:
        data_answered(s, slot, code);
        break;
    case SLOT_CONTENT:
        content_done(s, line);
        break;
    case SLOT_BDAT:
        if (slot->last || code / 100 != 2)
            content_done(s, line);
        break;
    case SLOT_STARTTLS:
        if (code == 220) {
            s->near.mode = NEAR_TUNNEL;
            if (s->txn.state != TXN_IDLE)
                txn_end(s);
            far_step(s, EV_TUNNEL);
        }
        break;
    case SLOT_QUIT:
        slot->close = true;
        break;
    case SLOT_PLAIN:
    case SLOT_RSET:
    case SLOT_MAIL:
    case SLOT_ADDRESS:
    case SLOT_AUTH:
    case SLOT_OTHER:
    case SLOT_CONTINUATION:
    case SLOT_LOCAL:
        break;
    }
}

/* Octets behind a refused DATA, or the goodbye to QUIT: nothing more is said after this reply. */
static void close_after(struct session *s, const struct slot *slot)
{
    if (slot->kind == SLOT_DATA)
        session_fail(s, WHY_AMBIGUOUS_END, SPAN("content stands behind a refused DATA"));
    else
        session_leave(s, false);
}

/*
 * Inside its own TLS the client is not told of STARTTLS (RFC 3207 4.2): the line is left out of the list, and where it
 * was the last, the one before becomes that. So a line goes only when what stands behind it is known.
 *   shown    the line that goes; its `last` and the sign for it may change. raw.n = 0: none
 *   returns  how many bytes of the far side's that settles; 0: more must come first
 */
static size_t without_starttls(struct session *s, const struct reply_line *line, struct reply_line *shown)
{
    const struct span in = stream_in(&s->far.stream);
    struct reply_line next = *line;
    size_t used = line->raw.n;

    *shown = *line;
    if (s->relayed > 0 && !line->last && ehlo_names(line->text, EHLO_STARTTLS)) {
        shown->raw.n = 0;
        return used;
    }
    while (!next.last) {
        const enum rc rc = reply_line_parse(span_from(in, used), &next);

        if (rc == MORE && in.n < STREAM_BUFFER)
            return 0;
        if (rc != OK || next.code != line->code || !ehlo_names(next.text, EHLO_STARTTLS))
            return line->raw.n;
        used += next.raw.n;
    }
    shown->last = true;
    return used;
}

/* Its bytes to the client, with the sign that this is the last line where that has changed. False: not now. */
static bool put_line(struct session *s, const struct reply_line *line, const struct reply_line *shown)
{
    struct stream *const near = &s->near.stream;

    if (!s->near.open || shown->raw.n == 0)
        return true;
    if (shown->last == line->last)
        return stream_put(near, shown->raw) == OK;
    return stream_room(near) >= shown->raw.n && stream_put(near, span_first(shown->raw, 3)) == OK &&
           stream_put(near, SPAN(" ")) == OK && stream_put(near, span_from(shown->raw, 4)) == OK;
}

/* What the line lists, and the STARTTLS behind it that was left out: far needs that. False: an attack, not a list. */
static bool keep_keywords(struct session *s, const struct reply_line *line, const struct reply_line *shown)
{
    struct ehlo *const list = &s->far.list;

    return ehlo_line(list, line->text, s->relayed == 0) == OK &&
           (shown->last == line->last || ehlo_line(list, SPAN("STARTTLS"), false) == OK);
}

/* One line of the reply that the head waits for goes to the client as it is. False: it does not take it now. */
static bool relay_line(struct session *s, const struct reply_line *line)
{
    struct slot *const slot = slots_head(&s->slots);
    const bool lists = slot->kind == SLOT_HELLO && slot->verb == VERB_EHLO;
    struct reply_line shown = *line;
    size_t used = line->raw.n;

    assert(slot->state == SLOT_SENT);
    if (lists && line->code / 100 == 2 && stream_is_tls(&s->near.stream))
        used = without_starttls(s, line, &shown);
    if (used == 0 || !put_line(s, line, &shown))
        return false;
    s->near.reply_begun = !shown.last;
    if (lists && !keep_keywords(s, line, &shown)) {
        session_fail(s, WHY_PROTOCOL, SPAN("the server's list has no end"));
        return true;
    }
    s->relayed += used;
    if (!shown.last && s->relayed > REPLY_BYTES_MAX) { /* A67 */
        session_fail(s, WHY_PROTOCOL, SPAN("the server's reply has no end"));
        return true;
    }
    if (!shown.last) {
        stream_take(&s->far.stream, used);
        return true;
    }
    s->relayed = 0;
    answered(s, slot, &shown);
    stream_take(&s->far.stream, used);
    const struct slot gone = *slot;

    slots_pop(&s->slots);
    if (gone.close)
        close_after(s, &gone);
    return true;
}

/* Of what the far side says unasked only a 421 passes, behind what we have to say ourselves (invariant 1); and a no in
 * the middle of the content, as servers say that meet a line or a size they do not take: it ends the transaction, can
 * never look like a delivery, and is the client's to judge, as without us. */
static bool unasked(struct session *s, const struct reply_line *line)
{
    const struct slot *const head = slots_head(&s->slots);
    const bool content = s->near.mode == NEAR_DATA;

    if (content ? line->code < 400 : line->code != 421 || s->near.mode == NEAR_CHUNK || s->near.mode == NEAR_SEALING) {
        session_fail(s, WHY_EARLY_BYTES, span_of(NULL, 0));
        return true;
    }
    if (head != NULL && head->state == SLOT_ANSWERED_HERE)
        return false;
    if (s->near.open && stream_put(&s->near.stream, line->raw) != OK)
        return false;
    s->near.reply_begun = !line->last;
    if (line->last && content)
        content_done(s, line);
    stream_take(&s->far.stream, line->raw.n);
    if (line->last)
        session_leave(s, false);
    return true;
}

bool relay_reply(struct session *s)
{
    struct reply_line line;

    if (!s->far.open || s->ending.ms != 0 || s->far.leg == LEG_HANDSHAKE || stream_in(&s->far.stream).n == 0)
        return false;
    switch (reply_line_parse(stream_in(&s->far.stream), &line)) {
    case OK:
        break;
    case MORE:
        return false;
    default: /* A65, A70 */
        session_fail(s, WHY_PROTOCOL, span_of(NULL, 0));
        return true;
    }
    if (far_own(&s->far))
        far_reply(s, &line);
    else if (s->txn.state == TXN_MAILING)
        txn_mail_reply(s, &line);
    else if (slots_open(&s->slots)) {
        const struct slot *const head = slots_head(&s->slots);

        return head->state == SLOT_SENT && relay_line(s, &line);
    } else
        return unasked(s, &line);
    return true;
}

bool relay_tunnel(struct session *s)
{
    if (!s->far.open || !s->near.open || stream_in(&s->far.stream).n == 0)
        return false;
    session_fail(s, WHY_EARLY_BYTES, SPAN("bytes behind the server's reply to STARTTLS"));
    return true;
}

/* ---- our own replies -----------------------------------------------------------------------------------------------
 */

bool relay_words(struct session *s)
{
    struct slot *const head = slots_head(&s->slots);

    if (head == NULL || head->state != SLOT_ANSWERED_HERE || s->ending.ms != 0)
        return false;
    if (s->near.open && stream_put(&s->near.stream, span_first(buf_bytes(&s->slots.words), head->words_n)) != OK)
        return false;
    const struct slot gone = *head;

    slots_pop(&s->slots);
    if (gone.close)
        close_after(s, &gone);
    return true;
}
