/*
 * slots - the queue of what the next reply to the client is for, and of the command lines that have not left yet. RFC
 * 2920 3 A ring in the order of the client's commands. A slot is WAITING (its line lies in the queue of lines), SENT
 * (the far side owes a reply) or LOCAL (our own reply lies in the queue of words). Lines are taken and words are given
 * in ring order, so both are plain first-in first-out bytes. Invariants: done <= next <= added; slots before `next` are
 * SENT or LOCAL, the others WAITING. Every SENT slot before the first LOCAL one is answered in order, so that a reply
 * of the far side always belongs to the head once the LOCAL ones before it are given.
 */
#ifndef SESSION_SLOTS_H
#define SESSION_SLOTS_H

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/command.h"

#define SLOTS_LINES STREAM_BUFFER
#define SLOTS_WORDS 4096

enum slot_kind {
    SLOT_BANNER, /* the greeting of the first connection: nothing was sent for it */
    SLOT_HELLO,  /* EHLO, HELO */
    SLOT_PLAIN,  /* NOOP, HELP: may leave in clear at any time */
    SLOT_RSET,
    SLOT_QUIT,
    SLOT_MAIL,    /* always LOCAL: MAIL is held */
    SLOT_RCPT,    /* needs a verdict on its domain */
    SLOT_ADDRESS, /* VRFY, EXPN of an address: the same, outside a transaction */
    SLOT_DATA,
    SLOT_CONTENT, /* the final reply behind the end of data */
    SLOT_BDAT,
    SLOT_AUTH,         /* needs TLS */
    SLOT_OTHER,        /* upgrades first where it can */
    SLOT_CONTINUATION, /* a line that a 3xx reply asked for */
    SLOT_STARTTLS,     /* the client's own */
    SLOT_LOCAL,        /* a line that we answer ourselves without asking anybody: why says what */
};

enum slot_state {
    SLOT_WAITING,
    SLOT_SENT,
    SLOT_ANSWERED_HERE, /* LOCAL */
};

struct slot {
    enum slot_kind kind;
    enum slot_state state;
    enum verb verb;
    uint16_t line_n;  /* WAITING: bytes of its line in `lines` */
    uint16_t words_n; /* LOCAL: bytes of its reply in `words` */
    int8_t ask;       /* RCPT, ADDRESS: index of its ask; -1 for a recipient without a domain, or none left */
    uint8_t why;      /* SLOT_LOCAL: enum why of the refusal */
    bool holds;       /* nothing behind it is read before it is answered */
    bool last;        /* BDAT: LAST */
    bool close;       /* our reply ends the session once it is given */
    uint64_t octets;  /* BDAT: octets behind the line */
};

struct slots {
    struct slot ring[SLOTS_MAX];
    unsigned done, next, added; /* running numbers; the slot of number k is ring[k % SLOTS_MAX] */
    struct buf lines, words;
};

/* slots_init - none; over the memory of both buffers. */
void slots_init(struct slots *q, uint8_t lines[SLOTS_LINES], uint8_t words[SLOTS_WORDS]);

/* slots_room - is there room for one more slot whose line has n bytes? */
bool slots_room(const struct slots *q, size_t n);

/* slots_add - a WAITING slot behind all others; its line is copied. Room was asked for before. The slot is the caller's
 * to fill on. */
struct slot *slots_add(struct slots *q, enum slot_kind kind, struct span line);

/* slots_head - the oldest slot whose reply is not with the client; NULL for none. slots_next - the oldest WAITING one.
 */
struct slot *slots_head(struct slots *q);
struct slot *slots_next(struct slots *q);

/* slots_open - does the far side owe a reply? */
bool slots_open(const struct slots *q);

/* slots_line - the line of slots_next. */
struct span slots_line(const struct slots *q);

/* slots_sent, slots_answer - slots_next has left; or it was answered here, with `words` (FULL: not now, the client does
 * not read). */
void slots_sent(struct slots *q);
MUST_USE enum rc slots_answer(struct slots *q, struct span words);

/* slots_pop - the head's reply is with the client. */
void slots_pop(struct slots *q);

/* slots_drop_waiting - forgets what has not left. */
void slots_drop_waiting(struct slots *q);

#endif
