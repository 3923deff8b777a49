/*
 * facts - everything that the verdict on one recipient domain depends on, as small enums. Each names its source and
 * what *unknown* means. Zero is the cautious value of each: a field nobody filled never makes a verdict weaker. Only
 * level, literal and enforce, which come from the configuration and the client's line, have no unknown.
 */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

#include "dane/candidates.h"
#include "policy/why.h"

/* From the configuration (policy/site.h). Postfix's names. */
enum level {
    LEVEL_NONE,
    LEVEL_MAY,
    LEVEL_ENCRYPT,
    LEVEL_DANE,
    LEVEL_DANE_ONLY,
    LEVEL_FINGERPRINT,
    LEVEL_VERIFY,
    LEVEL_SECURE,
    LEVEL__COUNT
};

/* What is asked for. Verbs without an address have no domain and no route. */
enum ask_for {
    FOR_RCPT,  /* also VRFY and EXPN of an address */
    FOR_AUTH,  /* never in clear, unless the level is none */
    FOR_OTHER, /* another verb before a verdict */
};

/* The far server and STARTTLS, on the connection that is open now. */
enum offer {
    OFFER_UNKNOWN, /* no list yet, or no connection: what a failed handshake leaves behind, and a 421 to STARTTLS */
    OFFER_MADE,
    OFFER_NONE,    /* the list lacks it, or EHLO itself was refused (A9) */
    OFFER_REFUSED, /* the command got something else than 220 (R3), and the connection goes on: counts as a failed
                      handshake for clear-after */
};

/* TLS towards the far server, in this decision. After a redial for clear text FAILED lives on beside the new
 * connection's offer; a redial for the next name starts again at NOT_TRIED. */
enum handshake {
    HANDSHAKE_NOT_TRIED,
    HANDSHAKE_DONE,
    HANDSHAKE_FAILED, /* or a 421 in answer to STARTTLS: what matters is that the connection is gone */
};

/* The captured chain against the candidates' TLSA (candidates_match); at fingerprint, verify and secure against whom
 * the site names (policy/peer.h). */
enum matched {
    MATCHED_NOT_TRIED,
    MATCHED_NO,
    MATCHED_YES
};

/* From the keeper (policy/grace.h): has the same client seen TLS fail at this domain and host before, long enough ago?
 */
enum grace {
    GRACE_UNKNOWN, /* the keeper is silent: no clear text, failure or not (4.3.2) */
    GRACE_WAIT,    /* first failure, or clear-after has not passed */
    GRACE_OVER,    /* clear text may follow a failure */
};

/* From the keeper: did this destination show TLS before? UNKNOWN counts as SET. Not kept yet: LATCH_NOT_BUILT is what
 * the session passes. */
enum latch {
    LATCH_UNKNOWN,
    LATCH_SET,
    LATCH_NONE
};
#define LATCH_NOT_BUILT LATCH_NONE

/* MTA-STS (RFC 8461) of the domain. Not fetched yet: STS_NOT_BUILT is what the session passes. */
enum sts {
    STS_UNKNOWN,
    STS_ENFORCE,
    STS_NONE
};
#define STS_NOT_BUILT STS_NONE

/* Can dates be believed? The resolver asks the kernel and the floor; where no DNS is asked, the worker the floor. */
enum clock_state {
    CLOCK_UNSYNCED,
    CLOCK_ROUGH,
    CLOCK_SYNCED
};

struct facts {
    enum level level;
    enum ask_for what;
    bool literal;     /* recipient without a domain: DANE does not apply */
    bool asks_mx;     /* verify, secure: the names that are taken come from the domain's MX answers */
    bool anchored;    /* the resolver's root is validated */
    bool dns_timeout; /* words only */
    enum clock_state clock;
    enum trust mx; /* trust of the MX set; NOT_ASKED where the level asks no DNS */
    enum found found;
    enum tlsa_state tlsa; /* summary of candidates.h */
    bool tlsa_error, tlsaless_insecure;
    enum offer offer;
    enum handshake handshake;
    bool modern; /* TLS 1.2 or newer: what is older encrypts but authenticates nobody (RFC 8996, A99) */
    enum matched matched;
    enum why mismatch; /* words only: what MATCHED_NO was */
    bool more_names;   /* another candidate's name could be tried as SNI on one more dial: at most once a decision */
    enum grace grace;
    enum latch latch;
    enum sts sts;
    bool requiretls; /* MAIL carried REQUIRETLS (RFC 8689) */
    bool authed;     /* this client's AUTH went out on this connection: clear text may not follow */
    bool enforce;    /* no: observe mode */
};

#endif
