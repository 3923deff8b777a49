/*
 * wire - the other end of a stream, in a test's hand. wire.c is a second implementation of io/stream.h, chosen by the
 * linker: no descriptor, no kernel, no TLS library; TLS is the event that the test says it is. What stream.c promises
 * its owner holds here too, and what an owner may not rely on is broken on purpose: bytes that were taken are
 * overwritten. Nothing in here allocates but the chain, so that a test may let the session's allocations fail.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "io/stream.h"

#define WIRES_MAX 64
#define WIRE_BYTES 262144

struct wire_bytes {
    size_t n, taken;
    uint8_t mem[WIRE_BYTES];
};

struct wire {
    bool used, is_far;
    struct stream *stream; /* NULL: the session closed its end */
    bool was_reset, was_ended;
    bool close_seen; /* the script has looked */
    /* what the peer does */
    bool connects, refuses;
    struct wire_bytes says; /* not yet read by the session */
    bool ends, breaks;      /* behind what it says: in good order; with a reset or a cut */
    bool stalls;            /* takes nothing */
    size_t cut;             /* at most so many bytes at once; 0: no bound */
    size_t pause_at;        /* a turn ends in front of this byte of all that it says; SIZE_MAX: nowhere */
    bool tls_up, tls_fails;
    struct span early; /* borrowed until tls_up was told: comes inside TLS together with the end of the handshake */
    struct tls_info info;
    char words[STREAM_FAILURE_MAX];
    struct chain *chain;
    /* what the session does */
    struct wire_bytes hears;
    size_t sealed_from; /* hears.mem from here on came inside TLS; SIZE_MAX: nothing did */
    bool handshakes;    /* it waits for tls_up or tls_fails */
    bool handshake_seen;
    enum tls_floor floor;
    bool shows; /* it has a certificate of ours for a server that asks */
    char sni[HOSTNAME_MAX + 1];
};

/* wires_reset - forgets all; every stream must be closed. */
void wires_reset(void);

/* wire_new - its `descriptor` for stream_open; wire_of gives the wire. -1: none left. */
int wire_new(bool is_far);
struct wire *wire_of(int fd);
struct wire *wire_nth(unsigned i); /* in order of birth; NULL behind the last */

/* wire_says - the peer sends. What does not fit is dropped: a test that wants more empties first. */
void wire_says(struct wire *w, struct span bytes);

/* wire_unheard - what the session sent and the test has not taken yet; wire_heard takes. */
struct span wire_unheard(const struct wire *w);
void wire_heard(struct wire *w, size_t n);

/* wires_turn - one turn of the loop for every open stream. False: nothing moved. */
bool wires_turn(void);

/* wire_ctx - stands for the TLS context of this floor. */
struct tls_ctx *wire_ctx(enum tls_floor floor);

/* wire_ctx_shows - for that of a smarthost which is shown a certificate. */
struct tls_ctx *wire_ctx_shows(void);
struct tls_ctx *wire_ctx_server(void);

#endif
