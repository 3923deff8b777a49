/*
 * txn - one mail transaction: what is held, what went out, and the server's word on MAIL.     RFC 5321 3.3
 * Which of its commands may leave, and when, is pump.h's.
 */
#ifndef SESSION_TXN_H
#define SESSION_TXN_H

#include "base/buf.h"
#include "base/limits.h"
#include "policy/why.h"
#include "smtp/reply.h"

struct session;

enum txn_state {
    TXN_IDLE,
    TXN_HELD,    /* MAIL is with us, the client has its 250 */
    TXN_MAILING, /* MAIL left, the server has not answered; nothing else leaves */
    TXN_SENT,    /* the server said yes to MAIL: the channel is fixed until the transaction ends */
    TXN_DEAD,    /* it said no, or may not be asked: `reply` is for every RCPT */
};

struct txn {
    enum txn_state state;
    struct buf mail; /* the client's line, until the server has said yes to it */
    bool requiretls;
    struct buf reply;
    unsigned out;  /* recipients that went out in this transaction */
    bool spoilt;   /* a part of the content was kept back: no later part may go */
    bool content;  /* some of it has gone out: an answer that is owed may end the transaction */
    bool accepted; /* the content was taken */
    uint64_t bytes;
    enum why why; /* what ended it otherwise than the server's reply */
};

/* txn_init - none; what it keeps has its memory already. */
void txn_init(struct txn *t);

/* txn_mail_reply - a line of the server's reply to MAIL. */
void txn_mail_reply(struct session *s, const struct reply_line *line);

/* txn_end - the transaction is over: one record a domain, then IDLE. */
void txn_end(struct session *s);

#endif
