/*
 * Fuzz target: a set of TLSA records, each behind its length in two bytes. The oracle: what
 * is parsed says what the bytes said; the selection keeps order, keeps every Full record, leaves one digest for each
 * usage and selector, and does not change when repeated. R11, R22, R48, R53
 */
#include "dane/tlsa.h"
#include "dane/usable.h"

#include <stdlib.h>

#include "base/cur.h"
#include "base/limits.h"

static void check_record(struct span rdata, const struct tlsa *t)
{
    if (rdata.n < 4 || rdata.p[0] != (uint8_t)t->usage || rdata.p[1] != (uint8_t)t->selector ||
        rdata.p[2] != (uint8_t)t->match || t->data.p != rdata.p + 3 || t->data.n != rdata.n - 3)
        abort();
    if (t->usage > USAGE_LAST || t->selector > SELECTOR_LAST || t->match > MATCH_LAST)
        abort();
    if ((t->match == MATCH_SHA256 && t->data.n != 32) || (t->match == MATCH_SHA512 && t->data.n != 64))
        abort();
}

static void check_set(const struct tlsa *set, size_t n, bool smtp)
{
    struct tlsa left[ROUTE_TLSA_MAX];
    size_t kept, at = 0, full = 0;

    memcpy(left, set, n * sizeof *set);
    kept = usable_select(left, n, smtp);
    for (size_t i = 0; i < kept; i++) {
        while (at < n && memcmp(&set[at], &left[i], sizeof *set) != 0)
            at++;
        if (at++ >= n || (smtp && left[i].usage < USAGE_DANE_TA))
            abort();
        for (size_t j = 0; j < kept; j++)
            if (left[j].usage == left[i].usage && left[j].selector == left[i].selector && left[j].match != MATCH_FULL &&
                left[i].match != MATCH_FULL && left[j].match != left[i].match)
                abort();
        full += left[i].match == MATCH_FULL;
    }
    for (size_t i = 0; i < n; i++)
        full -= set[i].match == MATCH_FULL && (!smtp || set[i].usage >= USAGE_DANE_TA);
    if (full != 0 || usable_select(left, kept, smtp) != kept || (kept == 0 && n > 0 && !smtp))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur c = cur_of(span_of(data, size));
    struct tlsa set[ROUTE_TLSA_MAX];
    size_t n = 0;

    memset(set, 0, sizeof set); /* padding is compared */
    while (c.left.n > 0 && n < ROUTE_TLSA_MAX) {
        const size_t len = cur_u16(&c), take = len < c.left.n ? len : c.left.n;
        const struct span rdata = cur_bytes(&c, take);

        if (tlsa_parse(rdata, &set[n]) == OK)
            check_record(rdata, &set[n++]);
    }
    check_set(set, n, false);
    check_set(set, n, true);
    return 0;
}
