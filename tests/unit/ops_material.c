/* ops/material: files in, one sealed block out, and what its reader makes of it. */
#include "ops/material.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sealed.h"

static char folder[] = "/tmp/material-XXXXXX";
static struct config config;

static void run(const char *command)
{
    char line[1024];

    snprintf(line, sizeof line, "cd %s && { %s; } >/dev/null 2>&1", folder, command);
    assert_int_equal(system(line), 0); /* NOLINT: a test's own words */
}

static void path(char *out, const char *name)
{
    snprintf(out, CONFIG_PATH_MAX, "%s/%s", folder, name);
}

/* What is said about this configuration; *m is the reader's where nothing is. */
static char *load(struct material **m)
{
    static char said[2048];
    FILE *const errors = fmemopen(said, sizeof said, "w");
    const int memory = sealed_new("test");
    enum rc rc;

    memset(said, 0, sizeof said);
    rc = material_load(&config, memory, errors);
    fclose(errors);
    assert_int_equal(rc, said[0] == '\0' ? OK : MALFORMED);
    *m = NULL;
    if (rc == OK) {
        assert_null(material_open(memory)); /* whoever made it could still change it */
        assert_int_equal(sealed_shut(memory), OK);
        *m = material_open(memory);
        assert_non_null(*m);
    }
    close(memory);
    return said;
}

static void expect(const char *words)
{
    struct material *m;
    const char *const said = load(&m);

    print_message("# %s", said);
    if (words == NULL)
        assert_string_equal(said, "");
    else
        assert_non_null(strstr(said, words));
    material_close(m);
}

static int begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    run("umask 077; for k in a b; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
        "$k.key "
        "-out $k.pem -days 3650 -subj /CN=$k; done");
    run("umask 077; openssl ec -in a.key -out a.sec1; openssl req -x509 -newkey rsa:2048 -nodes -keyout r.key -out "
        "r.pem "
        "-days 3650 -subj /CN=r; openssl rsa -in r.key -traditional -out r.pkcs1");
    run("umask 077; openssl pkcs8 -topk8 -in a.key -out a.sealed -passout pass:x; "
        "openssl rsa -in r.key -traditional -aes128 -passout pass:x -out r.sealed");
    run("umask 077; cp a.key a.open; chmod 644 a.open; cp a.key a.group; chmod 640 a.group; cat a.pem b.pem >two.pem; "
        "for i in 1 2 3; do cat two.pem two.pem two.pem; done >many.pem; echo words >words; : >empty");
    run("sed '5s/^.../***/' a.pem >damaged.pem; for i in $(seq 300); do cat two.pem; done >600.pem");
    return 0;
}

static int end(void **state)
{
    (void)state;
    run("rm -f * && rmdir $PWD");
    return 0;
}

static void roots(void **state)
{
    static const struct {
        const char *file, *says;
        size_t n;
    } rows[] = {
        { "a.pem", NULL, 1 },
        { "two.pem", NULL, 2 },
        { "none.pem", "No such file", 0 },
        { "empty", "has no certificate", 0 },
        { "words", "has no certificate", 0 },
        { "a.key", "has no certificate", 0 },
        { "damaged.pem", "is damaged", 0 },
        { "600.pem", "more than 512", 0 },
        { ".", "no plain file", 0 },
    };
    static const enum level levels[] = { LEVEL_VERIFY, LEVEL_SECURE };
    struct material *m;
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&config, 0, sizeof config);
        config.site.fallback.level = LEVEL_DANE;
        path(config.ca_file, rows[i].file);
        assert_false(material_is_named(&config));
        expect(NULL); /* no level asks for it: it is not even looked at */
        for (size_t k = 0; k < 2; k++) {
            config.site.n = 1;
            config.site.entry[0].policy.level = levels[k];
            assert_true(material_is_named(&config));
            expect(rows[i].says);
        }
        load(&m);
        (void)material_roots(m, &n);
        assert_int_equal(n, rows[i].n);
        material_close(m);
    }
    (void)material_roots(NULL, &n);
    assert_int_equal(n, 0);
}

static void credentials(void **state)
{
    static const struct {
        const char *certificate, *key, *says;
        unsigned n;
    } rows[] = {
        { "a.pem", "a.key", NULL, 1 },
        { "a.pem", "a.sec1", NULL, 1 },
        { "a.pem", "a.group", NULL, 1 },
        { "r.pem", "r.key", NULL, 1 },
        { "r.pem", "r.pkcs1", NULL, 1 },
        { "two.pem", "a.key", NULL, 2 },
#if WOLFSSL_OWN /* the distribution's library finds that out in the handshake */
        { "a.pem", "b.key", "does not belong", 0 },
        { "a.pem", "r.key", "does not belong", 0 },
#endif
        { "a.pem", "a.sealed", "is encrypted", 0 },
        { "r.pem", "r.sealed", "is encrypted", 0 },
        { "a.pem", "a.open", "everybody may read it", 0 },
        { "a.pem", "a.pem", "has no private key", 0 },
        { "a.pem", "none", "No such file", 0 },
        { "none", "a.key", "No such file", 0 },
        { "a.key", "a.key", "has no certificate", 0 },
        { "many.pem", "a.key", "more than 8", 0 },
    };
    struct material *m;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&config, 0, sizeof config);
        path(config.credential[2].certificate, rows[i].certificate);
        path(config.credential[2].key, rows[i].key);
        assert_true(material_is_named(&config));
        expect(rows[i].says);
        if (rows[i].says != NULL)
            continue;
        load(&m);
        assert_int_equal(material_identity(m, 2).n, rows[i].n);
        assert_int_equal(material_identity(m, 1).n, 0);
        assert_int_equal(material_identity(m, CREDENTIALS_MAX).n, 0);
        assert_int_equal(material_identity(NULL, 2).n, 0);
        material_close(m);
    }
}

/* The reader believes nothing that is not so: each 32-bit word in front of the pool, set to what it must not be. */
static void hostile(void **state)
{
    static uint8_t block[16384];
    const int memory = sealed_new("good");
    size_t n;

    (void)state;
    memset(&config, 0, sizeof config);
    path(config.credential[0].certificate, "two.pem");
    path(config.credential[0].key, "a.key");
    config.site.fallback.level = LEVEL_SECURE;
    path(config.ca_file, "two.pem");
    assert_int_equal(material_load(&config, memory, stderr), OK);
    n = (size_t)pread(memory, block, sizeof block, 0);
    close(memory);
    assert_true(n > 4096 && n < sizeof block);
    for (size_t at = 0; at < 4788; at += 4) {
        uint32_t was, now = UINT32_MAX;
        const int bad = sealed_new("bad");
        struct material *m;

        memcpy(&was, block + at, sizeof was);
        memcpy(block + at, &now, sizeof now);
        assert_int_equal(sealed_put(bad, span_of(block, n)), OK);
        assert_int_equal(sealed_shut(bad), OK);
        m = material_open(bad);
        if (was != 0)
            assert_null(m);
        material_close(m);
        memcpy(block + at, &was, sizeof was);
        close(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(roots), cmocka_unit_test(credentials),
                                        cmocka_unit_test(hostile) };

    return cmocka_run_group_tests(tests, begin, end);
}
