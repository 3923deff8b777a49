/*
 * text - bytes as text, without any locale: case folding of ASCII, decimal numbers, printable copies.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/rc.h"
#include "base/span.h"

/* text_fold - the ASCII lower case of one byte; all others unchanged. */
uint8_t text_fold(uint8_t c);
bool text_eq_nocase(struct span a, struct span b);

/* text_ends_nocase - does s end with `tail`? */
bool text_ends_nocase(struct span s, struct span tail);

/* text_trim - s without blanks and tabs at both ends. */
struct span text_trim(struct span s);

/*
 * text_decimal - digits only, at least one, the whole span.
 *   returns  OK  *out written | MALFORMED  something else in it | FULL  the value is above max
 */
MUST_USE enum rc text_decimal(struct span s, uint64_t max, uint64_t *out);

/*
 * text_printable - s into out, NUL at its end, for logs and reports: control bytes and those above 126 become '?'.
 *   cap      size of out, at least 1; what does not fit is cut
 *   returns  the length written, without the NUL
 */
size_t text_printable(struct span s, char *out, size_t cap);

/* text_utf8 - the length of the UTF-8 character at the front of s, which is not empty (RFC 3629 4), and its code point;
 * 0: it is none. */
size_t text_utf8(struct span s, uint32_t *code);

/* text_hex - hexadecimal of either case, blanks allowed between digits (RFC 6698 2.2); *n is the capacity in and the
 * length out. */
MUST_USE enum rc text_hex(struct span s, uint8_t *out, size_t *n);

#endif
