#include "ops/config_site.h"

#include "base/text.h"
#include "policy/decide.h"

/* ---- whose certificate ---- */

static enum rc put(struct site *s, enum site_who who, struct span text, struct value_says *says)
{
    if (s->n_match == SITE_MATCHES_MAX || text.n > SITE_POOL_MAX - s->pool_used)
        return value_no(says, "match is over what all sections may have together: %d, of %d bytes", SITE_MATCHES_MAX,
                        SITE_POOL_MAX);
    s->match[s->n_match++] =
        (struct site_match){ .who = (uint8_t)who, .n = (uint8_t)text.n, .at = (uint16_t)s->pool_used };
    if (text.n > 0)
        memcpy(s->pool + s->pool_used, text.p, text.n);
    s->pool_used += (uint32_t)text.n;
    return OK;
}

/* AA:BB:... or AABB..., of SHA-256 or SHA-512. */
static bool read_digest(const char *word, uint8_t out[64], size_t *n)
{
    char hex[2 * 64 + 1];
    size_t digits = 0;
    const size_t length = strlen(word);

    *n = 64;
    for (size_t i = 0; i < length; i++) {
        if (word[i] == ':' && i % 3 == 2)
            continue;
        if (digits == sizeof hex - 1)
            return false;
        hex[digits++] = word[i];
    }
    return text_hex(span_of(hex, digits), out, n) == OK && (*n == 32 || *n == 64);
}

static enum rc take_name(struct site *s, const char *word, struct value_says *says)
{
    static const struct {
        const char *word;
        enum site_who who;
    } words[] = { { "nexthop", SITE_NEXTHOP }, { "dot-nexthop", SITE_DOT_NEXTHOP }, { "hostname", SITE_HOSTNAME } };
    struct hostname name;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, word) == 0)
            return put(s, words[i].who, span_of(NULL, 0), says);
    const bool below = word[0] == '.';

    if (hostname_parse(span_str(word + below), &name) != OK || hostname_is_numeric(&name))
        return value_no(says, "match \"%.80s\" is neither nexthop, dot-nexthop, hostname nor a host name", word);
    return put(s, below ? SITE_DOT_NAME : SITE_NAME, hostname_span(&name), says);
}

static enum rc take_digest(struct site *s, const char *word, struct value_says *says)
{
    uint8_t digest[64];
    size_t n;

    if (!read_digest(word, digest, &n))
        return value_no(says, "match \"%.80s\" is no fingerprint: 32 or 64 octets in hex (SHA-256, SHA-512)", word);
    return put(s, SITE_DIGEST, span_of(digest, n), says);
}

static enum rc take_matches(struct site *s, const struct config_section *sec, struct site_policy *p,
                            struct value_says *says)
{
    p->match = (uint16_t)s->n_match;
    if (sec->n_match > 0 && !level_names_peer((enum level)p->level))
        return value_no(says, "match is for the levels fingerprint, verify and secure, not for %s",
                        level_name((enum level)p->level));
    if (sec->n_match == 0 && p->level == LEVEL_FINGERPRINT)
        return value_no(says, "level fingerprint needs match, with the fingerprints");
    if (sec->n_match > SITE_SECTION_MATCHES)
        return value_no(says, "match has more than %d", SITE_SECTION_MATCHES);
    for (unsigned i = 0; i < sec->n_match; i++) {
        const enum rc rc =
            p->level == LEVEL_FINGERPRINT ? take_digest(s, sec->match[i], says) : take_name(s, sec->match[i], says);

        if (rc != OK)
            return rc;
        p->n_match++;
    }
    return OK;
}

static enum rc take_policy(struct site *s, const struct config_section *sec, struct site_policy *out,
                           struct value_says *says)
{
    struct site_policy p = { 0 };
    struct value_says what;
    const uint32_t n_match = s->n_match, pool_used = s->pool_used;

    if (sec->level == NULL)
        return value_no(says, "has no level");
    if (value_level(sec->level, &p.level, &what) != OK)
        return value_no(says, "level \"%.40s\" %s", sec->level, what.text);
    if (take_matches(s, sec, &p, says) != OK) {
        s->n_match = n_match;
        s->pool_used = pool_used;
        return MALFORMED;
    }
    *out = p;
    return OK;
}

enum rc config_policy(struct config *c, const struct config_section *sec, struct value_says *says)
{
    struct site *const s = &c->site;
    struct site_entry e = { 0 };
    struct value_says what;

    if (!sec->is_row && strcmp(sec->title, "default") == 0)
        return take_policy(s, sec, &s->fallback, says);
    if (value_domain(sec->title, &e, &what) != OK)
        return value_no(says, "%s", what.text);
    e.late = sec->is_row;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->entry[i].parent == e.parent && s->entry[i].late == e.late && hostname_eq(&s->entry[i].domain, &e.domain))
            return value_no(says, "is there twice");
    if (s->n == SITE_ENTRIES_MAX)
        return value_no(says, "is one too many: %d are the most", SITE_ENTRIES_MAX);
    if (take_policy(s, sec, &e.policy, says) != OK)
        return MALFORMED;
    s->entry[s->n++] = e;
    return OK;
}

/* ---- smarthosts ---- */

static enum rc take_port(const char *text, uint16_t *out, struct value_says *says)
{
    uint64_t port = 25;

    if (text != NULL &&
        (text_decimal(span_str(text), UINT16_MAX, &port) != OK || (port != 25 && port != 465 && port != 587)))
        return value_no(says, "port \"%.40s\" is none of 25, 465, 587", text);
    *out = (uint16_t)port;
    return OK;
}

/* Smarthosts that show the same files share them. */
static enum rc take_credential(struct config *c, const struct config_section *sec, uint8_t *out,
                               struct value_says *says)
{
    struct config_credential fresh = { 0 };
    struct value_says what;

    *out = CREDENTIAL_OWN;
    if (sec->certificate == NULL && sec->key == NULL)
        return OK;
    if (sec->certificate == NULL || sec->key == NULL)
        return value_no(says, "needs both certificate and key, or neither");
    if (value_path(sec->certificate, fresh.certificate, sizeof fresh.certificate, &what) != OK)
        return value_no(says, "certificate \"%.60s\" %s", sec->certificate, what.text);
    if (value_path(sec->key, fresh.key, sizeof fresh.key, &what) != OK)
        return value_no(says, "key \"%.60s\" %s", sec->key, what.text);
    for (uint8_t i = CREDENTIAL_OWN + 1; i < CREDENTIALS_MAX; i++) {
        struct config_credential *const known = &c->credential[i];

        if (known->certificate[0] == '\0')
            *known = fresh;
        if (strcmp(known->certificate, fresh.certificate) == 0 && strcmp(known->key, fresh.key) == 0) {
            *out = i;
            return OK;
        }
    }
    return value_no(says, "has one certificate too many: %d different ones are the most", CREDENTIALS_MAX - 1);
}

enum rc config_smarthost(struct config *c, const struct config_section *sec, struct value_says *says)
{
    struct site *const s = &c->site;
    struct site_smarthost h = { 0 };

    if (ip_parse(span_str(sec->title), &h.ip) != OK || ip_is_special(&h.ip))
        return value_no(says, "is no address of a server (the name goes into name)");
    if (site_smarthost(s, &h.ip) != NULL)
        return value_no(says, "is there twice");
    if (s->n_smarthost == SITE_SMARTHOSTS_MAX)
        return value_no(says, "is one too many: %d are the most", SITE_SMARTHOSTS_MAX);
    if (sec->name == NULL)
        return value_no(says, "has no name: levels go by it, and certificates are for it");
    if (hostname_parse(span_str(sec->name), &h.name) != OK || hostname_is_numeric(&h.name))
        return value_no(says, "name \"%.80s\" is no host name", sec->name);
    if (take_port(sec->port, &h.port, says) != OK || take_policy(s, sec, &h.policy, says) != OK ||
        take_credential(c, sec, &h.credential, says) != OK)
        return MALFORMED;
    if (h.policy.level == LEVEL_NONE && (h.port == 465 || h.credential != CREDENTIAL_OWN))
        return value_no(says, "level none has no TLS: neither port 465 nor a certificate goes with it");
    s->smarthost[s->n_smarthost++] = h;
    return OK;
}
