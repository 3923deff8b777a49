#include "session/patience.h"

#include "session/channel.h"
#include "session/session.h"

bool patience_ends(struct session *s, struct mono now)
{
    const int64_t own = far_deadline_ms(s->far.leg);

    if (s->ending.ms != 0) {
        if (!s->near.open || now.ms - s->ending.ms < (int64_t)SESSION_BYE_S * 1000)
            return false;
        near_close(s, true);
        return true;
    }
    if (now.ms - s->active.ms >= (int64_t)SESSION_IDLE_S * 1000) {
        session_fail(s, WHY_UPSTREAM_SILENT, span_of(NULL, 0));
        return true;
    }
    if (s->near.mode == NEAR_SEALING && now.ms - s->near.since.ms >= (int64_t)HANDSHAKE_S * 1000) {
        near_unsealed(s, WHY_HANDSHAKE_FAILED, SPAN("the client's handshake took too long"));
        return true;
    }
    if (own != 0 && now.ms - s->far.since.ms >= own) {
        if (s->far.leg == LEG_CONNECT) {
            s->far.ended = true; /* the kernel would come to that as well, in two minutes */
            return false;
        }
        far_step(s, EV_TIMEOUT);
        return true;
    }
    return false;
}

void patience_set(struct session *s, struct mono next)
{
    const int64_t own = far_deadline_ms(s->far.leg);
    int64_t at = next.ms;

#define SOONER(x)                                                                                                      \
    do {                                                                                                               \
        if ((x) < at)                                                                                                  \
            at = (x);                                                                                                  \
    } while (0)
    if (s->used)
        SOONER(s->active.ms + SESSION_REST_MS);
    if (s->ending.ms != 0) {
        SOONER(s->ending.ms + (int64_t)SESSION_BYE_S * 1000);
    } else {
        SOONER(s->active.ms + (int64_t)SESSION_IDLE_S * 1000);
        if (own != 0)
            SOONER(s->far.since.ms + own);
        if (s->near.mode == NEAR_SEALING)
            SOONER(s->near.since.ms + (int64_t)HANDSHAKE_S * 1000);
        const int64_t decided = s->decision.ms + (int64_t)s->host->config->decision_s * 1000;

        if (channel_deciding(s) &&
            decided > session_now(s).ms) /* later it waits for a peer that does not read, not for us */
            SOONER(decided);
    }
#undef SOONER
    s->host->timer(s->host->self, s, (struct mono){ at });
}
