/*
 * The laws of one verdict of policy/decide, over every combination of facts (tests/lib/facts_walk.h); and that better
 * proof never lowers what is needed.
 *   R3 R9 R13 R24 R27-R29 R32-R36 R38-R40 R47 R54 R57-R59, A1-A9 A18-A20 A80-A84 A91 A94 A97 A99 A122
 */
#include "facts_walk.h"

/* ---- the laws of one verdict ---- */

static void laws_when_enforced(const struct facts *f, struct verdict v)
{
    const bool clear = v.act == ACT_SEND && v.grade == GRADE_CLEARTEXT, free = f->level == LEVEL_NONE;

    LAW(f, !v.would, "would is observe mode's");
    LAW(f, (v.act == ACT_SEND) == (v.why == WHY_NONE), "all but SEND say why");
    if (v.act == ACT_SEND) {
        LAW(f, sealed(f) >= required(f, true), "nothing leaves in less than what is required");
        LAW(f, !(has_domain(f) || is_named(f)) || !is_hidden(f), "an error is not an answer");
        LAW(f, !is_named(f) || (f->handshake == HANDSHAKE_DONE && f->matched == MATCHED_YES && f->modern),
            "who the site names is who it is");
        LAW(f, (v.grade == GRADE_CLEARTEXT) == (f->handshake != HANDSHAKE_DONE), "clear text is called so");
        LAW(f, f->handshake != HANDSHAKE_FAILED || f->offer != OFFER_UNKNOWN, "nothing leaves on a spent connection");
    }
    if (v.act == ACT_REDIAL)
        LAW(f, f->handshake == HANDSHAKE_DONE ? f->more_names : f->offer == OFFER_UNKNOWN, "a redial has an end");
    if (v.act == ACT_UPGRADE)
        LAW(f, f->handshake == HANDSHAKE_NOT_TRIED && f->offer <= OFFER_MADE, "TLS is tried once, where it is offered");
    LAW(f, !free || v.act == ACT_SEND || f->handshake == HANDSHAKE_FAILED, "none leaves the session alone");
    if (clear && !free) {
        LAW(f, f->what != FOR_AUTH && !f->authed, "credentials never go in clear");
        LAW(f, !has_domain(f) || !binds(f), "never clear where TLSA bind");
        LAW(f, f->latch == LATCH_NONE && f->sts == STS_NONE && !f->requiretls, "never clear against memory or message");
        LAW(f, f->grace != GRACE_UNKNOWN, "a silent keeper counts as latched");
        LAW(f, f->offer != OFFER_MADE || f->handshake == HANDSHAKE_FAILED, "what is offered is tried");
        if (f->handshake == HANDSHAKE_FAILED || f->offer == OFFER_REFUSED) {
            LAW(f, f->grace == GRACE_OVER, "clear after a failure only when it has lasted");
            LAW(f, f->level == LEVEL_MAY || f->literal || (has_domain(f) && f->tlsa <= TLSA_NONE),
                "clear after a failure only with proof of no TLSA");
        }
    }
}

static void laws(struct facts *f)
{
    f->enforce = true;
    const struct verdict v = decide(f);

    laws_when_enforced(f, v);
    if (v.act == ACT_SEND && v.grade == GRADE_VERIFIED)
        LAW(f, sealed(f) == VERIFIED && !is_hidden(f), "verified is proven");

    f->enforce = false;
    const struct verdict o = decide(f);

    LAW(f, o.act != ACT_REFUSE, "observe mode refuses nothing");
    LAW(f, o.would == (v.act == ACT_REFUSE), "would is what enforcing does");
    LAW(f, v.act == ACT_REFUSE ? o.why == v.why : o.act == v.act && o.grade == v.grade && o.why == v.why,
        "observe mode differs in refusals only");
    LAW(f, o.grade != GRADE_VERIFIED || (sealed(f) == VERIFIED && !is_hidden(f)), "verified is proven, observing too");
    checked += 2;
}

static void memory_then_channel(struct facts *f)
{
    each_memory(f, with_channel);
}

static void dns_then_memory(struct facts *f)
{
    each_dns(f, memory_then_channel);
}

static void every_combination(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    inner = laws;
    checked = 0;
    each_ask(&f, dns_then_memory);
    print_message("# %lu verdicts\n", checked);
}
/* ---- better proof never lowers the need ---- */

static bool goes(struct facts f)
{
    f.enforce = true;
    return decide(&f).act == ACT_SEND;
}

/* At dane: whatever goes under more proof goes under less of it too, in the same channel. */
static void proof_only_raises(struct facts *f)
{
    struct facts less = *f;

    if (f->level != LEVEL_DANE || f->requiretls || f->sts != STS_NONE || f->tlsa_error || !goes(*f))
        return; /* those two ask for a verified host, which takes proof to have at all */
    if (f->tlsa == TLSA_USABLE || f->tlsa == TLSA_UNUSABLE) {
        less.tlsa = f->tlsa == TLSA_USABLE ? TLSA_UNUSABLE : TLSA_NONE;
        LAW(f, goes(less), "TLSA lowered a need");
    }
    less = *f;
    if (f->mx == TRUST_SECURE) {
        less.mx = TRUST_INSECURE;
        LAW(f, goes(less), "a signed MX lowered a need");
    }
    less = *f;
    if (f->found == FOUND_SECURE) {
        less.found = FOUND_INSECURE;
        less.tlsa = TLSA_NOT_ASKED;
        LAW(f, goes(less), "a signed address lowered a need");
    }
    checked++;
}

static void better_proof_never_lowers_the_need(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    inner = proof_only_raises;
    checked = 0;
    each_ask(&f, dns_then_memory);
    assert_true(checked > 0);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(better_proof_never_lowers_the_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
