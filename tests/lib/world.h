/*
 * world - everything that a session can see, in a test's hand: both ends (wire), clock, resolver, keeper, broker. It
 * also watches: whatever a script or a fuzzer does, world_oath holds after each turn, or the world has a complaint.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "session/session.h"
#include "wire.h"

#define WORLD_RECORDS 256
#define WORLD_ZONE 200
#define WORLD_QUESTIONS 256
#define WORLD_ROOTS 16

enum server {
    SERVER_ANSWERS, /* at once */
    SERVER_HOLDS,   /* until it is told to answer */
    SERVER_DEAD,    /* nobody takes the question */
};

struct question {
    uint32_t number;
    bool memory, is_host;
    struct hostname domain;
};

struct world {
    struct session_host host;
    struct session *session;
    bool over;
    struct mono now, timer;
    struct wall wall;
    enum clock_state clock;
    struct config config;
    struct chain *root_bytes; /* on the heap; */
    struct cert root[WORLD_ROOTS];
    struct ip client, server;
    uint16_t port;                /* that the broker dials */
    const char *zone[WORLD_ZONE]; /* lines of zone.h */
    unsigned zone_lines;
    enum server resolver, keeper, broker;
    enum grace grace;
    uint32_t numbers;
    unsigned n_questions;
    struct question questions[WORLD_QUESTIONS];
    unsigned judged; /* chains, in the step that is running: only that asks for the date */
    unsigned dials, dials_seen;
    unsigned dialing;        /* dials that the broker has not answered */
    struct wire *near, *far; /* far: of the last dial */
    size_t cut;              /* for wires of later dials */
    struct record records[WORLD_RECORDS];
    unsigned n_records, records_seen;
    /* the oath */
    bool only_sealed;    /* every domain of this world asks for TLS: nothing of a transaction may leave in clear */
    bool credentials;    /* AUTH may never leave in clear: no level is none */
    char complaint[256]; /* "": none */
};

/* world_init - its configuration, clock and answers as they are before a script changes them. Allocates nothing. */
void world_init(struct world *w);

/* world_begin - a client has connected, the far connect is under way. False: no memory for the session. */
bool world_begin(struct world *w);

/* world_run - turns until nothing moves. */
void world_run(struct world *w);

/* world_wait - lets time pass, ringing the session's timer whenever it is due. */
void world_wait(struct world *w, int64_t ms);

/* world_answer - what was held is answered. */
void world_answer(struct world *w, bool memory);

/* world_dialed - the broker answers a dial that it held; false: it could not connect. */
void world_dialed(struct world *w, bool connected);

/* world_end - frees the session, alive or over. */
void world_end(struct world *w);

void world_complain(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
