/* smtp/idn: domains in their own script, and everything that might mean two names. A97, RFC 3492 7.1 */
#include "smtp/idn.h"

#include "punycode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void encodes(void **state)
{
    static const char *const rows[][2] = {
        { "Example.ORG.", "example.org" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "bücher.example", "xn--bcher-kva.example" },
        { "BÜCHER.example.", "xn--bcher-kva.example" },
        { "a_b.bücher.xn--p1ai", "a_b.xn--bcher-kva.xn--p1ai" },
        { "københavn.dk", "xn--kbenhavn-54a.dk" },
        { "żółw.pl", "xn--w-uga1v8h.pl" },
        { "πράξη.gr", "xn--hxawugf.gr" },
        { "почта.рф", "xn--80a1acny.xn--p1ai" },
        { "ПОЧТА.РФ", "xn--80a1acny.xn--p1ai" },
        { "例え.テスト", "xn--r8jz45g.xn--zckzah" },
        { "예제.한국", "xn--2j5b21b.xn--3e0b707e" },
        { "中国.cn", "xn--fiqs8s.cn" },
        { "3年b組金八先生.jp", "xn--3b-ww4c5e180e575a65lsy2b.jp" },                 /* RFC 3492 7.1 (L) */
        { "そのスピードで.jp", "xn--d9juau41awczczp.jp" },                          /* (S) */
        { "パフィーdeルンバ.jp", "xn--de-jg4avhby1noc0d.jp" },                      /* (Q) */
        { "他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye" },                   /* (B) */
        { "почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l" }, /* (G) */
        { "việt.vn", "xn--vit-5kz.vn" },
    };
    struct hostname out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (idn_parse(span_str(rows[i][0]), &out) != OK)
            fail_msg("refused %s", rows[i][0]);
        assert_string_equal(out.s, rows[i][1]);
        assert_int_equal(out.n, strlen(out.s));
    }
}

static void refuses(void **state)
{
    static const char *const rows[] = {
        "",
        ".",
        "ü..de",
        ".ü",
        "straße.de", /* a deviation: strasse to some */
        "λόγος.gr",  /* final sigma: another */
        "STRAẞE.de",
        "u\314\210.de", /* u and a combining diaeresis: ü to some */
        "ﬁ.de",         /* a ligature */
        "ｅxample.jp",  /* fullwidth */
        "例え。テスト", /* an ideographic full stop: a dot to some */
        "例え．テスト",
        "İ.tr",
        "a\342\200\214ü.de", /* zero width non-joiner */
        "ü\302\255.de",      /* soft hyphen: nothing to some */
        "㍿.jp",
        "ｶ.jp",
        "中・国.jp", /* the middle dot needs a context */
        "ŀ.cat",
        "ſ.de",
        "א.il", /* right to left */
        "مثال.eg",
        "नमस्ते.in", /* combining vowels */
        "ü_b.de",
        "ü b.de",
        "-ü.de",
        "ü-.de",
        "xn--ü.de", /* RFC 5891 4.2.3.1 */
        "ab--ü.de",
        "😀.la",
        "\303.de",
        "\355\240\200.de",
        "ü@x.de",
    };
    struct hostname out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (idn_parse(span_str(rows[i]), &out) != MALFORMED)
            fail_msg("accepted `%s` as %s", rows[i], out.s);
}

/* A label of n times the same character: its length as it is encoded, 0 where it is refused. */
static size_t encoded(const char *c, unsigned n)
{
    char text[256] = "";
    struct hostname out;

    for (unsigned i = 0; i < n; i++)
        strcat(text, c);
    return idn_parse(span_str(text), &out) == OK ? out.n : 0;
}

static void length(void **state)
{
    char text[400] = "";
    struct hostname out;

    (void)state;
    for (unsigned n = 1; n < 70; n++) { /* refused from the first label on that is longer than 63, whatever is in it */
        assert_true(encoded("ü", n) <= 63);
        assert_true(n < 2 || encoded("ü", n) > 0 || encoded("ü", n + 1) == 0);
    }
    assert_true(encoded("ü", 50) > 0);
    assert_int_equal(encoded("ü", 60), 0);
    for (unsigned i = 0; i < 27; i++)
        strcat(text, "ü.xxxxx.");
    assert_int_equal(idn_parse(span_str(text), &out), MALFORMED); /* 27 times `xn--tda.xxxxx.` */
    assert_int_equal(idn_parse(span_first(span_str(text), 9UL * 17), &out), OK);
}

/* The way back leads to what was written. */
static void round_trip(void **state)
{
    static const char *const rows[] = { "bücher",           "почта",  "例え", "예제", "3年b組金八先生",
                                        "パフィーdeルンバ", "øl-и-中" };
    struct hostname out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t code[64];
        char again[256];
        size_t n = 0;

        assert_int_equal(idn_parse(span_str(rows[i]), &out), OK);
        const int count = punycode_decode(out.s + 4, out.n - 4U, code, 64);

        for (int k = 0; k < count; k++) {
            const uint32_t c = code[k];

            if (c >= 0x800)
                again[n++] = (char)(0xe0 | c >> 12);
            if (c >= 0x80)
                again[n++] = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 63) : 0xc0 | c >> 6);
            again[n++] = (char)(c >= 0x80 ? 0x80 | (c & 63) : c);
        }
        again[n] = '\0';
        assert_string_equal(again, rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(length),
        cmocka_unit_test(round_trip),
    };

    return cmocka_run_group_tests_name("smtp/idn", tests, NULL, NULL);
}
