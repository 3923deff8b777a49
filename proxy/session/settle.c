#include "session/settle.h"

#include "base/text.h"
#include "session/session.h"

static void copy(struct span from, char *to, size_t cap)
{
    text_printable(from, to, cap);
}

static void channel(const struct session *s, struct record *r)
{
    const struct tls_info *const tls = s->far.open ? stream_tls(&s->far.stream) : NULL;

    if (tls == NULL)
        return;
    copy(span_str(tls->version), r->tls, sizeof r->tls);
    copy(span_str(tls->cipher), r->cipher, sizeof r->cipher);
    r->resumed = tls->resumed;
}

static struct record blank(const struct session *s)
{
    const struct tls_info *const tls = s->near.open ? stream_tls(&s->near.stream) : NULL;
    struct record r = { .session = s->id, .client = s->client, .server = s->server };

    if (tls != NULL)
        copy(span_str(tls->version), r.client_tls, sizeof r.client_tls);
    return r;
}

static enum outcome outcome_of(const struct session *s, const struct ask *a)
{
    if (a->refused && a->accepted == 0)
        return OUTCOME_REFUSED;
    if (a->accepted == 0 || !s->txn.accepted)
        return OUTCOME_FAILED;
    switch (a->sent.grade) {
    case GRADE_CLEARTEXT:
        return OUTCOME_CLEARTEXT;
    case GRADE_ENCRYPTED:
        return OUTCOME_ENCRYPTED;
    case GRADE_VERIFIED:
        return OUTCOME_VERIFIED;
    }
    return OUTCOME_FAILED;
}

static enum why why_of(const struct session *s, const struct ask *a, enum outcome outcome)
{
    if (outcome == OUTCOME_REFUSED)
        return a->why;
    if (outcome != OUTCOME_FAILED)
        return WHY_NONE;
    return s->txn.why != WHY_NONE ? s->txn.why : a->why;
}

static uint8_t flags_of(const struct ask *a)
{
    if (a->route == NULL)
        return 0;
    switch (a->candidates.found) {
    case FOUND_UNLISTED:
        return FLAG_UNLISTED_ADDRESS;
    case FOUND_NO_DOMAIN:
        return FLAG_SPLIT_HORIZON;
    default:
        return 0;
    }
}

/* Credentials went into TLS that nothing authenticates, at an address that the site does not know: said once. */
static uint8_t advice(struct session *s, const struct record *r, const struct ask *a)
{
    if (!s->far.authed || s->advised)
        return 0;
    s->advised = true;
    return r->outcome == OUTCOME_VERIFIED || r->tls[0] == '\0' || a->is_smarthost ? 0 : FLAG_DECLARE_A_SMARTHOST;
}

void settle_domain(struct session *s, const struct ask *a)
{
    struct record r = blank(s);

    if (a->state == ASK_FREE || a->asked == 0)
        return;
    const enum outcome outcome = outcome_of(s, a);

    channel(s, &r);
    r.outcome = (uint8_t)outcome;
    r.auth =
        (uint8_t)(outcome == OUTCOME_REFUSED ? AUTH_NONE : a->auth); /* a refused channel showed nothing that counts */
    r.level = (uint8_t)a->level;
    r.why = (uint8_t)why_of(s, a, outcome);
    r.would = a->sent.would && outcome != OUTCOME_REFUSED;
    r.mx_insecure = a->route != NULL && a->route->mx_trust == TRUST_INSECURE;
    r.flags = flags_of(a);
    r.flags |= advice(s, &r, a);
    r.by_address = a->is_smarthost;
    r.tls_failed = a->tls_failed;
    r.tls_done = a->tls_done && outcome != OUTCOME_REFUSED;
    r.asked = a->asked;
    r.accepted = a->accepted;
    r.bytes = s->txn.bytes;
    copy(hostname_span(&a->domain), r.domain, sizeof r.domain);
    copy(asks_host(s, a), r.mx, sizeof r.mx);
    copy(span_str(a->said), r.text, sizeof r.text);
    s->host->record(s->host->self, &r);
}

void settle_session(struct session *s, const struct ask *a, enum outcome outcome, enum why why, struct span text)
{
    struct record r = blank(s);

    if (outcome != OUTCOME_TUNNEL)
        channel(s, &r);
    r.outcome = (uint8_t)outcome;
    r.level = asks_level(s);
    r.why = (uint8_t)why;
    r.bytes = s->tunnel_bytes + stream_passed(&s->near.stream) + stream_passed(&s->far.stream);
    copy(text, r.text, sizeof r.text);
    if (a != NULL) {
        r.by_address = a->is_smarthost;
        r.tls_failed = a->tls_failed;
        copy(asks_host(s, a), r.mx, sizeof r.mx);
    }
    s->host->record(s->host->self, &r);
}
