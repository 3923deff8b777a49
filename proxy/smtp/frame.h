/*
 * frame - finds the end of DATA, and stops before what only looks like one.       RFC 5321 4.1.1.4, 2.3.8; A39-A53, A59
 * In a CRLF session CR LF . CR LF ends the data and nothing else does; in an LF session LF . LF. Servers are known that
 * take other forms for it: a dot alone between any two of CR, LF and CR LF, with NULs in between or behind the dot.
 * Where those are refused, the byte that would complete such a form never goes on the wire, so that no server reads
 * content as commands. Content is never altered, memory is constant, and how the input is cut changes nothing.
 */
#ifndef SMTP_FRAME_H
#define SMTP_FRAME_H

#include "base/rc.h"
#include "base/span.h"

enum frame_ending {
    FRAME_CRLF,
    FRAME_LF
};

enum frame_result {
    FRAME_GO,       /* pass what is told, come back with more */
    FRAME_END,      /* the bytes to pass complete the end of data; what is behind them is the next command */
    FRAME_AMBIGUOUS /* pass what is told and end the session: the next byte would complete a foreign end of data */
};

enum frame_state {
    FRAME_TEXT,     /* inside a line */
    FRAME_CR,       /* behind a CR */
    FRAME_START,    /* behind a line ending of this session's kind */
    FRAME_NEAR,     /* behind what some take for a line ending, NULs included */
    FRAME_DOT,      /* behind the first dot of a line */
    FRAME_NEAR_DOT, /* the same, but the line began behind FRAME_NEAR */
};

struct frame {
    enum frame_ending ending;
    enum frame_state state;
    bool refuse;
};

/*
 * frame_init - at the first byte of the content, which is the start of a line: it may be the final dot already.
 *   refuse_ambiguous   false: FRAME_AMBIGUOUS is never returned, the foreign forms are content
 */
void frame_init(struct frame *f, enum frame_ending ending, bool refuse_ambiguous);

/*
 * frame_scan - reads on in the content.
 *   in       the content from the first byte that was not passed yet
 *   pass     how many bytes of `in` may go on the wire. With FRAME_GO all of them, or all but a final CR that cannot be
 *            judged before the next byte is there: keep it, and give it again in front of what follows.
 * Behind FRAME_END and FRAME_AMBIGUOUS f is used up until the next frame_init.
 */
MUST_USE enum frame_result frame_scan(struct frame *f, struct span in, size_t *pass);

#endif
