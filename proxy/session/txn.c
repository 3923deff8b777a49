#include "session/txn.h"

#include "base/text.h"
#include "session/session.h"

#include <assert.h>
#include <stdio.h>

void txn_init(struct txn *t)
{
    t->state = TXN_IDLE;
    buf_reset(&t->mail);
    buf_reset(&t->reply);
    t->requiretls = t->spoilt = t->content = t->accepted = false;
    t->out = 0;
    t->bytes = 0;
    t->why = WHY_NONE;
}

void txn_end(struct session *s)
{
    for (unsigned i = 0; i < s->asks.n; i++)
        settle_domain(s, &s->asks.ask[i]);
    asks_forget(s);
    txn_init(&s->txn);
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
    if (line->code / 100 != 2 && (!line->last || used + line->raw.n <= HELD_REPLY_MAX))
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
        buf_reset(&t->mail);
        return;
    }
    t->state = TXN_DEAD;
    for (unsigned i = 0; i < s->asks.n; i++)
        text_printable(buf_bytes(&t->reply), s->asks.ask[i].said, sizeof s->asks.ask[i].said);
}
