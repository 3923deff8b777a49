/*
 * decide - the one place where mail safety is decided: facts in, verdict out.     RFC 7672 2.2, RFC 7435, RFC 3207 4.1
 * No I/O, no clock, no globals. tests/laws/decide.c walks every combination of facts.
 *
 * The caller does the act, writes down what came of it and asks again, until the act is SEND or REFUSE:
 *   UPGRADE  offer UNKNOWN: dial where there is no connection, EHLO, set offer. MADE: STARTTLS; then handshake DONE and
 *            matched, or handshake FAILED and offer UNKNOWN (that connection is gone), or offer REFUSED.
 *   REDIAL   with handshake DONE: for the next name; handshake, matched NOT_TRIED, offer UNKNOWN, more_names false.
 *            With FAILED: in clear; handshake stays FAILED, offer as the new connection has it.
 * Where an act cannot be done (something of this client's is with the far side), the verdict is a refusal with its why.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "policy/facts.h"
#include "policy/why.h"

enum act {
    ACT_REFUSE,  /* why says what the client hears; nothing leaves */
    ACT_UPGRADE, /* find out what is offered, or STARTTLS */
    ACT_REDIAL,  /* a fresh connection */
    ACT_SEND,    /* the channel that exists satisfies the verdict */
};

/* What the outcome line will say of mail that went out under this verdict. */
enum grade {
    GRADE_CLEARTEXT,
    GRADE_ENCRYPTED,
    GRADE_VERIFIED
};

struct verdict {
    enum act act;
    enum grade grade; /* with ACT_SEND */
    enum why why;     /* with REFUSE; with UPGRADE and REDIAL where they cannot be done; with would: the refusal */
    bool would;       /* observe mode, any act: with these facts it would have been refused */
};

MUST_USE struct verdict decide(const struct facts *f);

/* decide_mismatch - the word for facts.mismatch, from what candidates_match answered. WHY_NONE for a match. */
enum why decide_mismatch(enum match_result result);

/* level_is_dane - the level rests on TLSA records. level_names_peer - on a name or a fingerprint that the site knows
 * (policy/peer.h). */
bool level_is_dane(enum level level);
bool level_names_peer(enum level level);

/* level_name - as the configuration and the log write it. */
const char *level_name(enum level level);

#endif
