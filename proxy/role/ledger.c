#include "role/ledger.h"

#include <assert.h>
#include <stdlib.h>

#define SLOT_BITS 20 /* an id is a running number above its slot: found without a search */
#define SLOT(id) ((id) & ((1U << SLOT_BITS) - 1))

struct ledger {
    unsigned cap, count, peak, of[PEERS_MAX];
    uint64_t serial;
    struct ledger_entry entry[];
};

_Static_assert(SESSIONS_MAX < 1U << SLOT_BITS, "every session's slot fits its id");

struct ledger *ledger_new(unsigned cap, uint64_t boot_ms)
{
    struct ledger *l = NULL;

    assert(cap <= SESSIONS_MAX);
    l = calloc(1, sizeof *l + cap * sizeof l->entry[0]);
    if (l != NULL) {
        l->cap = cap;
        l->serial = boot_ms; /* no box starts a session every millisecond of its life */
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    free(l);
}

bool ledger_admits(const struct ledger *l, const struct ip *client, unsigned sessions, unsigned per_client)
{
    unsigned same = 0;

    if (l->count >= l->cap || l->count >= sessions)
        return false;
    for (unsigned i = 0; i < l->cap; i++)
        same += l->entry[i].id != 0 && ip_eq(&l->entry[i].client, client);
    return same < per_client;
}

struct ledger_entry *ledger_open(struct ledger *l, unsigned worker)
{
    assert(worker < PEERS_MAX);
    for (unsigned i = 0; i < l->cap; i++) {
        struct ledger_entry *const e = &l->entry[i];

        if (e->id != 0)
            continue;
        *e = (struct ledger_entry){ .id = ++l->serial << SLOT_BITS | i, .worker = worker };
        l->of[worker]++;
        l->count++;
        l->peak = l->count > l->peak ? l->count : l->peak;
        return e;
    }
    return NULL;
}

struct ledger_entry *ledger_find(struct ledger *l, uint64_t id, unsigned worker)
{
    if (id == 0 || SLOT(id) >= l->cap)
        return NULL;
    struct ledger_entry *const e = &l->entry[SLOT(id)];
    return e->id == id && e->worker == worker ? e : NULL;
}

void ledger_close(struct ledger *l, struct ledger_entry *e)
{
    assert(e->id != 0 && l->count > 0 && l->of[e->worker] > 0);
    l->of[e->worker]--;
    l->count--;
    e->id = 0;
}

void ledger_forget(struct ledger *l, unsigned worker)
{
    for (unsigned i = 0; i < l->cap; i++)
        if (l->entry[i].id != 0 && l->entry[i].worker == worker)
            ledger_close(l, &l->entry[i]);
}

unsigned ledger_count(const struct ledger *l)
{
    return l->count;
}

unsigned ledger_peak(const struct ledger *l)
{
    return l->peak;
}

unsigned ledger_of(const struct ledger *l, unsigned worker)
{
    return l->of[worker];
}
