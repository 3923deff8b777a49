/*
 * wire - what the roles say to each other over their SOCK_SEQPACKET pairs: fixed structs, each with its kind first.
 * The receiver checks length and every field (each peer may have been taken over); an unknown or misshapen message ends
 * that peer's pair. Every child starts with one pair, to the broker; the others arrive as PEER messages, at start and
 * again whenever the child behind one died, or one of the two has cut it.
 */
#ifndef ROLE_WIRE_H
#define ROLE_WIRE_H

#include "base/ip.h"
#include "base/limits.h"
#include "ops/record.h"

enum role {
    ROLE_BROKER,
    ROLE_WORKER,
    ROLE_RESOLVER,
    ROLE_KEEPER
};

enum wire {
    /* broker to a child */
    WIRE_PEER = 1, /* +1 descriptor: the pair to (role, index); replaces an earlier one */
    WIRE_CONFIG,   /* +1 descriptor: sealed memory with the new configuration; the log reopens */
    WIRE_MATERIAL, /* to a worker, +1 descriptor: sealed memory with roots and keys; before its start it is what it
                      starts with, later it belongs to the CONFIG behind it */
    WIRE_DRAIN,    /* no new sessions will come; exit 0 when the last one has ended */
    WIRE_SESSION,  /* to a worker, +2 descriptors: client (connected), server (connecting) */
    WIRE_DIALED,   /* to a worker, +1 descriptor (connecting), or none and the errno */
    WIRE_CONTROL,  /* to the keeper, +1 descriptor: the listener of the control socket */
    WIRE_COUNTS,   /* to the keeper: the broker's counters */
    /* a child to the broker */
    WIRE_READY,
    WIRE_DIAL, /* dial the server of session id again */
    WIRE_END,  /* session id is over */
    WIRE_TORN, /* the pair to (role, index) was cut, for what came over it: another one, please */
    /* worker and resolver */
    WIRE_ROUTE_ASK,
    WIRE_ROUTE, /* struct wire_route, then the used bytes of a struct route */
    /* anybody to the keeper */
    WIRE_MEMORY_ASK,
    WIRE_MEMORY, /* and its answer */
    WIRE_RECORD, /* not the resolver: it would teach whose TLS has failed */
    WIRE_LOG,    /* one line for the log */
    /* the resolver to the keeper */
    WIRE_RESOLVER, /* its state: over each new pair, and when it has changed */
    WIRE_ANCHORS,  /* the root's keys, when RFC 5011 has changed them: worth keeping over a restart */
    /* the keeper to the resolver */
    WIRE_KEPT, /* what was kept: over each new pair; the floor of the clock alone, when it has changed */
};

struct wire_simple { /* PEER, CONFIG, MATERIAL, DRAIN, CONTROL, TORN */
    uint32_t kind;
    uint32_t role, index; /* PEER, TORN */
    uint32_t number;      /* PEER: of this pair; TORN: of the one that was cut, since both ends may say so */
};

struct wire_ready {
    uint32_t kind;
    uint32_t seccomp;  /* 1: the system call filter is on */
    uint32_t landlock; /* the kernel's Landlock version that binds the process, 0 for none */
};

struct wire_session { /* SESSION, DIALED, DIAL, END */
    uint32_t kind;
    uint32_t error; /* DIALED: errno, 0 with a descriptor */
    uint64_t id;    /* never used twice while the box is up */
    struct ip client, server;
    uint16_t client_port;
    uint16_t server_port; /* to a worker: that was dialled, which a smarthost's section may have chosen */
};

struct wire_route_ask {
    uint32_t kind;
    uint32_t ask; /* the worker's number, given back with the answer */
    struct ip far;
    uint16_t port;
    uint8_t is_host; /* 1: domain is a host, whose MX is not asked */
    char domain[HOSTNAME_MAX + 1];
};

struct wire_route {
    uint32_t kind;
    uint32_t ask;
};

struct wire_memory_ask {
    uint32_t kind;
    uint32_t ask;
    struct ip client, server;
    char domain[HOSTNAME_MAX + 1];
    char host[HOSTNAME_MAX + 1]; /* MX host, "" where none is known: then the server's address stands for it */
};

struct wire_memory {
    uint32_t kind;
    uint32_t ask;
    uint8_t grace;   /* enum grace */
    int64_t floor_s; /* of the clock, seconds since 1970 */
};

struct wire_record {
    uint32_t kind;
    struct record record;
};

struct wire_log {
    uint32_t kind;
    uint32_t priority; /* syslog's: LOG_ERR, LOG_WARNING, LOG_INFO */
    char text[512];
};

struct wire_resolver { /* without a gap: it is compared as bytes */
    uint32_t kind;
    uint8_t anchored;           /* the root is validated: answers mean something */
    uint8_t clock;              /* enum clock_state */
    uint8_t stale;              /* the source of the trust anchors lacks the key that signs the root */
    uint8_t tracks;             /* RFC 5011 runs */
    uint16_t source, n_trusted; /* enum anchors_source; how many of `tag` */
    uint16_t tag[ANCHORS_MAX];
    uint32_t in_hand; /* routes being looked up */
};

struct wire_kept { /* KEPT, ANCHORS: sent as far as `text` is used */
    uint32_t kind;
    uint32_t n;                  /* bytes of text; 0: no anchors */
    int64_t floor_s;             /* KEPT: of the clock, seconds since 1970; 0 for none */
    char base[ANCHOR_BASE_MAX];  /* the keys that these came from (anchor_base) */
    char text[ANCHORS_TEXT_MAX]; /* anchor_text; read by anchor_parse at the other end */
};

/* One process as `status` shows it. */
struct wire_process {
    uint32_t role, index;
    int32_t pid; /* 0: there is none at the moment */
    uint32_t ready, seccomp, landlock, restarts;
};

struct wire_counts {
    uint32_t kind;
    uint32_t sessions, peak;
    uint64_t accepted, over_limit, refused_address, dial_failed;
    uint32_t draining; /* 1: SIGTERM came */
    uint32_t n_processes;
    struct wire_process process[PROCESSES_MAX];
};

#endif
