/*
 * state - what the box keeps over a restart, as one small text file in state-dir: the floor of the clock, the root's
 * keys as RFC 5011 found them. Versioned and with a checksum, rewritten whole; what cannot be read is nothing, and
 * said.
 *
 *     waxseal-state 1
 *     floor SECONDS      since 1970; not there: none
 *     anchors BASE       the keys that the ones below came from (anchor_base); a line for each of them follows
 *     . IN DNSKEY 257 3 8 … ;;state=2 [VALID] ;;count=0 ;;lastchange=…
 *     sum SHA-256        of all above
 */
#ifndef OPS_STATE_H
#define OPS_STATE_H

#include "dane/anchor.h"

#define STATE_FILE "state"
#define STATE_SAY_MAX 384

struct state {
    int64_t floor_s;            /* 0: none */
    char base[ANCHOR_BASE_MAX]; /* "": no anchors */
    struct anchors anchors;
};

/*
 * state_parse - the file's text.
 *   returns  OK | UNUSABLE  of another version | MALFORMED  not whole, or none of ours; *out is empty then
 */
MUST_USE enum rc state_parse(struct span text, struct state *out);

/* state_text - the length written, without the NUL. */
size_t state_text(const struct state *s, char out[STATE_TEXT_MAX]);

/*
 * state_load, state_save - from and to a folder.
 *   say      a sentence for the log: why there is nothing, or ""; a file that is not there is no reason to speak
 *   returns  state_save: OK | FAILED  errno
 */
void state_load(const char *folder, struct state *out, char say[STATE_SAY_MAX]);
MUST_USE enum rc state_save(const char *folder, const struct state *s);

/* state_floor - the floor in a folder's file, without the sum over it: for a program that has no hash. 0: none. */
int64_t state_floor(const char *folder);

#endif
