/*
 * io/tls as server: what a client's own STARTTLS ends in, against OpenSSL's client (tests/lib/tls_peer.py). The
 * certificate is shown whole, whatever is better than clear is taken, tickets resume, and what is not TLS gets nowhere.
 * R8 A26
 */
#include "io/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cert/pem.h"

#define STEPS_MAX 16

static char folder[] = "/tmp/waxseal-io-XXXXXX";
static struct tls_ctx *ec, *ec_other, *rsa;

struct end {
    struct loop *loop;
    struct stream s;
    uint8_t mem[STREAM_MEMORY];
    struct timer guard;
    bool up, failed, over;
    size_t echoed;
};

/* Everything that comes goes back, inside. */
static void echo(struct end *e)
{
    const struct span in = span_first(stream_in(&e->s), stream_room(&e->s));

    if (in.n > 0 && stream_put(&e->s, in) == OK) {
        e->echoed += in.n;
        stream_take(&e->s, in.n);
    }
}

static void on_event(void *arg, enum stream_event event)
{
    struct end *const e = arg;

    switch (event) {
    case STREAM_TLS_UP:
        e->up = true;
        break;
    case STREAM_READABLE:
    case STREAM_WRITABLE:
        echo(e);
        break;
    case STREAM_TLS_FAILED:
        e->failed = true;
        loop_stop(e->loop);
        break;
    case STREAM_CLOSED:
    case STREAM_LOST:
        e->over = true;
        loop_stop(e->loop);
        break;
    case STREAM_CONNECTED:
        break;
    }
}

static void on_guard(void *arg)
{
    struct end *const e = arg;

    loop_stop(e->loop);
}

/* Starts the client on descriptors 3 and 4; ours are `fd`. */
static pid_t call(const char *pem, const char *versions, const char *ciphers, const char *const *steps, int *fd)
{
    const char *argv[STEPS_MAX + 7] = { "python3", "tests/lib/tls_peer.py", "call", pem, versions, ciphers };
    int pair[2][2];
    char path[64];

    snprintf(path, sizeof path, "%s/%s.crt", folder, pem);
    argv[3] = path;
    for (size_t i = 0; i < STEPS_MAX && steps[i] != NULL; i++)
        argv[6 + i] = steps[i];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair[i]), 0);
        const int low = pair[i][1];

        pair[i][1] = fcntl(low, F_DUPFD_CLOEXEC, 10 + (int)i);
        close(low);
        fd[i] = pair[i][0];
    }
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pair[0][1], 3);
        (void)dup2(pair[1][1], 4);
        (void)execvp("python3", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(pair[0][1]);
    close(pair[1][1]);
    return pid;
}

/* Serves one connection to its end; takes fd. */
static struct tls_info serve(struct end *e, struct tls_ctx *ctx, int fd)
{
    struct tls_info info = { 0 };

    *e = (struct end){ .loop = loop_new() };
    assert_non_null(e->loop);
    timer_init(&e->guard, e->loop, on_guard, e);
    timer_set(&e->guard, 20000);
    stream_open(&e->s, e->loop, fd, false, e->mem, on_event, e);
    assert_int_equal(stream_start_tls(&e->s, ctx, NULL), OK);
    assert_int_equal(loop_run(e->loop), OK);
    if (e->up)
        info = *stream_tls(&e->s);
    return info;
}

static void end(struct end *e)
{
    stream_close(&e->s);
    timer_cancel(&e->guard);
    loop_free(e->loop);
}

static int result(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The client trusts the certificate alone, so that a handshake shows that it came whole, with its issuer. */
static void takes_what_is_better_than_clear(void **state)
{
    static const struct {
        struct tls_ctx **ctx;
        const char *pem, *versions, *ciphers, *version;
        bool own_only; /* Debian's library has no TLS 1.0, no static RSA */
    } rows[] = {
        { &ec, "small", "1.2-1.3", "ALL", "TLSv1.3", false },
        { &ec, "small", "1.2-1.2", "ALL", "TLSv1.2", false },
        { &ec, "small", "1.1-1.1", "ALL", "TLSv1.1", false },
        { &ec, "small", "1.0-1.0", "ALL", "TLSv1", true },
        { &rsa, "rsaleaf", "1.3-1.3", "ALL", "TLSv1.3", false },
        { &rsa, "rsaleaf", "1.2-1.2", "ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", false },
        { &rsa, "rsaleaf", "1.2-1.2", "AES128-SHA", "TLSv1.2", true },
        { &rsa, "rsaleaf", "1.0-1.0", "AES128-SHA", "TLSv1", true },
    };
    static const char *const talk[STEPS_MAX] = { "handshake", "send=60000", "expect=60000", "notify", "fin" };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct end e;
        int fd[2];

        if (rows[i].own_only && !WOLFSSL_OWN)
            continue;
        const pid_t pid = call(rows[i].pem, rows[i].versions, rows[i].ciphers, talk, fd);
        const struct tls_info info = serve(&e, *rows[i].ctx, fd[0]);

        if (!e.up || !e.over || e.echoed != 60000)
            fail_msg("row %zu: up %d, echoed %zu: %s", i, e.up, e.echoed, stream_failure(&e.s));
        assert_string_equal(info.version, rows[i].version);
        assert_null(info.chain);
        assert_string_not_equal(info.cipher, "unknown");
        end(&e);
        close(fd[1]);
        assert_int_equal(result(pid), 0);
    }
}

/* R72's `resumed=`, of the near side: by the context's own tickets, in both versions; another's cost a full handshake.
 */
static void tickets(void **state)
{
    static const char *const versions[] = { "1.2-1.2", "1.3-1.3" };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bool same = i % 2 == 0;
        const char *const steps[STEPS_MAX] = { "handshake",
                                               "send=9",
                                               "expect=9",
                                               "resumed=0",
                                               "notify",
                                               "fin",
                                               "again",
                                               "handshake",
                                               "send=9",
                                               "expect=9",
                                               same ? "resumed=1" : "resumed=0",
                                               "notify",
                                               "fin" };
        struct end e;
        int fd[2];
        const pid_t pid = call("small", versions[i / 2], "ALL", steps, fd);
        struct tls_info info = serve(&e, ec, fd[0]);

        assert_true(e.up && e.over);
        assert_false(info.resumed);
        end(&e);
        info = serve(&e, same ? ec : ec_other, fd[1]);
        if (!e.up || info.resumed != same)
            fail_msg("%s, same context %d: up %d, resumed %d", versions[i / 2], same, e.up, info.resumed);
        end(&e);
        assert_int_equal(result(pid), 0);
    }
}

static void what_is_not_tls(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        { "EHLO client.test\r\nMAIL FROM:<>\r\n", 32 },         /* A26: what stood behind STARTTLS */
        { "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11 }, /* SSL 2 */
        { "\x16\x03\x01\x00\x05\x0e\x00\x00\x01\x00\x00", 11 }, /* a handshake message that is no hello */
        { "\x16\x03\x01\xff\xff\x01\x00\xff\xfb", 9 },          /* a record over all bounds */
        { "", 0 },
    };
    struct end e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(write(pair[1], rows[i].bytes, rows[i].n), rows[i].n);
        assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
        (void)serve(&e, ec, pair[0]);
        if (e.up || !e.failed || stream_failure(&e.s)[0] == '\0')
            fail_msg("row %zu: up %d, failed %d", i, e.up, e.failed);
        end(&e);
        close(pair[1]);
    }
}

static void what_cannot_be_agreed(void **state)
{
    static const struct {
        const char *pem, *versions, *ciphers;
    } rows[] = {
        { "small", "1.0-1.2", "aNULL" },
        { "small", "1.0-1.2", "eNULL:!aNULL" },
        { "small", "1.2-1.2", "aRSA" },  /* our key is no RSA key */
        { "rsaleaf", "1.2-1.3", "ALL" }, /* the client trusts another */
    };
    static const char *const steps[STEPS_MAX] = { "handshake", "send=9", "expect=9" };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct end e;
        int fd[2];
        const pid_t pid = call(rows[i].pem, rows[i].versions, rows[i].ciphers, steps, fd);

        (void)serve(&e, ec, fd[0]);
        if (e.echoed > 0 || (!e.failed && !e.over))
            fail_msg("row %zu: up %d, echoed %zu", i, e.up, e.echoed);
        print_message("# %s\n", stream_failure(&e.s));
        end(&e);
        close(fd[1]);
        assert_int_not_equal(result(pid), 0);
    }
}

static void without_a_certificate_no_session(void **state)
{
    struct tls_ctx *const ctx = tls_ctx_new_server();
    const uint8_t byte = 0;
    const struct tls_identity nonsense = { .n = 1, .chain = { span_of(&byte, 1) }, .key = span_of(&byte, 1) };
    struct loop *const loop = loop_new();
    static uint8_t mem[STREAM_MEMORY];
    struct stream s;
    int pair[2];

    (void)state;
    assert_non_null(ctx);
    assert_int_equal(tls_ctx_identity(ctx, &nonsense), UNUSABLE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    stream_open(&s, loop, pair[0], false, mem, on_event, NULL);
    assert_int_equal(stream_start_tls(&s, ctx, NULL), FAILED);
    stream_close(&s);
    close(pair[1]);
    loop_free(loop);
    tls_ctx_free(ctx);
}

/* ---- certificates ---- */

static struct tls_ctx *context(const char *certificate, const char *key)
{
    static uint8_t mem[3][16384];
    struct tls_identity id = { .n = 1 };
    struct tls_ctx *const ctx = tls_ctx_new_server();
    const char *const file[2] = { certificate, key };
    size_t n[2];

    assert_non_null(ctx);
    for (unsigned i = 0; i < 2; i++) {
        char path[64];

        snprintf(path, sizeof path, "%s/%s", folder, file[i]);
        FILE *const f = fopen(path, "rb");

        assert_non_null(f);
        struct span text = span_of(mem[2], fread(mem[2], 1, sizeof mem[2], f));

        fclose(f);
        n[i] = sizeof mem[i];
        assert_int_equal(i == 0 ? pem_next(&text, mem[i], &n[i]) : pem_key(text, mem[i], &n[i]), OK);
    }
    id.chain[0] = span_of(mem[0], n[0]);
    id.key = span_of(mem[1], n[1]);
    assert_int_equal(tls_ctx_identity(ctx, &id), OK);
    return ctx;
}

static int set_up(void **state)
{
    char command[128];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(command, sizeof command, "python3 tests/lib/tls_peer.py make %s", folder);
    if (system(command) != 0) /* NOLINT(cert-env33-c) */
        return -1;
    ec = context("small.crt", "ec.key");
    ec_other = context("small.crt", "ec.key");
    rsa = context("rsaleaf.crt", "rsa.key");
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    tls_ctx_free(ec);
    tls_ctx_free(ec_other);
    tls_ctx_free(rsa);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_better_than_clear),
        cmocka_unit_test(tickets),
        cmocka_unit_test(what_is_not_tls),
        cmocka_unit_test(what_cannot_be_agreed),
        cmocka_unit_test(without_a_certificate_no_session),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
