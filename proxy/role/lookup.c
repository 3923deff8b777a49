#include "role/lookup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum {
    CLASS_IN = 1,
    SERVFAIL = 2,
    SEC_BOGUS = 1,
    SEC_SECURE = 2 /* of libunbound's callback; 0 is insecure */
};

struct question {
    struct lookup *lookup;
    void *owner;
    lookup_cb *cb; /* NULL: free */
    unsigned id, type;
    int async; /* libunbound's number */
    char name[HOSTNAME_MAX + 1];
};

struct lookup {
    struct ub_ctx *ctx;
    unsigned open;
    struct question question[LOOKUPS_MAX];
    struct answer answer; /* of the callback that runs; big, so not on the stack */
    struct answer_room room;
};

/* Small caches: a mail gateway asks for some hundred names. No answer is cut short by them. */
static const struct {
    const char *name, *value;
} options[] = {
    { "verbosity:", "0" },
    { "use-syslog:", "no" },
    { "msg-cache-size:", "256k" },
    { "rrset-cache-size:", "512k" },
    { "key-cache-size:", "128k" },
    { "neg-cache-size:", "64k" },
    { "infra-cache-numhosts:", "500" },
    { "infra-cache-max-rtt:", "3000" }, /* a dead server costs 5 s instead of 29, which no decision budget has */
    { "infra-host-ttl:", "15" },        /* servers that were silent while the line was down are asked again soon */
    { "infra-keep-probing:", "yes" },
    { "outgoing-range:", "128" }, /* the library's own default is 16 */
    { "outgoing-num-tcp:", "16" },
    { "num-queries-per-thread:", "128" },
    { "val-max-restart:", "1" }, /* a bogus answer is asked for once more, not 5 times: each may cost 0.1 s of CPU */
};

/* Zones that the library answers by itself, insecurely, with NXDOMAIN: the root's own denial is proven. */
static const char *const transparent[] = { "test.", "home.arpa." };

static bool set(struct lookup *l, const char *name, const char *value, char *say, size_t cap)
{
    const int rc = ub_ctx_set_option(l->ctx, name, value);

    if (rc != 0)
        (void)snprintf(say, cap, "libunbound: %s %s: %s", name, value, ub_strerror(rc));
    return rc == 0;
}

static bool set_forwarders(struct lookup *l, const struct config_endpoints *forward, char *say, size_t cap)
{
    for (uint32_t i = 0; i < forward->n; i++) {
        const struct ip ip = forward->at[i].ip;
        char address[IP_TEXT_MAX], text[IP_TEXT_MAX + 8];

        ip_text(&ip, address);
        (void)snprintf(text, sizeof text, "%s@%u", address, (unsigned)forward->at[i].port);
        if (ip_is_special(&ip) && !set(l, "do-not-query-localhost:", "no", say, cap))
            return false;
        const int rc = ub_ctx_set_fwd(l->ctx, text);

        if (rc != 0) {
            (void)snprintf(say, cap, "forwarder %s: %s", text, ub_strerror(rc));
            return false;
        }
    }
    return true;
}

static bool set_anchors(struct lookup *l, const struct anchors *anchors, const char *tracked, char *say, size_t cap)
{
    if (tracked != NULL) /* the library takes either a file of the root or its keys, not both */
        return set(l, "auto-trust-anchor-file:", tracked, say, cap);
    for (unsigned i = 0; i < anchors->n; i++) {
        const struct anchor *key = &anchors->key[i];
        const int rc = anchor_is_trusted(key) ? ub_ctx_add_ta(l->ctx, key->line) : 0;

        if (rc != 0) {
            (void)snprintf(say, cap, "trust anchor '%.60s': %s", key->line, ub_strerror(rc));
            return false;
        }
    }
    return true;
}

static bool configure(struct lookup *l, const struct lookup_config *config, const struct anchors *anchors,
                      const char *tracked, char *say, size_t cap)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (!set(l, options[i].name, options[i].value, say, cap))
            return false;
    if (config->tcp && !set(l, "tcp-upstream:", "yes", say, cap))
        return false;
    /* Without the file the library's built-in list of root servers serves. */
    if (config->root_hints[0] != '\0' && access(config->root_hints, R_OK) == 0 &&
        !set(l, "root-hints:", config->root_hints, say, cap))
        return false;
    return set_anchors(l, anchors, tracked, say, cap) && set_forwarders(l, &config->forward, say, cap);
}

/* Of the first question: did the library make it? */
static void first(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    bool *well = owner;

    (void)id;
    (void)why_bogus;
    *well = a->result != ANSWER_ERROR;
}

static void ignore(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    (void)owner;
    (void)id;
    (void)a;
    (void)why_bogus;
}

/* The library takes its options and anchors at the first zone, and its hints at the first question: have both now,
 * while files can be opened and errors be told. */
static bool finalise(struct lookup *l, char *say, size_t cap)
{
    bool well = false;

    for (size_t i = 0; i < sizeof transparent / sizeof transparent[0]; i++) {
        const int rc = ub_ctx_zone_add(l->ctx, transparent[i], "transparent");

        if (rc != 0) {
            (void)snprintf(say, cap, "libunbound refuses the trust anchors or its options: %s", ub_strerror(rc));
            return false;
        }
    }
    lookup_ask(l, "localhost", TYPE_A, 0, first, &well); /* the library's own data: the answer is there at once */
    lookup_forget(l, &well);
    if (!well)
        (void)snprintf(say, cap, "libunbound cannot start: are the root hints in order?");
    return well;
}

static bool has_trusted(const struct anchors *anchors)
{
    for (unsigned i = 0; i < anchors->n; i++)
        if (anchor_is_trusted(&anchors->key[i]))
            return true;
    return false;
}

struct lookup *lookup_new(struct loop *loop, const struct lookup_config *config, const struct anchors *anchors,
                          const char *tracked, char *say, size_t cap)
{
    struct lookup *l = calloc(1, sizeof *l);

    if (l == NULL || !has_trusted(anchors)) {
        (void)snprintf(say, cap, "%s", l == NULL ? "out of memory" : "no trust anchor");
        free(l);
        return NULL;
    }
    l->ctx = ub_ctx_create_event(loop_base(loop));
    if (l->ctx == NULL)
        (void)snprintf(say, cap, "libunbound: out of memory");
    if (l->ctx == NULL || !configure(l, config, anchors, tracked, say, cap) || !finalise(l, say, cap)) {
        lookup_free(l);
        return NULL;
    }
    return l;
}

void lookup_free(struct lookup *l)
{
    if (l != NULL && l->ctx != NULL)
        ub_ctx_delete(l->ctx);
    free(l);
}

unsigned lookup_room(const struct lookup *l)
{
    return LOOKUPS_MAX - l->open;
}

static void end(struct question *q)
{
    q->cb = NULL;
    q->lookup->open--;
}

/* Trust first; the library's rcode next; then the packet's own rcode, since the library's is 0 for NXDOMAIN and for a
 * SERVFAIL out of its cache. */
static void answered(void *data, int rcode, void *packet, int n, int sec, char *why, int limited)
{
    struct question q = *(struct question *)data;
    struct lookup *l = q.lookup;
    struct answer *a = &l->answer;
    char text[256] = "";

    (void)limited;
    if (q.cb == NULL)
        return;
    end(data);
    *a = (struct answer){ .trust = TRUST_ERROR, .result = ANSWER_ERROR };
    if (sec == SEC_BOGUS) {
        a->trust = TRUST_BOGUS;
        (void)text_printable(span_str(why == NULL ? "no reason given" : why), text, sizeof text);
    } else if (rcode == 0 && packet != NULL && n > 0) {
        answer_read(span_of(packet, (size_t)n), q.name, q.type, &l->room, a);
        a->trust = sec == SEC_SECURE ? TRUST_SECURE : TRUST_INSECURE;
    }
    q.cb(q.owner, q.id, a, sec == SEC_BOGUS ? text : NULL);
}

void lookup_ask(struct lookup *l, const char *name, unsigned type, unsigned id, lookup_cb *cb, void *owner)
{
    struct question *q = l->question;

    while (q->cb != NULL)
        q++;
    *q = (struct question){ .lookup = l, .owner = owner, .cb = cb, .id = id, .type = type };
    (void)snprintf(q->name, sizeof q->name, "%s", name);
    l->open++;
    /* The number is written before the callback can come; behind the call *q may be another question already. */
    if (ub_resolve_event(l->ctx, name, (int)type, CLASS_IN, q, answered, &q->async) != 0)
        answered(q, SERVFAIL, NULL, 0, 0, NULL, 0);
}

void lookup_forget(struct lookup *l, const void *owner)
{
    for (struct question *q = l->question; q < l->question + LOOKUPS_MAX; q++) {
        if (q->cb == NULL || q->owner != owner)
            continue;
        if (ub_cancel(l->ctx, q->async) == 0) {
            end(q);
        } else { /* the library will call: the place is taken until then */
            q->cb = ignore;
            q->owner = NULL;
        }
    }
}
