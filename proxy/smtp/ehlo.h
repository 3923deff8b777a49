/*
 * ehlo - what one EHLO reply lists, and whether a command needs what a second list lacks.
 *                                                                                     RFC 5321 4.1.1.1, RFC 3207 4.2
 * The list seen in clear is the attacker's to write. What the client does because of it must not reach a server that
 * never offered it: BDAT sent to a server without CHUNKING would be read as commands (capability drift, A21).
 * Keeps names only, no parameters. Does not judge: whether a missing STARTTLS matters is policy's.
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"
#include "smtp/command.h"

/* The keywords that have a bit; any other is kept by name. */
enum ehlo_keyword {
    EHLO_STARTTLS,
    EHLO_PIPELINING,
    EHLO_SIZE,
    EHLO_8BITMIME,
    EHLO_CHUNKING,
    EHLO_BINARYMIME,
    EHLO_SMTPUTF8,
    EHLO_DSN,
    EHLO_AUTH,
    EHLO_ENHANCEDSTATUSCODES,
    EHLO_REQUIRETLS,
    EHLO_ETRN,
    EHLO_VRFY,
    EHLO_EXPN,
    EHLO_HELP,
    EHLO_XCLIENT,
    EHLO_XFORWARD,
    EHLO_DELIVERBY,
    EHLO_MT_PRIORITY,
    EHLO_FUTURERELEASE,
    EHLO_BURL,
    EHLO_LIMITS,
    EHLO__COUNT
};

/* Invariant: 0 <= names_n <= EHLO_NAMES_MAX; names[0..names_n) are lower-case names, each with a blank behind it. */
struct ehlo {
    uint32_t has;               /* a bit for each enum ehlo_keyword */
    uint16_t lines;             /* fed so far */
    uint16_t names_n;           /* bytes used of names */
    bool masked;                /* a keyword overwritten with X, as firewalls do: 250-XXXXXXXA (A3) */
    bool overflow;              /* a name found no room in names */
    char names[EHLO_NAMES_MAX]; /* the keywords that have no bit */
};

/* ehlo_reset - nothing listed. */
void ehlo_reset(struct ehlo *e);

/*
 * ehlo_line - one line of the reply: reply_line's text, in order. Any case; blanks and parameters behind the keyword
 * do not matter (A12), nor does the old form AUTH=LOGIN. A line that begins with no keyword lists nothing.
 *   first    the first line names the server: nothing in it is a keyword (A13)
 *   returns  OK | FULL  more than EHLO_LINES_MAX lines: an attack, not a list (A15)
 */
MUST_USE enum rc ehlo_line(struct ehlo *e, struct span text, bool first);

/* ehlo_names - is this keyword what the line lists? Not for a first line. */
bool ehlo_names(struct span text, enum ehlo_keyword k);

bool ehlo_has(const struct ehlo *e, enum ehlo_keyword k);

/*
 * ehlo_drift - does the verb or a MAIL or RCPT parameter of this command belong to a keyword that `shown` lists and
 * `now` lacks? BDAT belongs to CHUNKING, RET to DSN and so on; any other word to the keyword of the same name. The
 * verbs that need no keyword (RFC 5321 4.5.1) and STARTTLS, which servers hide inside TLS, never drift; what neither
 * list names does not either. Where `now` overflowed, a name without a bit counts as listed.
 */
bool ehlo_drift(const struct ehlo *shown, const struct ehlo *now, const struct command *cmd);

#endif
