#include "session/slots.h"

#include <assert.h>

void slots_init(struct slots *q, uint8_t lines[SLOTS_LINES], uint8_t words[SLOTS_WORDS])
{
    q->done = q->next = q->added = 0;
    buf_init(&q->lines, lines, SLOTS_LINES);
    buf_init(&q->words, words, SLOTS_WORDS);
}

static struct slot *at(struct slots *q, unsigned number)
{
    return &q->ring[number % SLOTS_MAX];
}

bool slots_room(const struct slots *q, size_t n)
{
    return q->added - q->done < SLOTS_MAX && buf_room(&q->lines) >= n;
}

struct slot *slots_add(struct slots *q, enum slot_kind kind, struct span line)
{
    struct slot *const s = at(q, q->added);
    const enum rc put = buf_put(&q->lines, line);

    assert(q->added - q->done < SLOTS_MAX && put == OK);
    (void)put;
    q->added++;
    *s = (struct slot){ .kind = kind, .state = SLOT_WAITING, .line_n = (uint16_t)line.n, .ask = -1 };
    return s;
}

struct slot *slots_head(struct slots *q)
{
    return q->done == q->added ? NULL : at(q, q->done);
}

struct slot *slots_next(struct slots *q)
{
    return q->next == q->added ? NULL : at(q, q->next);
}

bool slots_open(const struct slots *q)
{
    for (unsigned k = q->done; k != q->next; k++)
        if (q->ring[k % SLOTS_MAX].state == SLOT_SENT)
            return true;
    return false;
}

struct span slots_line(const struct slots *q)
{
    return span_first(buf_bytes(&q->lines), q->ring[q->next % SLOTS_MAX].line_n);
}

static void leave(struct slots *q, enum slot_state state)
{
    struct slot *const s = at(q, q->next);

    assert(q->next != q->added && s->state == SLOT_WAITING);
    buf_take(&q->lines, s->line_n);
    s->state = state;
    q->next++;
}

void slots_sent(struct slots *q)
{
    leave(q, SLOT_SENT);
}

enum rc slots_answer(struct slots *q, struct span words)
{
    if (buf_put(&q->words, words) != OK)
        return FULL;
    at(q, q->next)->words_n = (uint16_t)words.n;
    leave(q, SLOT_ANSWERED_HERE);
    return OK;
}

void slots_pop(struct slots *q)
{
    const struct slot *const s = at(q, q->done);

    assert(q->done != q->next);
    if (s->state == SLOT_ANSWERED_HERE)
        buf_take(&q->words, s->words_n);
    q->done++;
}

void slots_drop_waiting(struct slots *q)
{
    q->added = q->next;
    buf_reset(&q->lines);
}
