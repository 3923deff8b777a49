#include "dane/route_host.h"

#include "dane/tlsa.h"
#include "dane/usable.h"

#include <stdio.h>

static const unsigned types[KIND__COUNT] = { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_TLSA, TYPE_TLSA };

unsigned route_host_id(unsigned host, enum route_kind kind)
{
    return 1 + host * KIND__COUNT + kind;
}

static bool is_answer(unsigned trust)
{
    return trust == TRUST_SECURE || trust == TRUST_INSECURE;
}

/* What an answer is worth: an error hides an answer, and has no trust of its own (RFC 7672 2.1.2). */
enum trust route_host_trust(struct route_plan *p, const struct answer *a)
{
    if (a->trust == TRUST_BOGUS)
        return TRUST_BOGUS;
    if (a->result == ANSWER_TIMEOUT)
        p->route.timeout = 1;
    if (a->result > ANSWER_NXDOMAIN || !is_answer(a->trust))
        return TRUST_ERROR;
    return (a->result == ANSWER_DATA) == (a->n > 0) && a->n <= ROUTE_ANSWER_MAX ? (enum trust)a->trust : TRUST_ERROR;
}

bool route_host_put_text(struct route *r, struct span s, struct route_text *out)
{
    if (s.n > sizeof r->pool - r->pool_used)
        return false;
    *out = (struct route_text){ r->pool_used, (uint16_t)s.n };
    if (s.n > 0)
        memcpy(r->pool + r->pool_used, s.p, s.n);
    r->pool_used = (uint16_t)(r->pool_used + s.n);
    return true;
}

static bool text_eq(const struct route *r, struct route_text a, struct route_text b)
{
    return span_eq(route_text(r, a), route_text(r, b));
}

static void want(struct route_plan *p, unsigned host, enum route_kind kind)
{
    if (p->state[route_host_id(host, kind)] == IDLE)
        p->state[route_host_id(host, kind)] = WANTED;
}

/* ---- TLSA ----------------------------------------------------------------------------------------------------------
 */

/* An error stays one: the host is unreachable (RFC 7672 2.1.2), whatever else was found for it. */
void route_host_failed(struct route_host *h)
{
    h->tlsa = TLSA_ERROR;
    h->n_tlsa = 0;
    h->base = h->name;
}

static void keep_records(struct route_plan *p, struct route_host *h, struct route_text owner, const struct answer *a)
{
    struct route *r = &p->route;
    struct tlsa set[ROUTE_TLSA_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < a->n; i++)
        if (tlsa_parse(a->rdata[i], &set[n]) == OK) /* one that cannot be read is unusable by itself (RFC 6698 4.1) */
            n++;
    n = usable_select(set, n, true);
    if (n > (size_t)(ROUTE_TLSA_ALL - r->n_record)) {
        route_host_failed(h);
        return;
    }
    h->tlsa = n > 0 ? TLSA_USABLE : TLSA_UNUSABLE;
    h->base = owner;
    h->tlsa_at = r->n_record;
    for (size_t i = 0; i < n; i++) {
        struct route_tlsa *to = &r->record[r->n_record];

        if (!route_host_put_text(r, set[i].data, &to->data)) {
            route_host_failed(h);
            r->n_record = h->tlsa_at;
            return;
        }
        to->usage = (uint8_t)set[i].usage;
        to->selector = (uint8_t)set[i].selector;
        to->match = (uint8_t)set[i].match;
        r->n_record++;
        h->n_tlsa++;
    }
}

/* The candidate base domain that a TLSA question of this kind is about. */
static struct route_text tlsa_base(const struct route_plan *p, unsigned host, enum route_kind kind)
{
    const struct route_text *canonical = p->host[host].canonical;

    if (kind == KIND_TLSA)
        return p->route.host[host].name;
    return canonical[0].n > 0 ? canonical[0] : canonical[1];
}

/* RFC 7672 2.2.3: the first candidate base with secure records is the base, usable or not; aliases of the TLSA owner
 * do not change it. */
static void on_tlsa(struct route_plan *p, unsigned host, enum route_kind kind, const struct answer *a)
{
    struct route_host *h = &p->route.host[host];
    const struct route_text owner = tlsa_base(p, host, kind);
    const enum trust trust = route_host_trust(p, a);

    if (h->tlsa > TLSA_NONE)
        return;
    if (!is_answer(trust) || a->n > ROUTE_TLSA_MAX)
        route_host_failed(h);
    else if (trust == TRUST_SECURE && a->n > 0)
        keep_records(p, h, owner, a);
    else if (kind == KIND_TLSA_EXPANDED)
        want(p, host, KIND_TLSA);
    else
        h->tlsa = TLSA_NONE;
}

/* Asks for the TLSA records of a host whose answer of this family is secure. */
static void want_tlsa(struct route_plan *p, unsigned host, unsigned family)
{
    want(p, host, p->host[host].canonical[family].n > 0 ? KIND_TLSA_EXPANDED : KIND_TLSA);
}

/* The owner is an alias whose target is insecure: is the alias itself secure? Then TLSA stand at its name (RFC
 * 7672 2.2.2). */
static void on_cname(struct route_plan *p, unsigned host, const struct answer *a)
{
    const enum trust trust = route_host_trust(p, a);

    if (!is_answer(trust))
        route_host_failed(&p->route.host[host]);
    else if (trust == TRUST_SECURE && a->n > 0)
        want(p, host, KIND_TLSA);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------
 */

bool route_host_put_address(struct route_plan *p, unsigned host, const struct ip *ip, enum trust trust)
{
    struct route *r = &p->route;

    if (r->host[host].n_address == ROUTE_ADDRESSES_MAX || r->n_address == ROUTE_ADDRESSES_ALL)
        return false;
    r->host[host].n_address++;
    p->owner[r->n_address] = (uint8_t)host;
    r->address[r->n_address] = (struct route_address){ *ip, (uint8_t)trust };
    r->n_address++;
    return true;
}

/* All addresses of an answer, or none and false. */
static bool put_addresses(struct route_plan *p, unsigned host, unsigned family, enum trust trust,
                          const struct answer *a)
{
    const uint8_t had = p->route.host[host].n_address;
    const uint16_t had_all = p->route.n_address;
    const size_t size = family == KIND_A ? 4 : 16;
    bool ok = true;

    for (unsigned i = 0; ok && i < a->n; i++) {
        struct ip ip;

        ok = a->rdata[i].n == size;
        if (!ok)
            break;
        if (family == KIND_A)
            ip = ip_v4(a->rdata[i].p);
        else
            memcpy(ip.b, a->rdata[i].p, sizeof ip.b);
        ok = route_host_put_address(p, host, &ip, trust);
    }
    if (!ok) {
        p->route.host[host].n_address = had;
        p->route.n_address = had_all;
    }
    return ok;
}

/* The name behind a secure alias, into the pool. */
static bool put_canonical(struct route_plan *p, unsigned host, unsigned family, const struct answer *a)
{
    struct plan_host *ph = &p->host[host];
    const struct route_text other = ph->canonical[!family];
    struct hostname name;

    if (answer_name(a->canonical, &name) != OK)
        return false;
    if (other.n > 0 && span_eq(route_text(&p->route, other), hostname_span(&name))) {
        ph->canonical[family] = other;
        return true;
    }
    return route_host_put_text(&p->route, hostname_span(&name), &ph->canonical[family]);
}

/* Both families have answered. */
static void addresses_known(struct route_plan *p, unsigned host)
{
    struct route_host *h = &p->route.host[host];
    const bool secure[2] = { h->trust[0] == TRUST_SECURE, h->trust[1] == TRUST_SECURE };
    const bool failed = !is_answer(h->trust[0]) || !is_answer(h->trust[1]);

    /* Two secure names behind one alias: it changed between the two answers; the client's next try sees one. */
    if (secure[0] && secure[1] && !text_eq(&p->route, p->host[host].canonical[0], p->host[host].canonical[1]))
        route_host_failed(h);
    /* A secure denial beside a failure: the failure may hide addresses, so what binds them is asked for. */
    if ((secure[0] || secure[1]) && (h->n_address > 0 || failed))
        want_tlsa(p, host, secure[0] ? 0 : 1);
}

static void on_address(struct route_plan *p, unsigned host, enum route_kind family, const struct answer *a)
{
    struct route_host *h = &p->route.host[host];
    enum trust trust = route_host_trust(p, a);
    const bool aliased = a->canonical.n > 0;

    if (trust == TRUST_SECURE && aliased && !put_canonical(p, host, family, a))
        trust = TRUST_ERROR;
    if (is_answer(trust) && !put_addresses(p, host, family, trust, a))
        trust = TRUST_ERROR;
    if (trust != TRUST_SECURE)
        p->host[host].canonical[family] = (struct route_text){ 0 };
    h->trust[family] = (uint8_t)trust;
    if (trust == TRUST_SECURE && a->n > 0)
        want_tlsa(p, host, family);
    if (trust == TRUST_INSECURE && aliased)
        want(p, host, KIND_CNAME);
    if (p->state[route_host_id(host, KIND_A)] == ANSWERED && p->state[route_host_id(host, KIND_AAAA)] == ANSWERED)
        addresses_known(p, host);
}

void route_host_c_text(const struct route_plan *p, struct route_text t, char out[HOSTNAME_MAX + 1])
{
    const struct span s = route_text(&p->route, t);

    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

/* The name of a question; false where it would be longer than a name can be. */
static bool question_name(const struct route_plan *p, unsigned host, enum route_kind kind, char out[HOSTNAME_MAX + 1])
{
    struct span base;
    int n;

    if (types[kind] != TYPE_TLSA) {
        route_host_c_text(p, p->route.host[host].name, out);
        return true;
    }
    base = route_text(&p->route, tlsa_base(p, host, kind));
    n = snprintf(out, HOSTNAME_MAX + 1, "_%u._tcp.%.*s", (unsigned)p->port, (int)base.n, (const char *)base.p);
    return n > 0 && n <= HOSTNAME_MAX;
}

bool route_host_question(const struct route_plan *p, unsigned host, enum route_kind kind, struct route_question *out)
{
    out->type = types[kind];
    return question_name(p, host, kind, out->name);
}

void route_host_begin(struct route_plan *p, unsigned host)
{
    want(p, host, KIND_A);
    want(p, host, KIND_AAAA);
}

void route_host_answer(struct route_plan *p, unsigned host, enum route_kind kind, const struct answer *a)
{
    switch (kind) {
    case KIND_A:
    case KIND_AAAA:
        on_address(p, host, kind, a);
        break;
    case KIND_CNAME:
        on_cname(p, host, a);
        break;
    case KIND_TLSA_EXPANDED:
    case KIND_TLSA:
        on_tlsa(p, host, kind, a);
        break;
    case KIND__COUNT:
        break;
    }
}

bool route_host_is_open(const struct route_plan *p, unsigned id)
{
    return p->state[id] == WANTED || p->state[id] == ASKED;
}

/* What is still open at this host, as the timeout that it has become. */
void route_host_close(const struct route_plan *p, unsigned host, struct route *out)
{
    struct route_host *h = &out->host[host];
    bool open = false;

    for (unsigned kind = KIND_CNAME; kind < KIND__COUNT; kind++)
        open = open || route_host_is_open(p, route_host_id(host, (enum route_kind)kind));
    for (unsigned family = KIND_A; family <= KIND_AAAA; family++) {
        if (!route_host_is_open(p, route_host_id(host, (enum route_kind)family)))
            continue;
        h->trust[family] = TRUST_ERROR;
        out->timeout = 1;
        /* A secure denial so far: the TLSA that would bind the missing addresses were not asked for yet. */
        open = open || (h->trust[!family] == TRUST_SECURE && h->tlsa == TLSA_NOT_ASKED);
    }
    if (open) {
        out->timeout = 1;
        if (h->tlsa <= TLSA_NONE)
            route_host_failed(h);
    }
}
