#include "dane/route_plan.h"

#include "base/cur.h"
#include "dane/tlsa.h"
#include "dane/usable.h"

#include <assert.h>
#include <stdio.h>

enum state {
    IDLE,
    WANTED,
    ASKED,
    ANSWERED
};

/* The questions about one host. Question 0 is the domain's MX. */
enum kind {
    KIND_A,
    KIND_AAAA,
    KIND_CNAME,         /* is the alias secure, whose target is not? */
    KIND_TLSA_EXPANDED, /* at the name behind a wholly secure alias */
    KIND_TLSA,          /* at the host's own name */
    KIND__COUNT
};
static_assert(ROUTE_QUESTIONS_MAX == 1 + ROUTE_HOSTS_MAX * KIND__COUNT, "one number for each question");
static_assert(sizeof(struct route) <= MSG_MAX - 64, "a route fits one message");

static const unsigned types[KIND__COUNT] = { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_TLSA, TYPE_TLSA };

static unsigned id_of(unsigned host, enum kind kind)
{
    return 1 + host * KIND__COUNT + kind;
}

static bool is_answer(unsigned trust)
{
    return trust == TRUST_SECURE || trust == TRUST_INSECURE;
}

/* What an answer is worth: an error hides an answer, and has no trust of its own (RFC 7672 2.1.2). */
static enum trust trust_of(struct route_plan *p, const struct answer *a)
{
    if (a->trust == TRUST_BOGUS)
        return TRUST_BOGUS;
    if (a->result == ANSWER_TIMEOUT)
        p->route.timeout = 1;
    if (a->result > ANSWER_NXDOMAIN || !is_answer(a->trust))
        return TRUST_ERROR;
    return (a->result == ANSWER_DATA) == (a->n > 0) && a->n <= ROUTE_ANSWER_MAX ? (enum trust)a->trust : TRUST_ERROR;
}

static bool pool_put(struct route *r, struct span s, struct route_text *out)
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

static void want(struct route_plan *p, unsigned host, enum kind kind)
{
    if (p->state[id_of(host, kind)] == IDLE)
        p->state[id_of(host, kind)] = WANTED;
}

/* ---- TLSA ----------------------------------------------------------------------------------------------------------
 */

/* An error stays one: the host is unreachable (RFC 7672 2.1.2), whatever else was found for it. */
static void tlsa_failed(struct route_host *h)
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
        tlsa_failed(h);
        return;
    }
    h->tlsa = n > 0 ? TLSA_USABLE : TLSA_UNUSABLE;
    h->base = owner;
    h->tlsa_at = r->n_record;
    for (size_t i = 0; i < n; i++) {
        struct route_tlsa *to = &r->record[r->n_record];

        if (!pool_put(r, set[i].data, &to->data)) {
            tlsa_failed(h);
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
static struct route_text tlsa_base(const struct route_plan *p, unsigned host, enum kind kind)
{
    const struct route_text *canonical = p->host[host].canonical;

    if (kind == KIND_TLSA)
        return p->route.host[host].name;
    return canonical[0].n > 0 ? canonical[0] : canonical[1];
}

/* RFC 7672 2.2.3: the first candidate base with secure records is the base, usable or not; aliases of the TLSA owner
 * do not change it. */
static void on_tlsa(struct route_plan *p, unsigned host, enum kind kind, const struct answer *a)
{
    struct route_host *h = &p->route.host[host];
    const struct route_text owner = tlsa_base(p, host, kind);
    const enum trust trust = trust_of(p, a);

    if (h->tlsa > TLSA_NONE)
        return;
    if (!is_answer(trust) || a->n > ROUTE_TLSA_MAX)
        tlsa_failed(h);
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
    const enum trust trust = trust_of(p, a);

    if (!is_answer(trust))
        tlsa_failed(&p->route.host[host]);
    else if (trust == TRUST_SECURE && a->n > 0)
        want(p, host, KIND_TLSA);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------
 */

static bool put_address(struct route_plan *p, unsigned host, const struct ip *ip, enum trust trust)
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
        ok = put_address(p, host, &ip, trust);
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
    return pool_put(&p->route, hostname_span(&name), &ph->canonical[family]);
}

/* Both families have answered. */
static void addresses_known(struct route_plan *p, unsigned host)
{
    struct route_host *h = &p->route.host[host];
    const bool secure[2] = { h->trust[0] == TRUST_SECURE, h->trust[1] == TRUST_SECURE };
    const bool failed = !is_answer(h->trust[0]) || !is_answer(h->trust[1]);

    /* Two secure names behind one alias: it changed between the two answers; the client's next try sees one. */
    if (secure[0] && secure[1] && !text_eq(&p->route, p->host[host].canonical[0], p->host[host].canonical[1]))
        tlsa_failed(h);
    /* A secure denial beside a failure: the failure may hide addresses, so what binds them is asked for. */
    if ((secure[0] || secure[1]) && (h->n_address > 0 || failed))
        want_tlsa(p, host, secure[0] ? 0 : 1);
}

static void on_address(struct route_plan *p, unsigned host, enum kind family, const struct answer *a)
{
    struct route_host *h = &p->route.host[host];
    enum trust trust = trust_of(p, a);
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
    if (p->state[id_of(host, KIND_A)] == ANSWERED && p->state[id_of(host, KIND_AAAA)] == ANSWERED)
        addresses_known(p, host);
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
    if (r->n_host == ROUTE_HOSTS_MAX || !pool_put(r, name, &h->name)) {
        r->incomplete = 1;
        return;
    }
    h->preference = (uint16_t)preference;
    h->base = h->name;
    r->n_host++;
    if (ip_parse(name, &ip) == OK) { /* an address in place of a name: no DNS, so no DANE (RFC 7672 2.2) */
        h->trust[0] = h->trust[1] = r->mx_trust;
        h->tlsa = r->mx_trust == TRUST_SECURE ? TLSA_NONE : TLSA_NOT_ASKED;
        if (!put_address(p, r->n_host - 1U, &ip, (enum trust)r->mx_trust))
            r->incomplete = 1;
        return;
    }
    want(p, r->n_host - 1U, KIND_A);
    want(p, r->n_host - 1U, KIND_AAAA);
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
    const enum trust trust = trust_of(p, a);
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
        !pool_put(r, hostname_span(&name), &r->expanded))
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
    (void)pool_put(&p->route, hostname_span(domain), &p->domain);
    if (!is_host)
        return;
    p->route.mx = ROUTE_MX_IMPLICIT;
    p->route.mx_trust = TRUST_SECURE;
    put_host(p, 0, route_text(&p->route, p->domain));
}

static void c_text(const struct route_plan *p, struct route_text t, char out[HOSTNAME_MAX + 1])
{
    const struct span s = route_text(&p->route, t);

    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

/* The name of a question; false where it would be longer than a name can be. */
static bool question_name(const struct route_plan *p, unsigned host, enum kind kind, char out[HOSTNAME_MAX + 1])
{
    struct span base;
    int n;

    if (types[kind] != TYPE_TLSA) {
        c_text(p, p->route.host[host].name, out);
        return true;
    }
    base = route_text(&p->route, tlsa_base(p, host, kind));
    n = snprintf(out, HOSTNAME_MAX + 1, "_%u._tcp.%.*s", (unsigned)p->port, (int)base.n, (const char *)base.p);
    return n > 0 && n <= HOSTNAME_MAX;
}

bool route_plan_next(struct route_plan *p, struct route_question *out)
{
    for (unsigned id = 0; id < 1U + p->route.n_host * KIND__COUNT; id++) {
        const unsigned host = id == 0 ? 0 : (id - 1) / KIND__COUNT;
        const enum kind kind = id == 0 ? KIND_A : (enum kind)((id - 1) % KIND__COUNT);

        if (p->state[id] != WANTED)
            continue;
        p->state[id] = ASKED;
        out->id = id;
        if (id == 0) {
            out->type = TYPE_MX;
            c_text(p, p->domain, out->name);
            return true;
        }
        out->type = types[kind];
        if (question_name(p, host, kind, out->name))
            return true;
        p->state[id] = ANSWERED;
        tlsa_failed(&p->route.host[host]);
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
    const enum kind kind = (enum kind)((id - 1) % KIND__COUNT);

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

static bool is_open(const struct route_plan *p, unsigned id)
{
    return p->state[id] == WANTED || p->state[id] == ASKED;
}

uint32_t route_plan_ttl_s(const struct route_plan *p)
{
    return p->route.ttl_s;
}

bool route_plan_done(const struct route_plan *p)
{
    for (unsigned id = 0; id < ROUTE_QUESTIONS_MAX; id++)
        if (is_open(p, id))
            return false;
    return true;
}

/* What is still open at this host, as the timeout that it has become. */
static void close_host(const struct route_plan *p, unsigned host, struct route *out)
{
    struct route_host *h = &out->host[host];
    bool open = false;

    for (unsigned kind = KIND_CNAME; kind < KIND__COUNT; kind++)
        open = open || is_open(p, id_of(host, (enum kind)kind));
    for (unsigned family = KIND_A; family <= KIND_AAAA; family++) {
        if (!is_open(p, id_of(host, (enum kind)family)))
            continue;
        h->trust[family] = TRUST_ERROR;
        out->timeout = 1;
        /* A secure denial so far: the TLSA that would bind the missing addresses were not asked for yet. */
        open = open || (h->trust[!family] == TRUST_SECURE && h->tlsa == TLSA_NOT_ASKED);
    }
    if (open) {
        out->timeout = 1;
        if (h->tlsa <= TLSA_NONE)
            tlsa_failed(h);
    }
}

void route_plan_finish(const struct route_plan *p, struct route *out)
{
    const struct route *r = &p->route;

    if (is_open(p, 0)) {
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
            close_host(p, host, out);
        }
    }
    out->size = (uint32_t)(offsetof(struct route, pool) + out->pool_used);
    out->anchored = 0;
    out->clock = 0;
}
