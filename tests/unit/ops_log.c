/* ops/log, ops/record: the outcome line word for word, what peers write made harmless (A119), no record unread. A121 */
#include "ops/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static struct record verified(void)
{
    struct record r = { .outcome = OUTCOME_VERIFIED, .auth = AUTH_DANE_EE, .level = LEVEL_DANE, .asked = 2 };

    r.accepted = 1;
    r.bytes = 1234;
    r.session = 0xabc;
    r.client = ip_v4((const uint8_t[4]){ 192, 0, 2, 10 });
    r.server = ip_v4((const uint8_t[4]){ 203, 0, 113, 9 });
    strcpy(r.domain, "example.org");
    strcpy(r.mx, "mx1.example.org");
    strcpy(r.tls, "TLSv1.3");
    strcpy(r.cipher, "TLS_AES_128_GCM_SHA256");
    return r;
}

static void line_of_success(void **state)
{
    const struct record r = verified();
    char line[LOG_LINE_MAX];
    const size_t n = log_outcome(&r, line, sizeof line);

    (void)state;
    assert_int_equal(n, strlen(line));
    assert_string_equal(line,
                        "outcome=verified domain=example.org mx=mx1.example.org server=203.0.113.9 client=192.0.2.10 "
                        "level=dane auth=dane-ee tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 resumed=0 reason=- "
                        "session=abc rcpt=1/2 bytes=1234");
}

static void line_of_a_refusal(void **state)
{
    struct record r = { .outcome = OUTCOME_REFUSED, .level = LEVEL_DANE_ONLY, .why = WHY_TLSA_INVALID };
    char line[LOG_LINE_MAX];

    (void)state;
    r.resumed = r.would = r.mx_insecure = 1;
    r.flags = FLAG_UNLISTED_ADDRESS | FLAG_SPLIT_HORIZON | FLAG_DECLARE_A_SMARTHOST;
    strcpy(r.client_tls, "TLSv1.2");
    strcpy(r.text, "a \"b\"\\\r\n\x1b[2J\xff");
    log_outcome(&r, line, sizeof line);
    assert_string_equal(line,
                        "outcome=refused domain=- mx=- server=- client=- level=dane-only auth=none tls=- cipher=- "
                        "resumed=1 reason=tlsa-invalid session=0 rcpt=0/0 bytes=0 client-tls=TLSv1.2 "
                        "text=\"a \\\"b\\\"\\\\\\x0d\\x0a\\x1b[2J\\xff\" would=refused mx-trust=insecure "
                        "flags=unlisted-address,split-horizon,declare-a-smarthost");
}

/* The words are the interface: a row that is missing would print (null). */
static void words(void **state)
{
    static const char *const outcomes[] = { "verified", "encrypted", "cleartext", "refused", "failed", "tunnel" };
    static const char *const auths[] = { "none", "dane-ee", "dane-ta", "pkix", "fingerprint" };

    (void)state;
    for (unsigned i = 0; i < OUTCOME__COUNT; i++)
        assert_string_equal(log_outcome_word(i), outcomes[i]);
    for (unsigned i = 0; i < AUTH__COUNT; i++)
        assert_string_equal(log_auth_word(i), auths[i]);
}

static void longest_record_fits_and_small_room_cuts(void **state)
{
    struct record r;
    char line[LOG_LINE_MAX], small[20];

    (void)state;
    memset(&r, 0xff, sizeof r);
    r.outcome = OUTCOME_FAILED;
    r.auth = AUTH_FINGERPRINT;
    r.level = LEVEL_FINGERPRINT;
    r.why = WHY_AMBIGUOUS_END;
    r.domain[sizeof r.domain - 1] = r.mx[sizeof r.mx - 1] = r.tls[sizeof r.tls - 1] = '\0';
    r.cipher[sizeof r.cipher - 1] = r.text[sizeof r.text - 1] = '\0';
    r.flags = FLAG_UNLISTED_ADDRESS | FLAG_SPLIT_HORIZON | FLAG_DECLARE_A_SMARTHOST;
    assert_true(log_outcome(&r, line, sizeof line) < sizeof line - 1);
    assert_non_null(strstr(line, "flags=unlisted-address,split-horizon,declare-a-smarthost"));
    assert_int_equal(log_outcome(&r, small, sizeof small), sizeof small - 1);
    assert_string_equal(small, "outcome=failed doma"); /* each byte of the names is \xff */
}

static void bad_records(void **state)
{
    struct record r = verified();

    (void)state;
    assert_int_equal(record_check(&r), OK);
#define BREAK(change)                                                                                                  \
    do {                                                                                                               \
        r = verified();                                                                                                \
        change;                                                                                                        \
        assert_int_equal(record_check(&r), MALFORMED);                                                                 \
    } while (0)
    BREAK(r.outcome = OUTCOME__COUNT);
    BREAK(r.auth = AUTH__COUNT);
    BREAK(r.level = LEVEL__COUNT);
    BREAK(r.why = WHY__COUNT);
    BREAK(r.resumed = 2);
    BREAK(r.would = 2);
    BREAK(r.mx_insecure = 2);
    BREAK(r.tls_failed = 2);
    BREAK(r.tls_done = 2);
    BREAK(r.flags = 8);
    BREAK(r.accepted = 3);
    BREAK(memset(r.domain, 'x', sizeof r.domain));
    BREAK(memset(r.mx, 'x', sizeof r.mx));
    BREAK(memset(r.tls, 'x', sizeof r.tls));
    BREAK(memset(r.client_tls, 'x', sizeof r.client_tls));
    BREAK(memset(r.cipher, 'x', sizeof r.cipher));
    BREAK(memset(r.text, 'x', sizeof r.text));
#undef BREAK
}

static void content(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, cap - 1, f)] = '\0';
    fclose(f);
}

/* A file that was moved away is written on until the log is opened again; a line is one line whatever is in it. */
static void file_and_reopen(void **state)
{
    char folder[] = "/tmp/ops_log_XXXXXX", path[64], moved[64], got[512], want[256];
    struct log log;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/old", folder);
    assert_int_equal(log_open(&log, LOG_TO_FILE, path), OK);
    log_line(&log, (struct wall){ 1764000000 }, LOG_INFO, "one\r\nfake \x1b[0m\x80");
    assert_int_equal(rename(path, moved), 0);
    log_line(&log, (struct wall){ 4107542400 }, LOG_INFO, "two");
    assert_int_equal(log_reopen(&log), OK);
    log_line(&log, (struct wall){ 1709251199 }, LOG_INFO, "three");
    log_close(&log);

    snprintf(want, sizeof want,
             "2025-11-24T16:00:00Z waxseald[%ld]: one\\x0d\\x0afake \\x1b[0m\\x80\n"
             "2100-03-01T00:00:00Z waxseald[%ld]: two\n",
             (long)getpid(), (long)getpid());
    content(moved, got, sizeof got);
    assert_string_equal(got, want);
    snprintf(want, sizeof want, "2024-02-29T23:59:59Z waxseald[%ld]: three\n", (long)getpid());
    content(path, got, sizeof got);
    assert_string_equal(got, want);

    unlink(moved);
    unlink(path);
    assert_int_equal(symlink(moved, path), 0); /* a link that another user left in the folder is not followed */
    assert_int_equal(log_open(&log, LOG_TO_FILE, path), FAILED);
    unlink(path);
    rmdir(folder);
    assert_int_equal(log_open(&log, LOG_TO_FILE, path), FAILED);
    log_line(&log, (struct wall){ 0 }, LOG_INFO, "nowhere to go");
    assert_int_equal(log.lost, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_of_success), cmocka_unit_test(line_of_a_refusal),
        cmocka_unit_test(words),           cmocka_unit_test(longest_record_fits_and_small_room_cuts),
        cmocka_unit_test(bad_records),     cmocka_unit_test(file_and_reopen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
