/*
 * reply - the lines of a server's reply, one at a time, so that a reply of any length needs one line of memory.
 *                                                                                              RFC 5321 4.2
 * Strict in what decides: three digits of 200..599, then blank, hyphen or the end of the line. Lenient in the text,
 * which is only relayed: 8-bit bytes, no text at all, LF without CR. A CR in the middle or a NUL is refused: a client
 * that takes it for a line ending would read several replies where we relay one. Does not ask whether the codes of a
 * multi-line reply agree: the last line decides (A66).
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"

struct reply_line {
    unsigned code;    /* 200..599 */
    bool last;        /* no further line belongs to this reply */
    struct span raw;  /* the line with its ending, as it came: raw.n bytes of the input are used */
    struct span text; /* behind the separator, without the ending */
};

/*
 * reply_line_parse - the first line of `in`. Never allocates; out points into `in`.
 *   returns  OK         *out written
 *            MORE       no line ending yet
 *            FULL       the line is longer than REPLY_LINE_MAX, its ending included
 *            MALFORMED  a whole line that is no reply
 */
MUST_USE enum rc reply_line_parse(struct span in, struct reply_line *out);

#endif
