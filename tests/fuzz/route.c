/*
 * Fuzz target: hostile answers through the reader and the planner. The oracle: at every step the route is one that
 * route_check takes; the candidate rule never says more than the answers did; the work stays bounded. Input: bytes that
 * choose trust and form of each answer, then records, or a packet for answer_read. R10 R11 R25 R30 A82-A84 A95
 */
#include "base/cur.h"
#include "dane/candidates.h"
#include "dane/route_plan.h"

#include <stdlib.h>

static struct route_plan plan;
static struct route route;
static struct answer answer;
static struct answer_room room;
static uint8_t scratch[65536];

/* A packet with our question in front: header and records are the input's. */
static void from_packet(struct cur *c, const struct route_question *q)
{
    const struct span tail = cur_bytes(c, cur_u16(c) % 2048U);
    size_t n = 12;

    memset(scratch, 0, n);
    scratch[5] = 1;
    scratch[7] = (uint8_t)(tail.n % 8);
    scratch[3] = tail.n > 0 ? tail.p[0] & 3 : 0;
    for (const char *p = q->name, *dot; *p != '\0'; p = *dot == '.' ? dot + 1 : dot) {
        dot = strchrnul(p, '.');
        scratch[n++] = (uint8_t)(dot - p);
        memcpy(scratch + n, p, (size_t)(dot - p));
        n += (size_t)(dot - p);
    }
    memcpy(scratch + n, (uint8_t[]){ 0, 0, (uint8_t)q->type, 0, 1 }, 5);
    n += 5;
    if (tail.n > 0)
        memcpy(scratch + n, tail.p, tail.n);
    answer_read(span_of(scratch, n + tail.n), q->name, q->type, &room, &answer);
}

static void from_records(struct cur *c)
{
    answer = (struct answer){ .result = cur_u8(c) % 6 };
    answer.canonical = cur_bytes(c, cur_u8(c) % 32U);
    for (unsigned n = cur_u8(c) % 80U; answer.n < n && !cur_failed(c);)
        answer.rdata[answer.n++] = cur_bytes(c, cur_u8(c));
}

static void check(bool secure)
{
    struct candidates found;

    route_plan_finish(&plan, &route);
    if (route_check(&route, route.size) != OK)
        abort();
    for (unsigned i = 0; i <= route.n_address; i++) {
        const struct ip far = i < route.n_address ? route.address[i].ip : (struct ip){ { 9 } };

        candidates_find(&route, &far, &found);
        if (i < route.n_address && found.found != FOUND_SECURE && found.found != FOUND_INSECURE)
            abort(); /* a host lists it */
        if (!secure && (found.tlsa > TLSA_NOT_ASKED || route.mx_trust == TRUST_SECURE))
            abort(); /* nothing secure was said */
        if (candidates_sni(&route, &found, found.n).n > HOSTNAME_MAX)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur c = cur_of(span_of(data, size));
    struct hostname domain;
    struct route_question q;
    unsigned asked = 0;
    bool secure = false;

    if (hostname_parse(SPAN("d.example"), &domain) != OK)
        abort();
    route_plan_init(&plan, &domain, 25, false);
    while (route_plan_next(&plan, &q)) {
        const uint8_t how = cur_u8(&c);

        if (++asked > ROUTE_QUESTIONS_MAX)
            abort();
        if ((how & 0x80) != 0)
            from_packet(&c, &q);
        else
            from_records(&c);
        answer.trust = how & 7; /* two values are none */
        secure = secure || answer.trust == TRUST_SECURE;
        if ((how & 0x70) == 0x70 && !cur_failed(&c))
            continue; /* never answered */
        route_plan_answer(&plan, q.id, &answer);
        route_plan_answer(&plan, q.id, &answer); /* nor does a second one count */
        if (asked % 16 == 1)
            check(secure);
    }
    check(secure);
    return 0;
}
