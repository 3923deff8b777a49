#include "role/lanes.h"

struct span lane_of(const struct hostname *domain)
{
    const struct span name = hostname_span(domain);
    size_t at = name.n;

    for (unsigned dots = 0; at > 0; at--) {
        dots += name.p[at - 1] == '.';
        if (dots == 2)
            break;
    }
    return span_from(name, at);
}

void lanes_note(struct lanes *l, struct span lane, struct mono now)
{
    size_t at = 0;

    for (size_t i = 0; i < LANES_COSTLY_MAX; i++) {
        if (span_eq(hostname_span(&l->costly[i].name), lane)) {
            at = i;
            break;
        }
        if (l->costly[i].until.ms < l->costly[at].until.ms)
            at = i;
    }
    memcpy(l->costly[at].name.s, lane.p, lane.n);
    l->costly[at].name.s[lane.n] = '\0';
    l->costly[at].name.n = (uint8_t)lane.n;
    l->costly[at].until.ms = now.ms + (int64_t)LANE_COSTLY_S * 1000;
}

bool lanes_is_costly(const struct lanes *l, struct span lane, struct mono now)
{
    for (size_t i = 0; i < LANES_COSTLY_MAX; i++)
        if (now.ms < l->costly[i].until.ms && span_eq(hostname_span(&l->costly[i].name), lane))
            return true;
    return false;
}
