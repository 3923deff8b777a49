/*
 * Fuzz target: a chain of certificates, one behind the other, under records made from it; the first eight bytes say
 * which. Signatures are played by a rule of two bytes, since no fuzzer can sign: the search is what is tried here, with
 * its loops and its bounds. The oracle: no way without an anchor, none from a leaf that cannot be read, never the leaf
 * itself, no bound overdrawn, and the same answer twice. R13, R18-R20, A71, A100
 */
#include "cert/path.h"
#include "cert/sign.h"
#include "dane/match.h"

#include <stdlib.h>

#include "base/cur.h"
#include "cert/der.h"

static unsigned checks;

enum rc sign_verify(struct span spki, struct span algorithm, struct span data, struct span signature)
{
    (void)algorithm;
    (void)data;
    if (spki.n == 0 || signature.n == 0)
        return UNUSABLE;
    checks++;
    return ((spki.p[spki.n - 1] ^ signature.p[signature.n - 1]) & 3) != 0 ? OK : FAILED;
}

struct span sign_digest(enum sign_hash hash, struct span data, uint8_t out[SIGN_DIGEST_MAX])
{
    const size_t n = hash == SIGN_SHA256 ? 32 : 64;

    memset(out, 0, SIGN_DIGEST_MAX);
    for (size_t i = 0; i < data.n; i++)
        out[i % n] = (uint8_t)(out[i % n] * 31 + data.p[i]);
    return span_of(out, n);
}

static size_t split(struct span in, struct span *chain)
{
    struct cur c = cur_of(in);
    size_t n = 0;

    while (c.left.n > 0 && n < CHAIN_CERTS_MAX + 1) {
        const struct span before = c.left;
        const struct der e = der_next(&c);

        chain[n++] = cur_failed(&c) ? before : e.whole;
    }
    return n;
}

static void check_path(const struct span *chain, size_t n, path_set trusted)
{
    static struct cert certs[CHAIN_CERTS_MAX + 1];
    struct path_query q = { .chain = certs, .n_chain = n, .at = { 1718452800 } };
    struct path_answer got;

    for (size_t i = 0; i < n; i++)
        if (cert_read(chain[i], &certs[i]) == OK && i < CHAIN_CERTS_MAX)
            q.sound |= (path_set)1 << i;
    if (path_find(&q).end != PATH_NONE)
        abort();
    q.trusted = trusted;
    got = path_find(&q);
    if (got.end == PATH_SENT && ((q.sound & 1) == 0 || got.which == 0 || (trusted >> got.which & 1) == 0 ||
                                 got.depth == 0 || !cert_valid_at(&certs[got.which], q.at)))
        abort();
    if (got.end != PATH_SENT && got.end != PATH_EXPIRED && got.end != PATH_NONE)
        abort();
    if (got.signatures > PATH_SIGNATURES_MAX)
        abort();
}

static size_t records(const struct span *chain, size_t n, uint64_t which, struct tlsa *out)
{
    size_t made = 0;

    for (size_t i = 0; i < n && i < 16; i++) {
        struct cert c;
        const enum rc rc = cert_read(chain[i], &c);
        const unsigned how = which >> (4 * i) & 15;
        const struct tlsa t = { (how & 1) != 0 ? USAGE_DANE_EE : USAGE_DANE_TA,
                                (how & 2) != 0 ? SELECTOR_SPKI : SELECTOR_CERT, MATCH_FULL,
                                (how & 2) != 0 ? c.spki : c.whole };

        if ((how & 4) != 0 && rc != MALFORMED)
            out[made++] = t;
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur c = cur_of(span_of(data, size));
    const uint64_t which = (uint64_t)cur_u32(&c) << 32 | cur_u32(&c);
    const unsigned dropped = size > 0 ? data[0] & 7 : 0; /* records of what is not sent: anchors in the DNS */
    static struct span chain[CHAIN_CERTS_MAX + 1];
    const struct span name = SPAN("mx1.hub.oakridge.example");
    struct tlsa tlsa[16];
    struct match_query q = { .tlsa = tlsa, .chain = chain, .names = &name, .n_names = 1, .at = { 1718452800 } };
    struct match_answer got, again;

    q.n_chain = split(c.left, chain);
    check_path(chain, q.n_chain, which);
    q.n_tlsa = records(chain, q.n_chain, which, tlsa);
    if (q.n_chain > dropped)
        q.n_chain -= dropped;
    checks = 0;
    got = dane_match(&q);
    if (checks > PATH_SIGNATURES_MAX || checks != got.signatures)
        abort();
    again = dane_match(&q);
    if (got.result != again.result || got.tlsa != again.tlsa || got.depth != again.depth || got.reason != again.reason)
        abort();
    if ((got.result == MATCH_YES) != (got.tlsa != NULL) || (got.result == MATCH_YES && q.n_chain == 0))
        abort();
    if (got.result == MATCH_YES && got.usage == USAGE_DANE_TA && (got.depth == 0 || got.name.n == 0))
        abort();
    return 0;
}
