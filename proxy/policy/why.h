/*
 * why - every ending that we say ourselves: the word for log and reply, the codes, the sentence.     policy/why.def,
 * RFC 8460 4.3, RFC 3463
 */
#ifndef POLICY_WHY_H
#define POLICY_WHY_H

#include "base/rc.h"
#include "base/span.h"

enum why {
#define WHY(id, word, enhanced, text) WHY_##id,
#include "policy/why.def"
#undef WHY
    WHY__COUNT
};

/* why_word - what stands behind `waxseal:` in a reply and behind `reason=` in the log; "-" for WHY_NONE. */
const char *why_word(enum why w);

/* What a refusal is about; each may be empty. Printed as text_printable makes them. */
struct why_about {
    struct span host;    /* MX host name */
    struct span address; /* text */
    struct span domain;
    struct span detail; /* instead of the row's sentence: `certificate matches none of 2 TLSA records` */
};

/*
 * why_reply - one reply line with CRLF: `451 4.7.5 waxseal: WORD: HOST [ADDRESS] for DOMAIN: SENTENCE; see
 * waxseal-reasons(7)`. code     451, 454 or 421 in front of the row's enhanced code out      cap >= WHY_REPLY_MAX;
 * always within RFC 5321 4.5.3.1.5's 512 bytes returns  its length
 */
#define WHY_REPLY_MAX 512
size_t why_reply(unsigned code, enum why w, const struct why_about *about, char *out, size_t cap);

#endif
