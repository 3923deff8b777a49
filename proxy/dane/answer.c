#include "dane/answer.h"

#include "base/cur.h"
#include "base/text.h"

enum {
    HEADER = 12,    /* RFC 1035 4.1.1 */
    FLAG_TC = 0x02, /* of its third byte */
    RCODE = 0x0f,   /* of its fourth */
    NXDOMAIN = 3,   /* RFC 1035 4.1.1 */
    LABEL_MAX = 63, /* RFC 1035 2.3.4 */
    POINTER = 0xc0, /* RFC 1035 4.1.4 */
    CLASS_IN = 1,
};

/* A name on the wire, uncompressed, folded to lower case (length bytes are no letters). */
struct wire_name {
    size_t n;
    uint8_t b[ANSWER_NAME_MAX];
};

/* The name at the cursor. Each pointer must lead further to the front than all before it, so there is no loop. */
static void take_name(struct cur *c, struct span packet, struct wire_name *out)
{
    struct cur at = *c;
    size_t lowest = packet.n - c->left.n;
    bool jumped = false;

    out->n = 0;
    for (;;) {
        const unsigned len = cur_u8(&at);

        if ((len & POINTER) == POINTER) {
            const size_t to = (len & ~(unsigned)POINTER) << 8 | cur_u8(&at);

            if (cur_failed(&at) || to >= lowest || to < HEADER)
                break;
            if (!jumped)
                *c = at;
            jumped = true;
            lowest = to;
            at = cur_of(span_from(packet, to));
            continue;
        }
        const struct span label = cur_bytes(&at, len);

        if (cur_failed(&at) || len > LABEL_MAX || out->n + 1 + len > sizeof out->b)
            break;
        out->b[out->n++] = (uint8_t)len;
        for (size_t i = 0; i < label.n; i++)
            out->b[out->n++] = text_fold(label.p[i]);
        if (len == 0) {
            if (!jumped)
                *c = at;
            return;
        }
    }
    out->n = 0;
    cur_fail(c);
}

static bool name_eq(const struct wire_name *a, const struct wire_name *b)
{
    return span_eq(span_of(a->b, a->n), span_of(b->b, b->n));
}

static bool name_of_text(const char *text, struct wire_name *out)
{
    struct span left = span_str(text);

    out->n = 0;
    if (span_eq(left, SPAN(".")))
        left.n = 0;
    while (left.n > 0) {
        const size_t len = span_find(left, '.');

        if (len == 0 || len > LABEL_MAX || out->n + 1 + len + 1 > sizeof out->b)
            return false;
        out->b[out->n++] = (uint8_t)len;
        for (size_t i = 0; i < len; i++)
            out->b[out->n++] = text_fold(left.p[i]);
        left = span_from(left, len + 1);
    }
    out->b[out->n++] = 0;
    return true;
}

struct record {
    struct wire_name owner;
    unsigned type, class;
    uint32_t ttl_s;
    struct cur rdata; /* names in it may point to all of the packet before */
};

static bool take_record(struct cur *c, struct span packet, struct record *out)
{
    take_name(c, packet, &out->owner);
    out->type = cur_u16(c);
    out->class = cur_u16(c);
    out->ttl_s = cur_u32(c);
    const unsigned len = cur_u16(c);
    const size_t at = packet.n - c->left.n;

    (void)cur_bytes(c, len);
    /* The cursor of the RDATA ends where the RDATA ends, but take_name must know its place in the packet. */
    out->rdata = cur_of(span_from(span_first(packet, at + len), at));
    return !cur_failed(c);
}

/* A name that fills the rest of the RDATA. */
static bool rdata_name(struct record *r, struct span packet, struct wire_name *out)
{
    const struct span upto = span_first(packet, (size_t)(r->rdata.left.p - packet.p) + r->rdata.left.n);

    take_name(&r->rdata, upto, out);
    return cur_done(&r->rdata);
}

/* The RDATA of one record of the type that was asked; names are unpacked into room. */
static bool keep_rdata(struct record *r, struct span packet, struct answer_room *room, struct answer *out)
{
    uint8_t *mem;
    size_t fixed = 0;
    struct wire_name name;

    if (out->n == ROUTE_ANSWER_MAX)
        return false;
    if (r->type != TYPE_MX && r->type != TYPE_CNAME) {
        out->rdata[out->n++] = r->rdata.left;
        return true;
    }
    mem = room->rdata[out->n];
    if (r->type == TYPE_MX) {
        const unsigned preference = cur_u16(&r->rdata);

        mem[fixed++] = (uint8_t)(preference >> 8);
        mem[fixed++] = (uint8_t)preference;
    }
    if (!rdata_name(r, packet, &name))
        return false;
    memcpy(mem + fixed, name.b, name.n);
    out->rdata[out->n++] = span_of(mem, fixed + name.n);
    return true;
}

enum walk {
    WALK_BAD,
    WALK_ALIAS, /* *owner is an alias: *target is written */
    WALK_END    /* it is not; its records are in *out */
};

/* One pass over the answer section for what stands at `owner`. */
static enum walk walk(struct cur c, unsigned count, struct span packet, unsigned type, const struct wire_name *owner,
                      struct wire_name *target, struct answer_room *room, struct answer *out)
{
    struct record r;

    for (unsigned i = 0; i < count; i++) {
        if (!take_record(&c, packet, &r))
            return WALK_BAD;
        if (r.class != CLASS_IN || !name_eq(&r.owner, owner))
            continue;
        if (r.type == type) {
            if (!keep_rdata(&r, packet, room, out))
                return WALK_BAD;
        } else if (r.type == TYPE_CNAME) {
            return rdata_name(&r, packet, target) ? WALK_ALIAS : WALK_BAD;
        }
    }
    return WALK_END;
}

/* Of all these records; names of servers beside the answer only make it less. Above 2^31 it counts as 0 (RFC 2181 8).
 */
static uint32_t least_ttl(struct cur c, unsigned count, struct span packet)
{
    uint32_t least = count > 0 ? INT32_MAX : 0;
    struct record r;

    for (unsigned i = 0; i < count; i++) {
        if (!take_record(&c, packet, &r) || r.ttl_s > INT32_MAX)
            return 0;
        least = r.ttl_s < least ? r.ttl_s : least;
    }
    return least;
}

void answer_read(struct span packet, const char *name, unsigned type, struct answer_room *room, struct answer *out)
{
    struct cur c = cur_of(packet);
    struct wire_name owner, asked, target;
    unsigned flags, rcode, questions, count, beside;

    out->trust = TRUST_NOT_ASKED;
    out->result = ANSWER_ERROR;
    out->ttl_s = 0;
    out->canonical = span_of(room->canonical, 0);
    out->n = 0;
    (void)cur_u16(&c);
    flags = cur_u8(&c);
    rcode = cur_u8(&c) & RCODE;
    questions = cur_u16(&c);
    count = cur_u16(&c);
    beside = cur_u16(&c); /* the authority section, where a denial has its SOA */
    (void)cur_u16(&c);
    take_name(&c, packet, &asked);
    (void)cur_u32(&c); /* type and class, as we asked them */
    if (cur_failed(&c) || questions != 1 || (flags & FLAG_TC) != 0 || (rcode != 0 && rcode != NXDOMAIN) ||
        !name_of_text(name, &owner) || !name_eq(&owner, &asked))
        return;
    for (unsigned hops = 0; hops <= ALIAS_HOPS_MAX; hops++) {
        switch (walk(c, count, packet, type, &owner, &target, room, out)) {
        case WALK_BAD:
            out->n = 0;
            return;
        case WALK_ALIAS:
            owner = target;
            continue;
        case WALK_END:
            break;
        }
        if (hops > 0) {
            memcpy(room->canonical, owner.b, owner.n);
            out->canonical.n = owner.n;
        }
        out->ttl_s = least_ttl(c, count + beside, packet);
        if (rcode == NXDOMAIN)
            out->result = out->n == 0 ? ANSWER_NXDOMAIN : ANSWER_ERROR;
        else
            out->result = out->n == 0 ? ANSWER_NODATA : ANSWER_DATA;
        return;
    }
}

enum rc answer_name(struct span wire, struct hostname *out)
{
    struct cur c = cur_of(wire);
    char text[ANSWER_NAME_MAX + 1];
    size_t n = 0;
    bool odd = false;

    for (unsigned len = cur_u8(&c); len != 0; len = cur_u8(&c)) {
        const struct span label = cur_bytes(&c, len);

        if (cur_failed(&c) || len > LABEL_MAX || n + len + 1 > sizeof text)
            return MALFORMED;
        odd = odd || span_find(label, '.') < label.n;
        memcpy(text + n, label.p, label.n);
        n += label.n;
        text[n++] = '.';
    }
    if (!cur_done(&c))
        return MALFORMED;
    return !odd && hostname_parse(span_of(text, n), out) == OK ? OK : UNUSABLE;
}
