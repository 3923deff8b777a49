#include "policy/grace.h"

#include <stdio.h>

enum {
    APART_MS = 60 * 1000,            /* failures closer together are one failure */
    FORGET_MS = 24 * 60 * 60 * 1000, /* a day without a try */
};

/* FNV-1a: it only saves comparing keys, equality is decided by the keys. */
static uint32_t hash_bytes(uint32_t h, const void *p, size_t n)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 16777619u;
    return h;
}

static uint32_t hash_of(const struct grace_key *k)
{
    uint32_t h = hash_bytes(2166136261u, k->client.b, sizeof k->client.b);

    h = hash_bytes(h, k->domain, strlen(k->domain) + 1);
    return hash_bytes(h, k->host, strlen(k->host));
}

static bool same(const struct grace_key *a, const struct grace_key *b)
{
    return ip_eq(&a->client, &b->client) && strcmp(a->domain, b->domain) == 0 && strcmp(a->host, b->host) == 0;
}

/* Index of the key, or t->n. */
static uint32_t find(const struct grace_table *t, const struct grace_key *key)
{
    const uint32_t hash = hash_of(key);
    uint32_t i = 0;

    while (i < t->n && !(t->entry[i].hash == hash && same(&t->entry[i].key, key)))
        i++;
    return i;
}

static bool is_forgotten(const struct grace_entry *e, struct mono now)
{
    return now.ms - e->last.ms >= FORGET_MS;
}

void grace_key_of(struct grace_key *out, const struct ip *client, const struct ip *server, const char *domain,
                  const char *host)
{
    char address[IP_TEXT_MAX];

    ip_text(server, address);
    out->client = *client;
    (void)snprintf(out->domain, sizeof out->domain, "%s", domain);
    (void)snprintf(out->host, sizeof out->host, "%s", host[0] == '\0' ? address : host);
}

enum grace grace_judge(const struct grace_table *t, const struct grace_key *key, struct mono now,
                       uint32_t clear_after_s)
{
    const int64_t patience_ms = clear_after_s * INT64_C(1000);

    if (clear_after_s == 0)
        return GRACE_OVER;

    const uint32_t i = find(t, key);

    if (i == t->n || is_forgotten(&t->entry[i], now))
        return GRACE_WAIT;
    return now.ms - t->entry[i].first.ms >= (patience_ms > APART_MS ? patience_ms : APART_MS) ? GRACE_OVER : GRACE_WAIT;
}

/* A place for a new entry: the next free one, or that of the failure longest ago. */
static uint32_t place(struct grace_table *t)
{
    uint32_t oldest = 0;

    if (t->n < GRACE_ENTRIES_MAX)
        return t->n++;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->entry[i].last.ms < t->entry[oldest].last.ms)
            oldest = i;
    return oldest;
}

void grace_failed(struct grace_table *t, const struct grace_key *key, struct mono now)
{
    const uint32_t i = find(t, key);

    if (i < t->n && !is_forgotten(&t->entry[i], now)) {
        t->entry[i].last = now;
        return;
    }
    t->entry[i < t->n ? i : place(t)] = (struct grace_entry){ hash_of(key), now, now, *key };
}

void grace_succeeded(struct grace_table *t, const struct grace_key *key)
{
    const uint32_t i = find(t, key);

    if (i < t->n)
        t->entry[i] = t->entry[--t->n];
}
