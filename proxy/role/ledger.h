/*
 * ledger - which sessions there are, whose each is, and how many: the broker's only memory of them.
 * A worker may ask for another connection of a session that stands here under its name, and for nothing else. Does no
 * I/O.
 */
#ifndef ROLE_LEDGER_H
#define ROLE_LEDGER_H

#include "base/ip.h"
#include "base/limits.h"

struct ledger;

struct ledger_entry {
    uint64_t id; /* 0: free */
    struct ip client, server;
    uint16_t client_port, server_port;
    unsigned worker;
};

/*
 * ledger_new - room for `cap` sessions.
 *   boot_ms  the time since the machine's start: ids of this ledger are above those of one that was made before it
 *   returns  NULL where there is no memory
 */
struct ledger *ledger_new(unsigned cap, uint64_t boot_ms);
void ledger_free(struct ledger *l);

/* ledger_admits - would one more of this client's sessions be within both bounds (and the ledger's own)? */
bool ledger_admits(const struct ledger *l, const struct ip *client, unsigned sessions, unsigned per_client);

/* ledger_open - a new entry with an id that was never used; the caller fills in the rest. NULL when it is full. The
 * entry stays where it is until it is closed. */
struct ledger_entry *ledger_open(struct ledger *l, unsigned worker);

/* ledger_find - the session `id` of that worker; NULL where there is none, or where it is another's. */
struct ledger_entry *ledger_find(struct ledger *l, uint64_t id, unsigned worker);
void ledger_close(struct ledger *l, struct ledger_entry *e);

/* ledger_forget - all sessions of a worker that died. */
void ledger_forget(struct ledger *l, unsigned worker);

unsigned ledger_count(const struct ledger *l);
unsigned ledger_peak(const struct ledger *l);
unsigned ledger_of(const struct ledger *l, unsigned worker);

#endif
