/*
 * answer - replies of our own to the oldest waiting command, which with that does not leave. Each is false where the
 * queue of words is full: not now, the client does not read.
 */
#ifndef SESSION_ANSWER_H
#define SESSION_ANSWER_H

#include "base/span.h"
#include "policy/why.h"

#include <stdbool.h>

struct session;
struct slot;

bool answer_words(struct session *s, struct span words);
bool answer_ok(struct session *s, const char *enhanced);
bool answer_bad_sequence(struct session *s);

/* answer_refuse - the client hears why, and only this command is touched. */
bool answer_refuse(struct session *s, struct slot *slot, unsigned code, enum why why, struct span detail);

#endif
