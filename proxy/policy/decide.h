/*
 * decide - the one place where mail safety is decided: facts in, verdict out.     RFC 7672 2.2, RFC 7435, RFC 3207 4.1;
 * DESIGN.md 'The decision is one pure function' No I/O, no clock, no globals. tests/laws walks every combination of
 * facts.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "policy/facts.h"
#include "policy/why.h"

enum act {
    ACT_REFUSE,  /* why says what the client hears; nothing leaves */
    ACT_UPGRADE, /* STARTTLS on this connection (dial one where there is none), then decide again with what came of it
                  */
    ACT_REDIAL,  /* a fresh connection: after a failed handshake in clear, after a mismatch with the next name; then
                    decide again */
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
    enum why why;     /* with ACT_REFUSE, or the refusal that observe mode did not carry out */
    bool would;       /* observe mode: this would have been refused */
};

MUST_USE struct verdict decide(const struct facts *f);

/* level_asks_dns - none, may, encrypt and fingerprint ask no DNS and do not wait for the clock. */
bool level_asks_dns(enum level level);

/* level_name - as the configuration and the log write it. */
const char *level_name(enum level level);

#endif
