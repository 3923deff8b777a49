/*
 * command - one line from the client: which verb, whose domain.       RFC 5321 4.1.1, 4.1.2, RFC 3030 2, RFC 6531 3.3
 * A line is classified as the most lenient server would (blanks in front, any case, tab as blank), and a recipient is
 * read as the strictest: what some server may route to another domain than the one found here is MALFORMED, so that
 * the session answers 451 and never forwards it.
 * Does not know which verbs are allowed now, nor whether the parameters are the server's (ehlo.h).
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/limits.h"
#include "base/rc.h"
#include "smtp/hostname.h"

enum verb {
    VERB_EHLO,
    VERB_HELO,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_BDAT,
    VERB_RSET,
    VERB_NOOP,
    VERB_QUIT,
    VERB_HELP,
    VERB_VRFY,
    VERB_EXPN,
    VERB_AUTH,
    VERB_STARTTLS,
    VERB_ETRN,
    VERB_XCLIENT,
    VERB_XFORWARD,
    VERB_OTHER, /* a word that we do not know */
    VERB_EMPTY, /* nothing but blanks */
    VERB__COUNT
};

/*
 * All spans point into the input. `odd`: the line holds what a server may read otherwise than we do, so no verb of such
 * a line may be forwarded: a NUL, a CR that is not part of the ending or another control byte (`NOOP\rRCPT TO:<a@b>` is
 * two commands to some), an 8-bit byte in the verb, or MAIL, RCPT, DATA, BDAT, AUTH with more letters glued on (`DATAX`
 * is DATA to a server that compares four letters).
 */
struct command {
    enum verb verb;
    struct span raw;  /* the line with its ending */
    struct span name; /* the verb as written */
    struct span args; /* what follows it, trimmed */
    bool lf_only;     /* ends in LF without CR */
    bool odd;
};

/*
 * command_line - the first line of `in`.
 *   used     bytes taken from `in` on OK (raw.n); 0 otherwise
 *   returns  OK    *out written
 *            MORE  no LF yet
 *            FULL  the first COMMAND_LINE_MAX bytes hold no LF
 */
MUST_USE enum rc command_line(struct span in, struct command *out, size_t *used);

struct mail_args {
    struct span path;   /* between the brackets; empty for <> */
    struct span params; /* for command_next_param */
};

/*
 * command_mail - MAIL FROM. Only delimited, as the path decides nothing here: any path in one pair of brackets, or one
 * word without brackets; the colon may be missing, blanks may stand beside it. Behind it only parameters.
 *   returns  OK         *out written
 *            MALFORMED  odd, or it cannot be delimited in one way only
 */
MUST_USE enum rc command_mail(const struct command *c, struct mail_args *out);

/*
 * command_next_param - takes the next NAME or NAME=VALUE from the front of *params, as command_mail and command_rcpt
 * give them; *value is empty where there is none. False at the end.
 */
bool command_next_param(struct span *params, struct span *name, struct span *value);

enum rcpt_kind {
    RCPT_DOMAIN,    /* user@domain: domain is written */
    RCPT_LITERAL,   /* user@[192.0.2.1] or user@[IPv6:2001:db8::1] */
    RCPT_POSTMASTER /* <postmaster>, without any domain */
};

struct rcpt_args {
    enum rcpt_kind kind;
    struct hostname domain; /* RCPT_DOMAIN only */
    struct span params;
};

/*
 * command_rcpt - RCPT TO: the one domain that decides. Brackets may be missing around a plain user@domain. A source
 * route is passed over: <@a,@b:user@c> is for c (RFC 5321 C).
 *   returns  OK         *out written
 *            MALFORMED  anything else: odd, two addresses, two @ outside quotes, comments, bytes behind the bracket,
 *                       blanks or brackets inside, a broken quote, a domain that is a number or that smtp/idn refuses
 */
MUST_USE enum rc command_rcpt(const struct command *c, struct rcpt_args *out);

/*
 * command_address - what VRFY or EXPN asks for, with or without brackets.
 *   returns  OK         RCPT_DOMAIN or RCPT_LITERAL in *out
 *            UNUSABLE   no address: a plain word such as a user or a list, which names no domain
 *            MALFORMED  not a plain word, and no address that we can read: not to be forwarded
 */
MUST_USE enum rc command_address(const struct command *c, struct rcpt_args *out);

/*
 * command_bdat - BDAT size [LAST]. Read strictly, for a server that disagrees on the size reads content as commands: no
 * blank in front, no tab, no sign, no leading zero (octal to some).
 *   returns  OK  *octets (0..INT64_MAX) and *last written | MALFORMED  anything else
 */
MUST_USE enum rc command_bdat(const struct command *c, uint64_t *octets, bool *last);

#endif
