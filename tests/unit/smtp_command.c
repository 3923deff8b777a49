/* smtp/command: verbs as the most lenient server reads them, recipients as the strictest. A56, A57, A63, A93, A97 */
#include "smtp/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char line[1024];

static struct command command(const char *text)
{
    struct command c;
    size_t used;

    snprintf(line, sizeof line, "%s\r\n", text);
    assert_int_equal(command_line(span_str(line), &c, &used), OK);
    assert_int_equal(used, strlen(line));
    return c;
}

/* ---- lines ---- */

static const struct {
    struct span in;
    const char *args;
    enum verb verb;
    bool lf_only, odd;
} lines[] = {
    { SPAN("EHLO a.b\r\n"), "a.b", VERB_EHLO, false, false },
    { SPAN("ehlo a.b\n"), "a.b", VERB_EHLO, true, false },
    { SPAN("HELO x\r\n"), "x", VERB_HELO, false, false },
    { SPAN("Mail From:<>\r\n"), "From:<>", VERB_MAIL, false, false },
    { SPAN(" \tRCPT\tTO:<a@b> \t\r\n"), "TO:<a@b>", VERB_RCPT, false, false },
    { SPAN("DATA \r\n"), "", VERB_DATA, false, false },
    { SPAN("BDAT 5 LAST\r\n"), "5 LAST", VERB_BDAT, false, false },
    { SPAN("rset\r\n"), "", VERB_RSET, false, false },
    { SPAN("NOOP x y\r\n"), "x y", VERB_NOOP, false, false },
    { SPAN("QUIT\r\n"), "", VERB_QUIT, false, false },
    { SPAN("HELP\r\n"), "", VERB_HELP, false, false },
    { SPAN("VRFY x\r\n"), "x", VERB_VRFY, false, false },
    { SPAN("EXPN x\r\n"), "x", VERB_EXPN, false, false },
    { SPAN("AUTH PLAIN\r\n"), "PLAIN", VERB_AUTH, false, false },
    { SPAN("StartTLS\r\n"), "", VERB_STARTTLS, false, false },
    { SPAN("ETRN x\r\n"), "x", VERB_ETRN, false, false },
    { SPAN("XCLIENT A=b\r\n"), "A=b", VERB_XCLIENT, false, false },
    { SPAN("XFORWARD A=b\r\n"), "A=b", VERB_XFORWARD, false, false },
    { SPAN("XEXCH50 1 2\r\n"), "1 2", VERB_OTHER, false, false },
    { SPAN("SAML FROM:<a@b>\r\n"), "FROM:<a@b>", VERB_OTHER, false, false },
    { SPAN("RSETX\r\n"), "", VERB_OTHER, false, false },
    { SPAN("RCP TO:<a@b>\r\n"), "TO:<a@b>", VERB_OTHER, false, false },
    { SPAN("\r\n"), "", VERB_EMPTY, false, false },
    { SPAN("\n"), "", VERB_EMPTY, true, false },
    { SPAN(" \t \r\n"), "", VERB_EMPTY, false, false },
    { SPAN("NOOP \303\251\r\n"), "\303\251", VERB_NOOP, false, false },
    /* odd: several readings */
    { SPAN("NOOP\rRCPT TO:<a@b>\r\n"), "TO:<a@b>", VERB_OTHER, false, true },
    { SPAN("NOOP x\rDATA\r\n"), "x\rDATA", VERB_NOOP, false, true },
    { SPAN("DATA\r\r\n"), "", VERB_DATA, false, true },
    { SPAN("MAIL FROM:<a@b>\v\r\n"), "FROM:<a@b>\v", VERB_MAIL, false, true },
    { SPAN("NOOP \177\r\n"), "\177", VERB_NOOP, false, true },
    { SPAN("RCPTTO:<a@b>\r\n"), "", VERB_RCPT, false, true },
    { SPAN("MAIL:<a@b>\r\n"), "", VERB_MAIL, false, true },
    { SPAN("DATAX\r\n"), "", VERB_DATA, false, true },
    { SPAN("BDAT5\r\n"), "", VERB_BDAT, false, true },
    { SPAN("AUTHX PLAIN\r\n"), "PLAIN", VERB_AUTH, false, true },
    { SPAN("\322CPT TO:<a@b>\r\n"), "TO:<a@b>", VERB_OTHER, false, true },
};

static void classifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct command c;
        size_t used;

        assert_int_equal(command_line(lines[i].in, &c, &used), OK);
        if (c.verb != lines[i].verb || c.lf_only != lines[i].lf_only || c.odd != lines[i].odd ||
            (!c.odd && !span_eq(c.args, span_str(lines[i].args))))
            fail_msg("row %zu: %.*s", i, (int)lines[i].in.n, (const char *)lines[i].in.p);
        assert_int_equal(used, lines[i].in.n);
        assert_true(span_eq(c.raw, lines[i].in));
    }
}

static void nul_is_odd(void **state)
{
    static const struct span rows[] = { SPAN("\0DATA\r\n"), SPAN("DATA\0\r\n"), SPAN("NOOP\0RCPT TO:<a@b>\r\n"),
                                        SPAN("RCPT TO:<a@b\0>\r\n"), SPAN("\0\r\n") };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command c;
        struct rcpt_args rcpt;
        size_t used;

        assert_int_equal(command_line(rows[i], &c, &used), OK);
        assert_true(c.odd);
        assert_int_equal(command_rcpt(&c, &rcpt), MALFORMED);
    }
}

static void line_bounds(void **state)
{
    static char big[COMMAND_LINE_MAX + 1];
    const struct span two = SPAN("NOOP\r\nDATA\r\n");
    struct command c;
    size_t used;

    (void)state;
    for (size_t n = 0; n < 6; n++) {
        assert_int_equal(command_line(span_first(two, n), &c, &used), MORE);
        assert_int_equal(used, 0);
    }
    for (size_t n = 6; n <= two.n; n++) {
        assert_int_equal(command_line(span_first(two, n), &c, &used), OK);
        assert_int_equal(used, 6);
    }
    memset(big, 'x', sizeof big);
    assert_int_equal(command_line(span_of(big, COMMAND_LINE_MAX - 1), &c, &used), MORE);
    assert_int_equal(command_line(span_of(big, COMMAND_LINE_MAX), &c, &used), FULL);
    big[COMMAND_LINE_MAX] = '\n';
    assert_int_equal(command_line(span_of(big, sizeof big), &c, &used), FULL);
    big[COMMAND_LINE_MAX - 1] = '\n';
    assert_int_equal(command_line(span_of(big, sizeof big), &c, &used), OK);
    assert_int_equal(used, COMMAND_LINE_MAX);
}

/* ---- MAIL ---- */

static void mail(void **state)
{
    static const char *const good[][3] = {
        { "MAIL FROM:<>", "", "" },
        { "MAIL FROM:<a@b>", "a@b", "" },
        { "mail from: <a@b> SIZE=1 BODY=8BITMIME", "a@b", "SIZE=1 BODY=8BITMIME" },
        { "MAIL FROM <a@b>", "a@b", "" },
        { "MAIL FROM : <a@b>", "a@b", "" },
        { "MAIL FROM<a@b>", "a@b", "" },
        { "MAIL\tFROM:\t<a@b>\tSIZE=1", "a@b", "SIZE=1" },
        { "MAIL FROM:a@b SIZE=1", "a@b", "SIZE=1" },
        { "MAIL FROM:< any thing (at) all >", " any thing (at) all ", "" },
        { "MAIL FROM:<\"a b\"@c>", "\"a b\"@c", "" },
        { "MAIL FROM:<j\303\266@b> SMTPUTF8", "j\303\266@b", "SMTPUTF8" },
        { "MAIL FROM:<> AUTH=<>", "", "AUTH=<>" },
        { "MAIL FROM:<a@b> X-Y=a=b", "a@b", "X-Y=a=b" },
    };
    static const char *const bad[] = {
        "MAIL",
        "MAIL FROM",
        "MAIL FROM:",
        "MAIL <a@b>",
        "MAIL TO:<a@b>",
        "MAIL FROM:<a@b",
        "MAIL FROM:a@b>",
        "MAIL FROM:<a@b>SIZE=1",
        "MAIL FROM:<a@b> <c@d>",
        "MAIL FROM:<a<b>>",
        "MAIL FROM:<a@b> =x",
        "MAIL FROM:<a@b> (x)",
        "MAIL FROM:<\"a>b\"@c>",
        "MAIL FROM:<a> X=<b> REQUIRETLS",
        "MAIL FROM:\"a b\"@c",
        "MAIL FROMx:<a@b>",
        "MAIL FROM:<a@b>\r",
        "MAIL FROM::<a@b> \"x\"",
    };
    struct mail_args out;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct command c = command(good[i][0]);

        if (command_mail(&c, &out) != OK || !span_eq(out.path, span_str(good[i][1])))
            fail_msg("%s", good[i][0]);
        while (out.params.n > 0 && (out.params.p[0] == ' ' || out.params.p[0] == '\t'))
            out.params = span_from(out.params, 1);
        assert_true(span_eq(out.params, span_str(good[i][2])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct command c = command(bad[i]);

        if (command_mail(&c, &out) != MALFORMED)
            fail_msg("accepted %s", bad[i]);
    }
}

static void params(void **state)
{
    struct span left = SPAN("  SIZE=10\tBODY=  SMTPUTF8 X=a=b "), name, value;
    static const char *const want[][2] = { { "SIZE", "10" }, { "BODY", "" }, { "SMTPUTF8", "" }, { "X", "a=b" } };

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(command_next_param(&left, &name, &value));
        assert_true(span_eq(name, span_str(want[i][0])));
        assert_true(span_eq(value, span_str(want[i][1])));
    }
    assert_false(command_next_param(&left, &name, &value));
}

/* ---- RCPT ---- */

static void rcpt_good(void **state)
{
    static const struct {
        const char *text;
        enum rcpt_kind kind;
        const char *domain;
    } rows[] = {
        { "RCPT TO:<u@Example.ORG>", RCPT_DOMAIN, "example.org" },
        { "rcpt to: <u@example.org> NOTIFY=NEVER ORCPT=rfc822;x+40y", RCPT_DOMAIN, "example.org" },
        { "RCPT TO <u@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO<u@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<u@example.org.>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<u@B\303\234cher.example>", RCPT_DOMAIN, "xn--bcher-kva.example" },
        { "RCPT TO:<j\303\266@b\303\274cher.example>", RCPT_DOMAIN, "xn--bcher-kva.example" },
        { "RCPT TO:u@example.org", RCPT_DOMAIN, "example.org" },
        { "RCPT TO: u@example.org NOTIFY=NEVER", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<u@localhost>", RCPT_DOMAIN, "localhost" },
        { "RCPT TO:<a%other@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<other!a@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<a.b..c.@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<a+b=c/d'{|}~@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<j\303\266rg@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<\"a@b\"@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<\"a\\\"b\\\\\"@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<\"john doe\"@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<\"\"@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<@a,@b.c:u@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<@a:\"x@y\"@example.org>", RCPT_DOMAIN, "example.org" },
        { "RCPT TO:<u@[192.0.2.1]>", RCPT_LITERAL, "" },
        { "RCPT TO:<u@[IPv6:2001:db8::1]>", RCPT_LITERAL, "" },
        { "RCPT TO:<@a:u@[ipv6:::1]>", RCPT_LITERAL, "" },
        { "RCPT TO:u@[192.0.2.1]", RCPT_LITERAL, "" },
        { "RCPT TO:<postmaster>", RCPT_POSTMASTER, "" },
        { "RCPT TO:<PostMaster> NOTIFY=NEVER", RCPT_POSTMASTER, "" },
        { "RCPT TO:postmaster", RCPT_POSTMASTER, "" },
        { "RCPT TO:<postmaster@example.org>", RCPT_DOMAIN, "example.org" },
    };
    struct rcpt_args out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command c = command(rows[i].text);

        if (command_rcpt(&c, &out) != OK || out.kind != rows[i].kind || strcmp(out.domain.s, rows[i].domain) != 0)
            fail_msg("%s", rows[i].text);
    }
}

static void rcpt_bad(void **state)
{
    static const char *const rows[] = {
        /* no address */
        "RCPT",
        "RCPT TO",
        "RCPT TO:",
        "RCPT TO:<>",
        "RCPT TO:<user>",
        "RCPT TO:user",
        "RCPT TO:<@example.org>",
        "RCPT TO:<u@>",
        "RCPT TO:<@>",
        "RCPT <u@d>",
        "RCPT FROM:<u@d>",
        "RCPT TOu@d",
        "RCPT TO::<u@d>",
        "RCPT TO:<\"postmaster\">",
        "RCPT TO:<@a:postmaster>",
        /* two readings of the domain */
        "RCPT TO:<a@b>c@d",
        "RCPT TO:<a@b> c@d",
        "RCPT TO:<a@b> <c@d>",
        "RCPT TO:<a@b>,<c@d>",
        "RCPT TO:<a@b,c@d>",
        "RCPT TO:<a@b c@d>",
        "RCPT TO:a@b c@d",
        "RCPT TO:a@b <c@d>",
        "RCPT TO:x <a@b>",
        "RCPT TO:<<a@b>>",
        "RCPT TO:<a@b",
        "RCPT TO:a@b>",
        "RCPT TO:<a@b@c>",
        "RCPT TO:<a@b@@c>",
        "RCPT TO:<a@@b>",
        "RCPT TO:<a(@x)@b>",
        "RCPT TO:<a@b(c)>",
        "RCPT TO:<(x)a@b>",
        "RCPT TO:(x)<a@b>",
        "RCPT TO:<a@b>(x)",
        "RCPT TO:<a@b> (x)",
        "RCPT TO:<a@b>ORCPT=x",
        "RCPT TO:<a@b> ORCPT=rfc822;<c@d>",
        "RCPT TO:<a@b;c>",
        "RCPT TO:<group:a@b;>",
        "RCPT TO:\"x\" <a@b>",
        "RCPT TO:<a@b> \"x",
        "RCPT TO:<a:b@c>",
        "RCPT TO:<a@b:c>",
        "RCPT TO:<a@b:25>",
        "RCPT TO:<a@b#c>",
        /* blanks */
        "RCPT TO:< a@b>",
        "RCPT TO:<a@b >",
        "RCPT TO:<a @b>",
        "RCPT TO:<a@ b>",
        "RCPT TO:<a b@c>",
        "RCPT TO:<a@b\t>",
        "RCPT TO:<a@b. c>",
        /* quotes */
        "RCPT TO:<\"a@b>",
        "RCPT TO:<a\"@b>",
        "RCPT TO:<\"a\"b@c>",
        "RCPT TO:<a\"b\"@c>",
        "RCPT TO:<\"a\".b@c>",
        "RCPT TO:<\"a\\\"@b>",
        "RCPT TO:<\"a\"\"b\"@c>",
        "RCPT TO:<\"a>b\"@c>",
        "RCPT TO:<\"a<b\"@c>",
        "RCPT TO:\"a\"@b",
        "RCPT TO:<a\\@b@c>",
        "RCPT TO:<\\a@b>",
        "RCPT TO:<u@\"d\">",
        "RCPT TO:<\"a\tb\"@c>",
        "RCPT TO:<\"a\\",
        "RCPT TO:<\"a@b\"@c\"@d>",
        /* routes */
        "RCPT TO:@a:u@d",
        "RCPT TO:<@a,b:u@d>",
        "RCPT TO:<@a,@b,u@d>",
        "RCPT TO:<@a:@d>",
        "RCPT TO:<@a:@b:u@d>",
        "RCPT TO:<@a,:u@d>",
        "RCPT TO:<@:u@d>",
        "RCPT TO:<@a u@d>",
        "RCPT TO:<@a@b:u@d>",
        "RCPT TO:<@[192.0.2.1]:u@d>",
        "RCPT TO:<@a:>",
        /* domains */
        "RCPT TO:<u@stra\303\237e.example>",
        "RCPT TO:<u@b\303.example>",
        "RCPT TO:<u@d\357\274\216e>",
        "RCPT TO:<u@d..e>",
        "RCPT TO:<u@.d>",
        "RCPT TO:<u@192.0.2.1>",
        "RCPT TO:<u@2130706433>",
        "RCPT TO:<u@0x7f000001>",
        "RCPT TO:<u@#1>",
        "RCPT TO:<u@d/e>",
        "RCPT TO:<u@d%e>",
        "RCPT TO:<u@e!d>",
        /* literals */
        "RCPT TO:<u@[]>",
        "RCPT TO:<u@[192.0.2]>",
        "RCPT TO:<u@[192.0.2.1>",
        "RCPT TO:<u@192.0.2.1]>",
        "RCPT TO:<u@[example.org]>",
        "RCPT TO:<u@[2001:db8::1]>",
        "RCPT TO:<u@[IPv6:192.0.2.1]>",
        "RCPT TO:<u@[IPv6:]>",
        "RCPT TO:<u@[192.0.2.1].d>",
        "RCPT TO:<u@d[192.0.2.1]>",
        "RCPT TO:<u@[x-tag:y]>",
        "RCPT TO:<u@[ 192.0.2.1]>",
        "RCPT TO:<u@[192.0.2.1][192.0.2.2]>",
        /* 8-bit: 0xC0 is an @ to a server that takes the eighth bit off; overlong and broken UTF-8 */
        "RCPT TO:<u\300x@d>",
        "RCPT TO:<u\300\200x@d>",
        "RCPT TO:<u\340\201\200@d>",
        "RCPT TO:<u\303@d>",
        "RCPT TO:<u\355\240\200@d>",
        "RCPT TO:<u\364\220\200\200@d>",
        "RCPT TO:<u\200@d>",
        "RCPT TO:<\"\303\251\"@d>",
        /* odd lines */
        "RCPT TO:<a@b>\r",
        "RCPT TO:<a\r@b>",
        "RCPT TO:<a\001@b>",
        "RCPT TO:<a@b>\rDATA",
        "RCPT TO:<a\177@b>",
        "RCPTX TO:<a@b>",
    };
    struct rcpt_args out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command c = command(rows[i]);

        if (command_rcpt(&c, &out) != MALFORMED)
            fail_msg("accepted %s for %s", rows[i], out.domain.s);
    }
}

static void address(void **state)
{
    static const struct {
        const char *text;
        enum rc want;
    } rows[] = {
        { "VRFY u@example.org", OK },
        { "EXPN <u@example.org>", OK },
        { "VRFY <u@[192.0.2.1]>", OK },
        { "VRFY u@example.org SMTPUTF8", OK },
        { "VRFY", UNUSABLE },
        { "VRFY smith", UNUSABLE },
        { "EXPN list-1_x", UNUSABLE },
        { "VRFY John O'Neil Jr.", UNUSABLE },
        { "VRFY postmaster", UNUSABLE },
        { "VRFY x <u@d>", MALFORMED },
        { "VRFY u@", MALFORMED },
        { "VRFY u@d@e", MALFORMED },
        { "VRFY u%d", MALFORMED },
        { "VRFY d!u", MALFORMED },
        { "VRFY <smith>", MALFORMED },
        { "VRFY u\300d", MALFORMED },
        { "VRFY u@d\r", MALFORMED },
        { "VRFY smith\rx", MALFORMED },
    };
    struct rcpt_args out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command c = command(rows[i].text);

        if (command_address(&c, &out) != rows[i].want)
            fail_msg("%s", rows[i].text);
    }
}

/* ---- BDAT ---- */

static void bdat(void **state)
{
    static const struct {
        const char *text;
        uint64_t octets;
        bool last;
    } good[] = {
        { "BDAT 0", 0, false },
        { "BDAT 0 LAST", 0, true },
        { "bdat 86  last", 86, true },
        { "BDAT  7 ", 7, false },
        { "BDAT 2147483648", UINT64_C(2147483648), false },
        { "BDAT 9223372036854775807", INT64_MAX, false },
    };
    static const char *const bad[] = {
        "BDAT",
        "BDAT LAST",
        "BDAT -1",
        "BDAT +1",
        "BDAT 1e3",
        "BDAT 0x10",
        "BDAT 010",
        "BDAT 00",
        "BDAT 1.0",
        "BDAT 9223372036854775808",
        "BDAT 18446744073709551616",
        "BDAT 18446744073709551621",
        "BDAT 5 LASTX",
        "BDAT 5 LAST LAST",
        "BDAT 5 x",
        "BDAT 5LAST",
        "BDAT\t5",
        "BDAT 5\tLAST",
        " BDAT 5",
        "BDATX 5",
        "BDAT 5\r",
        "BDAT 5,0",
    };
    uint64_t octets;
    bool last;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct command c = command(good[i].text);

        assert_int_equal(command_bdat(&c, &octets, &last), OK);
        assert_int_equal(octets, good[i].octets);
        assert_int_equal(last, good[i].last);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct command c = command(bad[i]);

        if (command_bdat(&c, &octets, &last) != MALFORMED)
            fail_msg("accepted %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies), cmocka_unit_test(nul_is_odd), cmocka_unit_test(line_bounds),
        cmocka_unit_test(mail),       cmocka_unit_test(params),     cmocka_unit_test(rcpt_good),
        cmocka_unit_test(rcpt_bad),   cmocka_unit_test(address),    cmocka_unit_test(bdat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
