/* cert/make: OpenSSL takes key and certificate for what they are meant to be, with names of every length. */
#include "cert/make.h"

#include "base/limits.h"
#include "cert/cert.h"
#include "cert/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/waxseal-make-XXXXXX";

/* `%1$s` is the file, `%2$s` the name. */
static void check(const char *name, const char *format)
{
    char path[64], command[1024], line[1200];

    (void)snprintf(path, sizeof path, "%s/own.pem", folder);
    (void)snprintf(command, sizeof command, format, path, name);
    (void)snprintf(line, sizeof line, "{ %s; } >/dev/null 2>&1", command);
    if (system(line) != 0) /* NOLINT(cert-env33-c) */
        fail_msg("%s", command);
}

static void openssl_takes_it(void **state)
{
    static const char longest[] =
        "a23456789.123456789.123456789.123456789.123456789.123456789.123.example.net.of.a.name.th"
        "at.is.as.long.as.one.may.be.123456789.123456789.123456789.123456789.123456789.1234567"
        "89.123456789.123456789.123456789.123456789.123456789.123456789.123456789.org";
    static const char *const names[] = { "box.branch.test", "localhost", "x", longest };

    (void)state;
    assert_true(sizeof longest - 1 <= HOSTNAME_MAX);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t mem[2 * MAKE_BYTES_MAX], der[MAKE_BYTES_MAX];
        size_t n = sizeof der;
        struct buf text;
        struct cert cert;
        char path[64];

        buf_init(&text, mem, sizeof mem);
        assert_int_equal(make_own(span_str(names[i]), SPAN("240615120000Z"), &text), OK);
        struct span left = buf_bytes(&text);

        assert_int_equal(pem_next(&left, der, &n), OK);
        assert_int_equal(cert_read(span_of(der, n), &cert), OK); /* our own reader, too */
        (void)snprintf(path, sizeof path, "%s/own.pem", folder);
        FILE *const f = fopen(path, "w");

        assert_non_null(f);
        assert_int_equal(fwrite(buf_bytes(&text).p, 1, buf_used(&text), f), buf_used(&text));
        assert_int_equal(fclose(f), 0);
        check(names[i], "openssl verify -CAfile %1$s -purpose sslserver -verify_hostname %2$s %1$s");
        check(names[i], "openssl pkey -in %1$s -check -noout");
        check(names[i], "test \"$(openssl pkey -in %1$s -pubout)\" = \"$(openssl x509 -in %1$s -pubkey -noout)\"");
        check(names[i], "openssl x509 -in %1$s -noout -dates | grep -q 'notBefore=Jun 15 12:00:00 2024'");
        check(names[i], "openssl x509 -in %1$s -noout -dates | grep -q 'notAfter=Dec 31 23:59:59 9999'");
        check(names[i], "openssl x509 -in %1$s -noout -ext subjectAltName | grep -qi DNS:%2$s");
    }
}

static void no_two_are_the_same(void **state)
{
    uint8_t mem[2][2 * MAKE_BYTES_MAX];
    struct buf text[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        buf_init(&text[i], mem[i], sizeof mem[i]);
        assert_int_equal(make_own(SPAN("x.test"), SPAN("240615120000Z"), &text[i]), OK);
    }
    assert_false(span_eq(buf_bytes(&text[0]), buf_bytes(&text[1])));
    buf_init(&text[0], mem[0], 100);
    assert_int_equal(make_own(SPAN("x.test"), SPAN("240615120000Z"), &text[0]), FULL);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/own.pem", folder);
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(openssl_takes_it), cmocka_unit_test(no_two_are_the_same) };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
