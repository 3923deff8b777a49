#include "dane/route_plan.h"

#include "base/cur.h"
#include "dane/route_host.h"

#include <assert.h>

static_assert(ROUTE_QUESTIONS_MAX == 1 + ROUTE_HOSTS_MAX * KIND__COUNT, "one number for each question");
static_assert(sizeof(struct route) <= MSG_MAX - 64, "a route fits one message");

static bool is_answer(unsigned trust)
{
    return trust == TRUST_SECURE || trust == TRUST_INSECURE;
}

/* ---- MX -------------------------------------------------------------------------------------------------------------
 */

/* A host of the set, once; what cannot be taken leaves the set incomplete. */
static void put_host(struct route_plan *p, unsigned preference, struct span name)
{
    struct route *r = &p->route;
    struct route_host *h = &r->host[r->n_host];
    struct ip ip;

    for (unsigned i = 0; i < r->n_host; i++)
        if (span_eq(route_text(r, r->host[i].name), name))
            return;
    if (r->n_host == ROUTE_HOSTS_MAX || !route_host_put_text(r, name, &h->name)) {
        r->incomplete = 1;
        return;
    }
    h->preference = (uint16_t)preference;
    h->base = h->name;
    r->n_host++;
    if (ip_parse(name, &ip) == OK) { /* an address in place of a name: no DNS, so no DANE (RFC 7672 2.2) */
        h->trust[0] = h->trust[1] = r->mx_trust;
        h->tlsa = r->mx_trust == TRUST_SECURE ? TLSA_NONE : TLSA_NOT_ASKED;
        if (!route_host_put_address(p, r->n_host - 1U, &ip, (enum trust)r->mx_trust))
            r->incomplete = 1;
        return;
    }
    route_host_begin(p, r->n_host - 1U);
}

struct mx {
    uint16_t preference;
    struct span name; /* wire form */
};

/* The records by preference; those of one preference stay as they came (RFC 7672 2.2.1: security changes no order). */
static bool sort_mx(const struct answer *a, struct mx *out)
{
    for (unsigned i = 0; i < a->n; i++) {
        struct cur c = cur_of(a->rdata[i]);
        const uint16_t preference = cur_u16(&c);
        const struct span name = cur_rest(&c);
        unsigned at = i;

        if (cur_failed(&c) || name.n == 0)
            return false;
        for (; at > 0 && out[at - 1].preference > preference; at--)
            out[at] = out[at - 1];
        out[at] = (struct mx){ preference, name };
    }
    return true;
}

static bool put_mx_set(struct route_plan *p, const struct answer *a)
{
    struct mx mx[ROUTE_ANSWER_MAX];
    unsigned null = 0;

    if (!sort_mx(a, mx))
        return false;
    for (unsigned i = 0; i < a->n; i++) {
        struct hostname name;

        if (mx[i].name.n == 1 && mx[i].name.p[0] == 0) {
            null++;
            continue;
        }
        switch (answer_name(mx[i].name, &name)) {
        case OK:
            put_host(p, mx[i].preference, hostname_span(&name));
            break;
        case UNUSABLE:
            p->route.incomplete = 1;
            break;
        default:
            return false;
        }
    }
    p->route.mx = null == a->n ? ROUTE_MX_NULL : ROUTE_MX_LIST; /* a root beside real hosts is no host (RFC 7505 3) */
    return true;
}

static void mx_failed(struct route_plan *p, enum trust how)
{
    const uint8_t timeout = p->route.timeout;

    route_failed(&p->route, how, timeout != 0);
    memset(p->state, IDLE, sizeof p->state);
    p->state[0] = ANSWERED;
}

static void on_mx(struct route_plan *p, const struct answer *a)
{
    struct route *r = &p->route;
    const enum trust trust = route_host_trust(p, a);
    struct hostname name;

    if (!is_answer(trust)) {
        mx_failed(p, trust);
        return;
    }
    r->mx_trust = (uint8_t)trust;
    if (a->result == ANSWER_NXDOMAIN) {
        r->mx = ROUTE_NO_DOMAIN;
    } else if (a->result == ANSWER_NODATA) { /* RFC 5321 5.1, RFC 7672 2.2.2 */
        r->mx = ROUTE_MX_IMPLICIT;
        put_host(p, 0, route_text(r, p->domain));
    } else if (!put_mx_set(p, a)) {
        mx_failed(p, TRUST_ERROR);
        return;
    }
    /* An expanded name only adds a name that a certificate may bear: one that is no host name adds none. */
    if (trust == TRUST_SECURE && a->canonical.n > 0 && answer_name(a->canonical, &name) == OK &&
        !route_host_put_text(r, hostname_span(&name), &r->expanded))
        mx_failed(p, TRUST_ERROR);
}

/* ---- the plan
 * -------------------------------------------------------------------------------------------------------- */

void route_plan_init(struct route_plan *p, const struct hostname *domain, uint16_t port, bool is_host)
{
    memset(p, 0, offsetof(struct route_plan, route) + offsetof(struct route, pool));
    p->port = port;
    p->is_host = is_host;
    p->state[0] = is_host ? ANSWERED : WANTED;
    p->route.ttl_s = UINT32_MAX;
    (void)route_host_put_text(&p->route, hostname_span(domain), &p->domain);
    if (!is_host)
        return;
    p->route.mx = ROUTE_MX_IMPLICIT;
    p->route.mx_trust = TRUST_SECURE;
    put_host(p, 0, route_text(&p->route, p->domain));
}

bool route_plan_next(struct route_plan *p, struct route_question *out)
{
    for (unsigned id = 0; id < 1U + p->route.n_host * KIND__COUNT; id++) {
        const unsigned host = id == 0 ? 0 : (id - 1) / KIND__COUNT;
        const enum route_kind kind = id == 0 ? KIND_A : (enum route_kind)((id - 1) % KIND__COUNT);

        if (p->state[id] != WANTED)
            continue;
        p->state[id] = ASKED;
        out->id = id;
        if (id == 0) {
            out->type = TYPE_MX;
            route_host_c_text(p, p->domain, out->name);
            return true;
        }
        if (route_host_question(p, host, kind, out))
            return true;
        p->state[id] = ANSWERED;
        route_host_failed(&p->route.host[host]);
    }
    return false;
}

void route_plan_answer(struct route_plan *p, unsigned id, const struct answer *a)
{
    if (id >= ROUTE_QUESTIONS_MAX || p->state[id] != ASKED)
        return;
    p->state[id] = ANSWERED;
    if (a->result <= ANSWER_NXDOMAIN && a->ttl_s < p->route.ttl_s)
        p->route.ttl_s = a->ttl_s;
    if (id == 0) {
        on_mx(p, a);
        return;
    }
    const unsigned host = (id - 1) / KIND__COUNT;
    const enum route_kind kind = (enum route_kind)((id - 1) % KIND__COUNT);

    route_host_answer(p, host, kind, a);
}

uint32_t route_plan_ttl_s(const struct route_plan *p)
{
    return p->route.ttl_s;
}

bool route_plan_done(const struct route_plan *p)
{
    for (unsigned id = 0; id < ROUTE_QUESTIONS_MAX; id++)
        if (route_host_is_open(p, id))
            return false;
    return true;
}

void route_plan_finish(const struct route_plan *p, struct route *out)
{
    const struct route *r = &p->route;

    if (route_host_is_open(p, 0)) {
        route_failed(out, TRUST_ERROR, true);
    } else {
        memcpy(out, r, offsetof(struct route, pool) + r->pool_used);
        memset(out->address, 0, sizeof out->address);
        out->n_address = 0;
        for (unsigned host = 0; host < r->n_host; host++) {
            out->host[host].address = out->n_address;
            for (unsigned i = 0; i < r->n_address; i++)
                if (p->owner[i] == host)
                    out->address[out->n_address++] = r->address[i];
            route_host_close(p, host, out);
        }
    }
    out->size = (uint32_t)(offsetof(struct route, pool) + out->pool_used);
    out->anchored = 0;
    out->clock = 0;
}
