/* smtp/ehlo: what a reply lists, and what drifts between two of them. A3, A12, A13, A15, A21, A22; RFC 5321 4.1.1.1 */
#include "smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* A list from lines with `|` between them; the first names the server. */
static struct ehlo list(const char *lines)
{
    struct ehlo e;
    struct span left = span_str(lines);
    bool first = true;

    ehlo_reset(&e);
    while (left.n > 0) {
        const struct span line = span_first(left, span_find(left, '|'));

        assert_int_equal(ehlo_line(&e, line, first), OK);
        first = false;
        left = span_from(left, line.n + 1);
    }
    return e;
}

static void finds(void **state)
{
    static const char *const yes[] = { "mx|STARTTLS",     "mx|starttls|SIZE", "mx|SIZE|StartTLS ",
                                       "mx|STARTTLS foo", "mx|  STARTTLS\t",  "mx|STARTTLS\tx|SIZE 10" };
    static const char *const no[] = {
        "mx",           "mx STARTTLS",     "STARTTLS",         "STARTTLS|SIZE", "mx|XSTARTTLS",
        "mx|STARTTLSX", "mx|STARTTLS\301", "mx|HELP STARTTLS", "mx|X STARTTLS", "mx||SIZE"
    };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        const struct ehlo e = list(yes[i]);
        assert_true(ehlo_has(&e, EHLO_STARTTLS));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        const struct ehlo e = list(no[i]);
        assert_false(ehlo_has(&e, EHLO_STARTTLS));
    }
}

static void every_keyword(void **state)
{
    const struct ehlo all = list("mx|STARTTLS|PIPELINING|SIZE 1|8BITMIME|CHUNKING|BINARYMIME|SMTPUTF8|DSN|AUTH PLAIN|"
                                 "ENHANCEDSTATUSCODES|REQUIRETLS|ETRN|VRFY|EXPN|HELP|XCLIENT NAME|XFORWARD NAME|"
                                 "DELIVERBY|MT-PRIORITY MIXER|FUTURERELEASE 1 2|BURL imap|LIMITS RCPTMAX=5");
    const struct ehlo old_form = list("mx|AUTH=LOGIN PLAIN");

    (void)state;
    for (int k = 0; k < EHLO__COUNT; k++)
        assert_true(ehlo_has(&all, (enum ehlo_keyword)k));
    assert_int_equal(all.names_n, 0);
    assert_true(ehlo_has(&old_form, EHLO_AUTH));
}

static void masked(void **state)
{
    static const char *const yes[] = { "mx|XXXXXXXA", "mx|SIZE|XXXXXXXX", "mx|XXXXXXXXXXXXXXXXXXXXXB" };
    static const char *const no[] = { "mx|XCLIENT", "XXXXXXXA", "mx|XXX", "mx|SIZE XXXXXXXA" };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(list(yes[i]).masked);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(list(no[i]).masked);
}

static void bounds(void **state)
{
    struct ehlo e;
    char line[64];

    (void)state;
    ehlo_reset(&e);
    for (unsigned i = 0; i < EHLO_LINES_MAX - 1U; i++) {
        snprintf(line, sizeof line, "X-KEYWORD-%u", i);
        assert_int_equal(ehlo_line(&e, span_str(line), i == 0), OK);
    }
    assert_true(e.overflow);
    assert_true(e.names_n <= EHLO_NAMES_MAX);
    assert_int_equal(ehlo_line(&e, SPAN("STARTTLS"), false), OK); /* a bit always finds room */
    assert_true(ehlo_has(&e, EHLO_STARTTLS));
    assert_int_equal(ehlo_line(&e, SPAN("SIZE"), false), FULL);

    ehlo_reset(&e);
    for (unsigned i = 0; i < 200; i++) /* the same name again takes no room */
        assert_int_equal(ehlo_line(&e, SPAN("X-SAME"), false), OK);
    assert_false(e.overflow);
}

#define FULL_LIST                                                                                                      \
    "mx|PIPELINING|SIZE 1000|8BITMIME|CHUNKING|BINARYMIME|SMTPUTF8|DSN|AUTH PLAIN|REQUIRETLS|ETRN|EXPN|HELP|VRFY|"     \
    "XCLIENT NAME|XFORWARD NAME|DELIVERBY|MT-PRIORITY|FUTURERELEASE 1 2|BURL|STARTTLS|XEXCH50|RRVS|MAIL|DATA"

/* Each row: the full list shown in clear, the list inside TLS, one command. */
static const struct {
    const char *now, *command;
    bool drift;
} rows[] = {
    { "mx", "BDAT 5 LAST", true },
    { "mx|CHUNKING", "BDAT 5 LAST", false },
    { "mx", "AUTH PLAIN AAAA", true },
    { "mx|auth login", "AUTH PLAIN AAAA", false },
    { "mx", "ETRN x", true },
    { "mx|ETRN", "etrn x", false },
    { "mx", "XCLIENT NAME=x", true },
    { "mx", "XFORWARD NAME=x", true },
    { "mx", "BURL imap://x", true },
    { "mx", "XEXCH50 1 2", true },
    { "mx|xexch50", "XEXCH50 1 2", false },
    { "mx", "UNHEARD of", false },
    { "mx", "EXPN list", true },
    { "mx", "HELP", true },
    { "mx", "VRFY x", false },
    { "mx", "STARTTLS", false },
    { "mx", "EHLO x", false },
    { "mx", "DATA", false },
    { "mx", "NOOP", false },
    { "mx", "RSET", false },
    { "mx", "QUIT", false },
    { "mx", "", false },
    { "mx", "MAIL FROM:<a@b>", false },
    { "mx", "MAIL FROM:<a@b> SIZE=10", true },
    { "mx|SIZE", "MAIL FROM:<a@b> SIZE=10", false },
    { "mx", "MAIL FROM:<a@b> size=10", true },
    { "mx", "MAIL FROM:<a@b> BODY=8BITMIME", true },
    { "mx|8BITMIME", "MAIL FROM:<a@b> BODY=8bitmime", false },
    { "mx|8BITMIME", "MAIL FROM:<a@b> BODY=binarymime", true },
    { "mx|BINARYMIME", "MAIL FROM:<a@b> BODY=BINARYMIME", false },
    { "mx|SIZE", "MAIL FROM:<a@b> SIZE=1 SMTPUTF8", true },
    { "mx", "MAIL FROM:<> RET=HDRS", true },
    { "mx", "MAIL FROM:<> ENVID=x", true },
    { "mx", "MAIL FROM:<> AUTH=<>", true },
    { "mx|AUTH", "MAIL FROM:<> AUTH=<>", false },
    { "mx", "MAIL FROM:<a@b> AUTH=x", true },
    { "mx", "MAIL FROM:<a@b> REQUIRETLS", true },
    { "mx", "MAIL FROM:<a@b> BY=120;R", true },
    { "mx|DELIVERBY", "MAIL FROM:<a@b> BY=120;R", false },
    { "mx", "MAIL FROM:<a@b> MT-PRIORITY=3", true },
    { "mx", "MAIL FROM:<a@b> HOLDFOR=3", true },
    { "mx", "MAIL FROM:<a@b> HOLDUNTIL=3", true },
    { "mx|FUTURERELEASE", "MAIL FROM:<a@b> HOLDUNTIL=3", false },
    { "mx", "MAIL FROM:<a@b> UNHEARD=1", false },
    { "mx", "RCPT TO:<a@b> NOTIFY=NEVER", true },
    { "mx|DSN", "RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b", false },
    { "mx", "RCPT TO:<a@b> ORCPT=rfc822;a@b", true },
    { "mx", "RCPT TO:<a@b> RRVS=2014-04-03T23:01:00Z", true },
    { "mx|RRVS", "RCPT TO:<a@b> RRVS=2014-04-03T23:01:00Z", false },
    { "mx", "RCPT TO:<a@b>", false },
};

static struct command command(const char *text, char *line, size_t cap)
{
    struct command c;
    size_t used;

    snprintf(line, cap, "%s\r\n", text);
    assert_int_equal(command_line(span_str(line), &c, &used), OK);
    return c;
}

static void drift(void **state)
{
    const struct ehlo shown = list(FULL_LIST), nothing = list("mx");
    char line[256];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ehlo now = list(rows[i].now);
        const struct command c = command(rows[i].command, line, sizeof line);

        if (ehlo_drift(&shown, &now, &c) != rows[i].drift)
            fail_msg("`%s` against %s", rows[i].command, rows[i].now);
        assert_false(ehlo_drift(&shown, &shown, &c));
        assert_false(ehlo_drift(&nothing, &now, &c)); /* what was not shown is the client's own idea: relayed */
    }
}

static void overflow_is_no_drift(void **state)
{
    const struct ehlo shown = list("mx|XEXCH50|CHUNKING");
    struct ehlo now = list("mx");
    char line[64];
    const struct command other = command("XEXCH50 1", line, sizeof line);
    char line2[64];
    const struct command bdat = command("BDAT 1", line2, sizeof line2);

    (void)state;
    now.overflow = true;
    assert_false(ehlo_drift(&shown, &now, &other));
    assert_true(ehlo_drift(&shown, &now, &bdat));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),  cmocka_unit_test(every_keyword), cmocka_unit_test(masked),
        cmocka_unit_test(bounds), cmocka_unit_test(drift),         cmocka_unit_test(overflow_is_no_drift),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
