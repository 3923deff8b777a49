#include "ops/rules.h"

#include <assert.h>
#include <inttypes.h>

/* Text that goes on after it is full: one question at the end instead of one a line. */
struct text {
    struct buf *out;
    bool full;
};

static void say(struct text *t, const char *line)
{
    if (!t->full && buf_printf(t->out, "%s\n", line) != OK)
        t->full = true;
}

#define SAYF(t, ...)                                                                                                   \
    do {                                                                                                               \
        if (!(t)->full && buf_printf((t)->out, __VA_ARGS__) != OK)                                                     \
            (t)->full = true;                                                                                          \
    } while (0)

enum {
    FAMILIES = 2
};

static const struct family {
    bool v4;
    char digit;
    const char *ip, *type;
} families[FAMILIES] = {
    { true, '4', "ip", "ipv4_addr" },
    { false, '6', "ip6", "ipv6_addr" },
};

static void set(struct text *t, const char *name, const struct family *f, const struct config_nets *nets)
{
    char ip[IP_TEXT_MAX];
    unsigned n = 0;

    SAYF(t, "    set %s%c {\n        type %s\n        flags interval\n", name, f->digit, f->type);
    for (uint32_t i = 0; i < nets->n; i++) {
        const struct ip_net *net = &nets->net[i];

        if (ip_is_v4(&net->ip) != f->v4)
            continue;
        ip_text(&net->ip, ip);
        SAYF(t, "%s%s/%u", n++ == 0 ? "        elements = { " : ", ", ip, net->bits - (f->v4 ? 96 : 0));
    }
    if (n > 0)
        say(t, " }");
    say(t, "    }");
}

static bool has_family(const struct config_nets *nets, bool v4)
{
    for (uint32_t i = 0; i < nets->n; i++)
        if (ip_is_v4(&nets->net[i].ip) == v4)
            return true;
    return false;
}

/* The first listener of the family is the one that the rules use. */
static const struct config_endpoint *listener(const struct config *c, bool v4)
{
    for (uint32_t i = 0; i < c->listen.n; i++)
        if (ip_is_v4(&c->listen.at[i].ip) == v4)
            return &c->listen.at[i];
    return NULL;
}

static void base_chain(struct text *t, const char *name, const char *type, const char *hook, const char *priority)
{
    SAYF(t, "    chain %s {\n        type %s hook %s priority %s; policy accept;\n", name, type, hook, priority);
}

/* For each chain that takes something from clients, in front of that: untouched means untouched. */
static void exempt_first(struct text *t)
{
    say(t, "        tcp dport 25 jump exempt");
}

static void exempt_chain(struct text *t)
{
    say(t, "    chain exempt {");
    for (const struct family *f = families; f < families + FAMILIES; f++) {
        SAYF(t, "        %s saddr @exempt_client%c accept\n", f->ip, f->digit);
        SAYF(t, "        %s daddr @exempt_destination%c accept\n", f->ip, f->digit);
    }
    say(t, "    }");
}

/*
 * Both legs may come to have one tuple: the far leg's own port may be one of the client's. Where nothing of clients is
 * ever forwarded, the client's leg has a zone for both directions. Else for the original one only: a reply to a
 * forwarded flow behind masquerade, and SO_ORIGINAL_DST of redirect, are looked up in the default zone; NAT keeps the
 * legs' reply tuples apart there (with fail = open and no NAT a rare dial has to wait for another port).
 */
static void zone_chains(struct text *t, const struct config *c)
{
    const bool both = c->intercept == INTERCEPT_TPROXY && c->fail == FAIL_CLOSED;

    base_chain(t, "ct_zone", "filter", "prerouting", "raw");
    exempt_first(t);
    for (const struct family *f = families; f < families + FAMILIES; f++)
        SAYF(t, "        %s saddr @clients%c tcp dport 25 ct %szone set %u\n", f->ip, f->digit, both ? "" : "original ",
             (unsigned)c->mark);
    say(t, "    }");
    if (!both)
        return;
    base_chain(t, "ct_zone_reply", "filter", "output", "raw");
    for (const struct family *f = families; f < families + FAMILIES; f++) {
        SAYF(t, "        tcp sport 25 %s daddr @exempt_client%c accept\n", f->ip, f->digit);
        SAYF(t, "        tcp sport 25 %s saddr @exempt_destination%c accept\n", f->ip, f->digit);
        SAYF(t, "        %s daddr @clients%c tcp sport 25 ct zone set %u\n", f->ip, f->digit, (unsigned)c->mark);
    }
    say(t, "    }");
}

/*
 * SYNs stand in front of the divert: at a socket in TIME_WAIT tproxy reopens to the listener, where the divert would
 * have the client wait for its next SYN.
 */
static void tproxy(struct text *t, const struct config *c, const struct family *f)
{
    const struct config_endpoint *at = listener(c, f->v4);
    static const struct ip any4 = { .b = { [10] = 0xff, [11] = 0xff } }, any6;
    char ip[IP_TEXT_MAX];

    if (at == NULL || !has_family(&c->clients, f->v4)) /* a kernel without IPv6 knows no tproxy for it either */
        return;
    ip_text(&at->ip, ip);
    SAYF(t, "        %s saddr @clients%c tcp dport 25 tcp flags & (fin | syn | rst | ack) == syn tproxy %s to ", f->ip,
         f->digit, f->ip);
    if (ip_eq(&at->ip, &any4) || ip_eq(&at->ip, &any6))
        SAYF(t, ":%u", (unsigned)at->port);
    else
        SAYF(t, f->v4 ? "%s:%u" : "[%s]:%u", ip, (unsigned)at->port);
    SAYF(t, " meta mark set 0x%x accept\n", (unsigned)c->mark);
}

/* To a socket of ours: the client's leg (tproxy), the server's answers to the client's address, ICMP errors of both. */
static void to_socket(struct text *t, const struct config *c)
{
    /* ICMP, TCP, ICMPv6: by their numbers, since nft looks names up in /etc/protocols, which a small box may not have
     */
    SAYF(t, "        meta l4proto { 1, 6, 58 } socket transparent 1 meta mark set 0x%x accept\n", (unsigned)c->mark);
}

static void reset(struct text *t, const char *unless)
{
    for (const struct family *f = families; f < families + FAMILIES; f++)
        SAYF(t, "        %s saddr @clients%c tcp dport 25 %sreject with tcp reset\n", f->ip, f->digit, unless);
}

static void socket_chain(struct text *t, const struct config *c)
{
    base_chain(t, "to_socket", "filter", "prerouting", "mangle");
    exempt_first(t);
    if (c->intercept == INTERCEPT_TPROXY)
        for (const struct family *f = families; f < families + FAMILIES; f++)
            tproxy(t, c, f);
    to_socket(t, c);
    if (c->intercept == INTERCEPT_TPROXY && c->fail == FAIL_CLOSED)
        reset(t, "");
    say(t, "    }");
}

static void redirect_chain(struct text *t, const struct config *c)
{
    base_chain(t, "to_listener", "nat", "prerouting", "dstnat - 1");
    exempt_first(t);
    for (const struct family *f = families; f < families + FAMILIES; f++) {
        const struct config_endpoint *at = listener(c, f->v4);

        if (at != NULL && has_family(&c->clients, f->v4))
            SAYF(t, "        %s saddr @clients%c tcp dport 25 redirect to :%u\n", f->ip, f->digit, (unsigned)at->port);
    }
    say(t, "    }");
}

static void late_chain(struct text *t, const struct config *c)
{
    base_chain(t, "late_socket", "filter", "prerouting", "dstnat + 10");
    SAYF(t, "        meta mark 0x%x accept\n", (unsigned)c->mark);
    exempt_first(t);
    to_socket(t, c);
    if (c->intercept == INTERCEPT_REDIRECT)
        reset(t, "fib daddr type != local ");
    say(t, "    }");
}

static void forward_chain(struct text *t, const struct config *c)
{
    base_chain(t, "no_forward", "filter", "forward", "raw");
    SAYF(t, "        meta mark 0x%x drop\n", (unsigned)c->mark);
    if (c->fail == FAIL_CLOSED) {
        exempt_first(t);
        reset(t, "");
    }
    say(t, "    }");
}

/* An empty chain whose name is a digest (FNV-1a) of what stands before it: tells whether the kernel's rules are these.
 */
static void stamp_chain(struct text *t)
{
    const struct span all = buf_bytes(t->out);
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < all.n; i++)
        h = (h ^ all.p[i]) * 0x100000001b3;
    SAYF(t, "    chain " RULES_STAMP "%016" PRIx64 " {\n    }\n", h);
}

enum rc rules_nft(const struct config *c, struct buf *out)
{
    struct text t = { out, false };

    assert(c->mark >= MARK_MIN && c->mark <= MARK_MAX);
    say(&t, "add table inet " RULES_TABLE);
    say(&t, "delete table inet " RULES_TABLE);
    say(&t, "table inet " RULES_TABLE " {");
    for (const struct family *f = families; f < families + FAMILIES; f++) {
        set(&t, "clients", f, &c->clients);
        set(&t, "exempt_client", f, &c->exempt_client);
        set(&t, "exempt_destination", f, &c->exempt_destination);
    }
    exempt_chain(&t);
    zone_chains(&t, c);
    socket_chain(&t, c);
    if (c->intercept == INTERCEPT_REDIRECT)
        redirect_chain(&t, c);
    late_chain(&t, c);
    forward_chain(&t, c);
    stamp_chain(&t);
    say(&t, "}");
    return t.full ? FULL : OK;
}
