/*
 * replay - a run of one case of tests/replay, and its statements (tests/replay/GRAMMAR.md). replay.c decides which
 * cases are run and how they are disturbed, replay_line.c what a line does.
 */
#ifndef TOOLS_REPLAY_H
#define TOOLS_REPLAY_H

#include "script.h"
#include "world.h"

struct run {
    struct world *world;
    const struct script *script;
    unsigned cut;           /* every segment into pieces of so many bytes; 0: as they come */
    size_t near_at, far_at; /* or one cut in front of this byte of what an end says; SIZE_MAX: none */
    bool whole_only;        /* said by the script: where the cuts are changes what happens */
    size_t near_bytes, far_bytes;
    unsigned fails_nth;   /* allocation; 0: none */
    unsigned gone_behind; /* statement; 0: none */
    enum {
        NEAR_BREAKS,
        NEAR_ENDS,
        FAR_BREAKS,
        FAR_ENDS,
        GONE__COUNT
    } gone;
    bool ended; /* the script has seen the end */
    char failed[1024];
};

/* run_fail - says why a run is not as it should be. Always false. */
bool run_fail(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* run_line - one statement. False: it failed, `failed` says why. */
bool run_line(struct run *r, const char *line);

/* run_far_heard - far connections are heard in the order of their birth: the one whose turn it is. */
struct wire *run_far_heard(void);

#endif
