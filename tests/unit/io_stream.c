/*
 * io/stream and io/tls: clear and sealed streams against a real TLS server (OpenSSL's, through tests/lib/tls_peer.py).
 * The chain comes byte for byte, what is injected never gets in, an end without close_notify is a loss. A36 A37 R51 R56
 */
#include "io/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS_MAX 8
#define MEGABYTE (1U << 20)

#ifdef __SANITIZE_ADDRESS__
#define BULK (MEGABYTE / 4)
#else
#define BULK MEGABYTE
#endif

static char folder[] = "/tmp/waxseal-io-XXXXXX";

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

/* One end under test. Each event is noted as a letter: C U R W T E L. */
struct end {
    struct loop *loop;
    struct stream *s; /* and its memory behind it */
    struct timer guard;
    pid_t peer;
    int other; /* the far descriptor, in tests without a peer process */
    char events[64];
    size_t n_events;
    size_t to_send, sent, received;
    bool wrong;                  /* a byte came that is not the pattern */
    bool greedy;                 /* takes what comes */
    enum stream_event stop_at;   /* ends the loop */
    bool close_at, inside_tells; /* closes in the event; an event came while we were inside a call */
    bool inside;
};

static void on_guard(void *arg)
{
    struct end *e = arg;

    loop_stop(e->loop);
    (void)snprintf(e->events, sizeof e->events, "timeout");
}

static void send_pattern(struct end *e)
{
    static uint8_t chunk[3000];

    while (e->sent < e->to_send) {
        size_t n = e->to_send - e->sent < sizeof chunk ? e->to_send - e->sent : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = pattern(e->sent + i);
        if (stream_put(e->s, span_of(chunk, n)) != OK)
            break;
        e->sent += n;
    }
}

static void take_all(struct end *e)
{
    const struct span in = stream_in(e->s);

    for (size_t i = 0; i < in.n; i++)
        e->wrong |= in.p[i] != pattern(e->received + i);
    e->received += in.n;
    stream_take(e->s, in.n);
}

static void on_event(void *arg, enum stream_event event)
{
    struct end *e = arg;

    e->inside_tells |= e->inside;
    if (e->n_events < sizeof e->events - 1 && (e->n_events == 0 || e->events[e->n_events - 1] != "CURWTEL"[event]))
        e->events[e->n_events++] = "CURWTEL"[event];
    if (event == STREAM_READABLE && e->greedy)
        take_all(e);
    if (event == STREAM_TLS_UP || event == STREAM_WRITABLE || event == STREAM_CONNECTED)
        send_pattern(e);
    if (event == e->stop_at || event == STREAM_LOST || event == STREAM_TLS_FAILED)
        loop_stop(e->loop);
    if (e->close_at && event == e->stop_at) {
        stream_close(e->s);
        free(e->s);
        e->s = NULL;
    }
}

static void begin(struct end *e, int fd)
{
    e->loop = loop_new();
    e->s = calloc(1, sizeof *e->s + STREAM_MEMORY);
    assert_non_null(e->loop);
    assert_non_null(e->s);
    timer_init(&e->guard, e->loop, on_guard, e);
    timer_set(&e->guard, 20000);
    stream_open(e->s, e->loop, fd, false, (uint8_t *)(e->s + 1), on_event, e);
}

static void run_until(struct end *e, enum stream_event event)
{
    e->stop_at = event;
    assert_int_equal(loop_run(e->loop), OK);
}

/* Lets the loop go round until everything that was under way is told. */
static void on_idle(void *arg)
{
    loop_stop(arg);
}

static void settle(struct end *e)
{
    struct timer idle;

    timer_init(&idle, e->loop, on_idle, e->loop);
    for (unsigned i = 0; i < 5; i++) {
        timer_set(&idle, 0);
        assert_int_equal(loop_run(e->loop), OK);
    }
}

/* Returns the peer's exit status, 0 without one. */
static int finish(struct end *e)
{
    int status = 0;

    if (e->s != NULL)
        stream_close(e->s);
    free(e->s);
    timer_cancel(&e->guard);
    loop_free(e->loop);
    if (e->other > 0)
        close(e->other);
    if (e->peer > 0)
        assert_int_equal(waitpid(e->peer, &status, 0), e->peer);
    assert_false(e->inside_tells);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Begins with a TLS server at the other end, which will do the steps. */
static void begin_peer(struct end *e, const char *pem, const char *versions, const char *ciphers,
                       const char *const *steps)
{
    const char *argv[6 + STEPS_MAX + 1] = { "python3", "tests/lib/tls_peer.py", "serve", NULL, versions, ciphers };
    char path[128];
    int pair[2];

    (void)snprintf(path, sizeof path, "%s/%s.pem", folder, pem);
    argv[3] = *pem == '-' ? "-" : path;
    for (unsigned i = 0; i < STEPS_MAX && steps[i] != NULL; i++)
        argv[6 + i] = steps[i];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    e->peer = fork();
    assert_true(e->peer >= 0);
    if (e->peer == 0) {
        (void)dup2(pair[1], 3);
        (void)fcntl(3, F_SETFD, 0);
        (void)execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(pair[1]);
    begin(e, pair[0]);
}

static struct tls_ctx *contexts[2]; /* by enum tls_floor */

static void start(struct end *e, enum tls_floor floor)
{
    e->inside = true;
    assert_int_equal(stream_start_tls(e->s, contexts[floor], "mx.test"), OK);
    e->inside = false;
}

/* ---- TLS ---- */

static void assert_chain(const struct tls_info *info, const char *pem, unsigned n)
{
    static uint8_t want[CHAIN_BYTES_MAX];
    char path[128];
    size_t at = 0;

    (void)snprintf(path, sizeof path, "%s/%s.der", folder, pem);
    const int fd = open(path, O_RDONLY);
    const ssize_t bytes = read(fd, want, sizeof want);
    close(fd);
    assert_non_null(info->chain);
    assert_int_equal(info->chain->n, n);
    assert_int_equal(info->chain->bytes, bytes);
    for (unsigned i = 0; i < n; i++) {
        assert_true(at + info->chain->der[i].n <= (size_t)bytes);
        assert_memory_equal(info->chain->der[i].p, want + at, info->chain->der[i].n);
        at += info->chain->der[i].n;
    }
    assert_int_equal(at, bytes);
}

static void channels_and_chains(void **state)
{
    static const char *const steps[] = { "handshake", "send=100", "expect=100", "notify", NULL };
    static const struct {
        const char *pem, *versions, *ciphers;
        enum tls_floor floor;
        unsigned certs;
        const char *version, *cipher;
    } cases[] = {
        { "ec", "1.2-1.3", "ALL", TLS_FLOOR_1_2, 1, "TLSv1.3", "TLS_AES_256_GCM_SHA384" },
        { "ec", "1.2-1.2", "ALL", TLS_FLOOR_ANY, 1, "TLSv1.2", NULL },
        { "rsa", "1.2-1.2", "AES128-GCM-SHA256", TLS_FLOOR_ANY, 1, "TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256" },
        { "rsa", "1.2-1.2", "ECDHE-RSA-AES128-GCM-SHA256", TLS_FLOOR_1_2, 1, "TLSv1.2",
          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
        { "rsa", "1.2-1.2", "DHE-RSA-AES256-SHA", TLS_FLOOR_1_2, 1, "TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA" },
        { "ec", "1.2-1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", TLS_FLOOR_1_2, 1, "TLSv1.2",
          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
        { "rsa", "1.1-1.1", "ALL", TLS_FLOOR_ANY, 1, "TLSv1.1", NULL },
        { "leaf3k", "1.2-1.2", "ALL", TLS_FLOOR_1_2, 2, "TLSv1.2", NULL },
        { "leaf3k", "1.3-1.3", "ALL", TLS_FLOOR_1_2, 2, "TLSv1.3", NULL },
        { "ten", "1.2-1.2", "ALL", TLS_FLOOR_1_2, 10, "TLSv1.2", NULL },
        { "ten", "1.3-1.3", "ALL", TLS_FLOOR_1_2, 10, "TLSv1.3", NULL },
        { "leaf60k", "1.2-1.2", "ALL", TLS_FLOOR_1_2, 1, "TLSv1.2", NULL },
        { "leaf60k", "1.3-1.3", "ALL", TLS_FLOOR_1_2, 1, "TLSv1.3", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct end e = { .to_send = 100, .greedy = true };
#if !WOLFSSL_OWN /* the distribution's library is smaller in these things */
        if (cases[i].certs == 10 || strcmp(cases[i].pem, "leaf60k") == 0 ||
            (cases[i].cipher != NULL && strncmp(cases[i].cipher, "TLS_RSA_", 8) == 0))
            continue;
#endif
        begin_peer(&e, cases[i].pem, cases[i].versions, cases[i].ciphers, steps);
        start(&e, cases[i].floor);
        run_until(&e, STREAM_CLOSED);
        const struct tls_info *info = stream_tls(e.s);
        if (info == NULL)
            fail_msg("%s %s %s: %s", cases[i].pem, cases[i].versions, cases[i].ciphers, stream_failure(e.s));
        assert_string_equal(e.events, "URE");
        assert_int_equal(e.received, 100);
        assert_false(e.wrong);
        assert_true(stream_is_tls(e.s));
        assert_false(info->resumed);
        assert_string_equal(info->version, cases[i].version);
        if (cases[i].cipher != NULL)
            assert_string_equal(info->cipher, cases[i].cipher);
        assert_memory_equal(info->cipher, "TLS_", 4);
        assert_chain(info, cases[i].pem, cases[i].certs);
        stream_drop_chain(e.s);
        assert_null(info->chain);
        assert_int_equal(finish(&e), 0);
    }
}

static void handshakes_that_must_not_be(void **state)
{
    static const struct {
        const char *says, *pem, *versions, *ciphers;
        enum tls_floor floor;
        const char *steps[STEPS_MAX];
    } cases[] = {
        { "anonymous only", "-", "1.0-1.2", "aNULL", TLS_FLOOR_ANY, { "handshake" } },
        { "NULL only", "rsa", "1.0-1.2", "eNULL:!aNULL", TLS_FLOOR_ANY, { "handshake" } },
        { "below the floor", "rsa", "1.1-1.1", "ALL", TLS_FLOOR_1_2, { "handshake" } },
        { "static RSA for an authenticated level", "rsa", "1.2-1.2", "kRSA", TLS_FLOOR_1_2, { "handshake" } },
        { "clear text in place of the answer",
          "ec",
          "1.2-1.3",
          "ALL",
          TLS_FLOOR_ANY,
          { "clear=250-mx.test\\r\\n", "hello" } },
        { "a real 220 reply late",
          "ec",
          "1.2-1.3",
          "ALL",
          TLS_FLOOR_ANY,
          { "hello", "clear=220 ready\\r\\n", "handshake" } },
        { "end of stream", "ec", "1.2-1.3", "ALL", TLS_FLOOR_ANY, { "hello", "fin" } },
        { "end of stream at once", "ec", "1.2-1.3", "ALL", TLS_FLOOR_ANY, { "fin" } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct end e = { 0 };
        begin_peer(&e, cases[i].pem, cases[i].versions, cases[i].ciphers, cases[i].steps);
        start(&e, cases[i].floor);
        run_until(&e, STREAM_TLS_UP);
        if (strcmp(e.events, "T") != 0 || stream_failure(e.s)[0] == '\0' || stream_is_tls(e.s))
            fail_msg("%s: events %s, failure '%s'", cases[i].says, e.events, stream_failure(e.s));
        /* never clear again on this descriptor (RFC 3207 4.1) */
        assert_int_equal(stream_put(e.s, SPAN("MAIL")), FAILED);
        assert_int_equal(stream_start_tls(e.s, contexts[0], NULL), FAILED);
        assert_int_equal(stream_pull(e.s), FAILED);
        (void)finish(&e);
    }
}

/* A36: only close_notify is an end. A37: what is not sealed does not get in, and ends the stream. */
static void ends_of_sealed_streams(void **state)
{
    static const struct {
        const char *says, *versions;
        const char *steps[STEPS_MAX];
        const char *events;
        size_t received;
    } cases[] = {
        { "close_notify 1.2", "1.2-1.2", { "handshake", "send=20", "notify" }, "URE", 20 },
        { "close_notify 1.3", "1.3-1.3", { "handshake", "send=20", "notify" }, "URE", 20 },
        { "bare FIN 1.2", "1.2-1.2", { "handshake", "send=20", "fin" }, "URL", 20 },
        { "bare FIN 1.3", "1.3-1.3", { "handshake", "send=20", "fin" }, "URL", 20 },
        { "injected behind 1.2", "1.2-1.2", { "handshake", "clear=250 Ok\\r\\n", "fin" }, "UL", 0 },
        { "injected behind 1.3", "1.3-1.3", { "handshake", "clear=250 Ok\\r\\n", "fin" }, "UL", 0 },
        { "a record of clear text 1.2",
          "1.2-1.2",
          { "handshake", "clear=\\x17\\x03\\x03\\x00\\x06250 O\\r", "fin" },
          "UL",
          0 },
        { "a record of clear text 1.3",
          "1.3-1.3",
          { "handshake", "clear=\\x17\\x03\\x03\\x00\\x20250 OK 250 OK 250 OK 250 OK 250 O", "fin" },
          "UL",
          0 },
        { "injected inside a reply", "1.3-1.3", { "handshake", "send=20", "clear=250 Ok\\r\\n", "fin" }, "URL", 20 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct end e = { .greedy = true };
        begin_peer(&e, "ec", cases[i].versions, "ALL", cases[i].steps);
        start(&e, TLS_FLOOR_1_2);
        run_until(&e, STREAM_CLOSED);
        if (strcmp(e.events, cases[i].events) != 0)
            fail_msg("%s: %s, not %s (%s)", cases[i].says, e.events, cases[i].events, stream_failure(e.s));
        assert_int_equal(e.received, cases[i].received);
        assert_false(e.wrong);
        assert_int_equal(stream_failure(e.s)[0] == '\0', strchr(e.events, 'L') == NULL);
        (void)finish(&e);
    }
}

/* What the server said before it went is heard, though it is writing that tells of its end. */
static void lost_while_writing_sealed(void **state)
{
    static const char *const versions[] = { "1.2-1.2", "1.3-1.3" };
    static const char *const steps[] = { "handshake", "send=20", NULL };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct end e = { .greedy = true };
        begin_peer(&e, "ec", versions[i], "ALL", steps);
        start(&e, TLS_FLOOR_1_2);
        run_until(&e, STREAM_TLS_UP);
        assert_int_equal(waitpid(e.peer, NULL, 0), e.peer);
        e.peer = 0;
        assert_int_equal(stream_put(e.s, SPAN("NOOP\r\n")), OK);
        stream_flush(e.s);
        run_until(&e, STREAM_LOST);
        assert_string_equal(e.events, "URL");
        assert_int_equal(e.received, 20);
        assert_false(e.wrong);
        assert_string_equal(stream_failure(e.s), "the server closed the connection without close_notify");
        (void)finish(&e);
    }
}

/* A server that wants a certificate: in TLS 1.3 the client takes its own handshake for done, and hears the no behind.
 */
static void certificate_asked_for(void **state)
{
    static const struct {
        const char *versions, *events, *failure;
    } cases[] = {
        { "1.2-1.2", "T", "the server sent the alert handshake_failure" },
        { "1.3-1.3", "UL", "the server sent the alert certificate_required" },
    };
    static const char *const steps[] = { "asks", "handshake", NULL };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (unsigned writes = 0; writes < 2; writes++) {
            struct end e = { 0 };
            begin_peer(&e, "ec", cases[i].versions, "ALL", steps);
            start(&e, TLS_FLOOR_1_2);
            run_until(&e, STREAM_TLS_UP);
            if (writes != 0 && stream_is_tls(e.s)) { /* and the peer is gone before our first word */
                assert_int_equal(waitpid(e.peer, NULL, 0), e.peer);
                e.peer = 0;
                assert_int_equal(stream_put(e.s, SPAN("EHLO x\r\n")), OK);
                stream_flush(e.s);
            }
            if (stream_is_tls(e.s))
                run_until(&e, STREAM_LOST);
            assert_string_equal(e.events, cases[i].events);
            assert_string_equal(stream_failure(e.s), cases[i].failure);
            (void)finish(&e);
        }
    }
}

/* A slow reader far away and full buffers here: everything arrives, once, in order, both ways. */
static void bulk_both_ways(void **state)
{
    static const char *const versions[] = { "1.2-1.2", "1.3-1.3" };
    char echo[32];
    const char *const steps[] = { "handshake", echo, "wait", NULL };

    (void)state;
    (void)snprintf(echo, sizeof echo, "echo=%u", BULK);
    for (size_t i = 0; i < 2; i++) {
        struct end e = { .to_send = BULK, .greedy = true };
        begin_peer(&e, "ec", versions[i], "ALL", steps);
        start(&e, TLS_FLOOR_1_2);
        while (e.received < BULK && strchr(e.events, 'L') == NULL && strchr(e.events, 't') == NULL)
            run_until(&e, STREAM_READABLE);
        assert_int_equal(e.received, BULK);
        assert_false(e.wrong);
        stream_end(e.s);
        run_until(&e, STREAM_CLOSED);
        assert_int_equal(finish(&e), 0); /* it saw our close_notify */
    }
}

/* Nobody takes: the buffer fills and no more is read. Then everything comes, also what the library held back. */
static void back_pressure(void **state)
{
    static const char *const steps[] = { "handshake", "send=100000", "notify", NULL };
    struct end e = { 0 };

    (void)state;
    begin_peer(&e, "ec", "1.3-1.3", "ALL", steps);
    start(&e, TLS_FLOOR_1_2);
    run_until(&e, STREAM_READABLE);
    while (stream_in(e.s).n < STREAM_BUFFER && strcmp(e.events, "timeout") != 0)
        run_until(&e, STREAM_READABLE);
    assert_int_equal(stream_in(e.s).n, STREAM_BUFFER);
    assert_int_equal(stream_pull(e.s), FULL);
    settle(&e);
    assert_string_equal(e.events, "UR");
    e.greedy = true;
    take_all(&e);
    run_until(&e, STREAM_CLOSED);
    assert_int_equal(e.received, 100000);
    assert_false(e.wrong);
    assert_string_equal(e.events, "URE");
    (void)finish(&e);
}

/* Pausing keeps what the peer sends in the kernel; resuming tells what stands in the buffer as well. */
static void pausing(void **state)
{
    static const char *const steps[] = { "handshake", "send=30000", "notify", NULL };
    struct end e = { 0 };

    (void)state;
    begin_peer(&e, "ec", "1.2-1.2", "ALL", steps);
    start(&e, TLS_FLOOR_1_2);
    run_until(&e, STREAM_READABLE);
    stream_pause_read(e.s, true);
    const size_t held = stream_in(e.s).n;
    settle(&e);
    assert_int_equal(stream_in(e.s).n, held);
    e.greedy = true;
    e.inside = true;
    stream_pause_read(e.s, false);
    e.inside = false;
    run_until(&e, STREAM_CLOSED);
    assert_int_equal(e.received, 30000);
    assert_false(e.wrong);
    (void)finish(&e);
}

/* The owner may close, and free, inside any event. */
static void closing_inside_events(void **state)
{
    static const char *const steps[] = { "handshake", "send=20", "notify", NULL };
    static const enum stream_event at[] = { STREAM_TLS_UP, STREAM_READABLE, STREAM_CLOSED };

    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct end e = { .close_at = true };
        begin_peer(&e, "ec", "1.3-1.3", "ALL", steps);
        start(&e, TLS_FLOOR_1_2);
        run_until(&e, at[i]);
        assert_null(e.s);
        (void)finish(&e);
    }
}

/* ---- in clear ---- */

static void begin_pair(struct end *e)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    begin(e, pair[0]);
    e->other = pair[1];
}

static void far_says(const struct end *e, const char *text)
{
    assert_int_equal(write(e->other, text, strlen(text)), strlen(text));
}

static void clear_talk_and_end(void **state)
{
    struct end e = { 0 };
    char got[64];

    (void)state;
    begin_pair(&e);
    far_says(&e, "220 mx.test\r\n");
    run_until(&e, STREAM_READABLE);
    assert_true(span_eq(stream_in(e.s), SPAN("220 mx.test\r\n")));
    stream_take(e.s, 4);
    assert_true(span_eq(stream_in(e.s), SPAN("mx.test\r\n")));
    e.inside = true;
    assert_int_equal(stream_put(e.s, SPAN("EHLO ")), OK);
    assert_int_equal(stream_put(e.s, SPAN("x\r\n")), OK);
    assert_int_equal(recv(e.other, got, sizeof got, MSG_DONTWAIT), -1); /* not before a flush or a turn */
    stream_flush(e.s);
    e.inside = false;
    assert_int_equal(stream_room(e.s), STREAM_BUFFER);
    assert_int_equal(recv(e.other, got, sizeof got, 0), 8);
    assert_memory_equal(got, "EHLO x\r\n", 8);
    assert_int_equal(stream_put(e.s, SPAN("QUIT\r\n")), OK);
    stream_end(e.s);
    assert_int_equal(stream_put(e.s, SPAN("more")), FAILED);
    far_says(&e, "221 dropped unread\r\n");
    settle(&e);
    assert_int_equal(recv(e.other, got, sizeof got, 0), 6);
    assert_int_equal(recv(e.other, got, sizeof got, 0), 0);
    assert_string_equal(e.events, "R"); /* we ended, the peer has not */
    assert_int_equal(shutdown(e.other, SHUT_WR), 0);
    run_until(&e, STREAM_CLOSED);
    assert_string_equal(e.events, "RE");
    assert_int_equal(stream_in(e.s).n, 0);
    (void)finish(&e);
}

/* The peer's half is over, ours is not; then both. */
static void half_closed(void **state)
{
    struct end e = { 0 };
    char got[16];

    (void)state;
    begin_pair(&e);
    far_says(&e, "QUIT\r\n");
    assert_int_equal(shutdown(e.other, SHUT_WR), 0);
    run_until(&e, STREAM_CLOSED);
    assert_string_equal(e.events, "RE");
    assert_int_equal(stream_in(e.s).n, 6);
    assert_int_equal(stream_pull(e.s), CLOSED);
    assert_int_equal(stream_put(e.s, SPAN("221 bye\r\n")), OK);
    stream_end(e.s);
    e.n_events = 0;
    run_until(&e, STREAM_CLOSED);
    assert_int_equal(recv(e.other, got, sizeof got, 0), 9);
    assert_int_equal(recv(e.other, got, sizeof got, 0), 0);
    assert_string_equal(e.events, "EE");
    (void)finish(&e);
}

/* What stands behind is found by a pull, and keeps TLS from starting (CVE-2011-0411). */
static void bytes_behind_the_220(void **state)
{
    struct end e = { 0 };

    (void)state;
    begin_pair(&e);
    far_says(&e, "220 ready\r\n");
    run_until(&e, STREAM_READABLE);
    stream_take(e.s, stream_in(e.s).n);
    assert_int_equal(stream_pull(e.s), AGAIN_READ);
    far_says(&e, "250 injected\r\n");
    e.inside = true;
    assert_int_equal(stream_pull(e.s), OK);
    assert_true(span_eq(stream_in(e.s), SPAN("250 injected\r\n")));
    assert_int_equal(stream_start_tls(e.s, contexts[0], NULL), FAILED);
    stream_take(e.s, stream_in(e.s).n);
    assert_int_equal(stream_put(e.s, SPAN("STARTTLS\r\n")), OK);
    assert_int_equal(stream_start_tls(e.s, contexts[0], NULL), FAILED); /* not all is sent */
    stream_flush(e.s);
    e.inside = false;
    settle(&e);
    assert_string_equal(e.events, "R"); /* what a pull brought is not told again */
    far_says(&e, "x");
    assert_int_equal(shutdown(e.other, SHUT_WR), 0);
    assert_int_equal(stream_pull(e.s), OK);
    assert_int_equal(stream_pull(e.s), CLOSED);
    assert_string_equal(e.events, "R");
    run_until(&e, STREAM_CLOSED);
    assert_string_equal(e.events, "RE");
    (void)finish(&e);
}

static void full_and_writable(void **state)
{
    static uint8_t got[65536];
    struct end e = { .to_send = 1000000 };
    size_t total = 0;
    ssize_t n;

    (void)state;
    begin_pair(&e);
    send_pattern(&e);
    assert_true(e.sent < e.to_send); /* FULL */
    while (total < e.to_send && strcmp(e.events, "timeout") != 0) {
        settle(&e);
        while ((n = recv(e.other, got, sizeof got, MSG_DONTWAIT)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                e.wrong |= got[i] != pattern(total + (size_t)i);
            total += (size_t)n;
        }
    }
    assert_int_equal(total, e.to_send);
    assert_false(e.wrong);
    assert_string_equal(e.events, "W");
    (void)finish(&e);
}

/* The last words of a peer that reset us come before the loss, however it was found out. */
static void lost_while_writing(void **state)
{
    struct end e = { 0 };

    (void)state;
    begin_pair(&e);
    far_says(&e, "421 too busy\r\n");
    close(e.other);
    e.other = -1;
    e.inside = true;
    assert_int_equal(stream_put(e.s, SPAN("EHLO x\r\n")), OK);
    stream_flush(e.s);
    assert_int_equal(e.n_events, 0);
    e.inside = false;
    run_until(&e, STREAM_LOST);
    assert_string_equal(e.events, "RL");
    assert_true(span_eq(stream_in(e.s), SPAN("421 too busy\r\n")));
    assert_string_equal(stream_failure(e.s), "Broken pipe");
    assert_int_equal(stream_put(e.s, SPAN("x")), FAILED);
    (void)finish(&e);
}

static int listener(struct sockaddr_storage *sa, socklen_t *len)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(listen(fd, 1), 0);
    *len = sizeof *sa;
    assert_int_equal(getsockname(fd, (struct sockaddr *)sa, len), 0);
    return fd;
}

static void connecting(void **state)
{
    struct sockaddr_storage sa;
    socklen_t len;
    char got[16];

    (void)state;
    for (unsigned refused = 0; refused < 2; refused++) {
        struct end e = { 0 };
        const int far = listener(&sa, &len);
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (refused != 0)
            close(far);
        e.loop = loop_new();
        e.s = calloc(1, sizeof *e.s + STREAM_MEMORY);
        timer_init(&e.guard, e.loop, on_guard, &e);
        timer_set(&e.guard, 20000);
        (void)connect(fd, (const struct sockaddr *)&sa, len);
        stream_open(e.s, e.loop, fd, true, (uint8_t *)(e.s + 1), on_event, &e);
        assert_int_equal(stream_put(e.s, SPAN("early")), OK);
        assert_int_equal(stream_start_tls(e.s, contexts[0], NULL), FAILED);
        assert_int_equal(stream_pull(e.s), FAILED);
        run_until(&e, STREAM_CONNECTED);
        assert_string_equal(e.events, refused != 0 ? "L" : "C");
        if (refused != 0) {
            assert_string_equal(stream_failure(e.s), "Connection refused");
        } else {
            e.other = accept(far, NULL, NULL);
            settle(&e);
            assert_int_equal(recv(e.other, got, sizeof got, 0), 5);
            stream_reset(e.s);
            stream_reset(e.s);
            assert_false(stream_is_open(e.s));
            assert_int_equal(recv(e.other, got, sizeof got, 0), -1); /* ECONNRESET, not an end */
            close(far);
        }
        (void)finish(&e);
    }
}

/* A peer that reset us. */
static void reset_by_peer(void **state)
{
    struct end e = { 0 };
    struct sockaddr_storage sa;
    socklen_t len;
    const struct linger now = { .l_onoff = 1 };

    (void)state;
    const int far = listener(&sa, &len);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&sa, len), 0);
    begin(&e, fd);
    const int in = accept(far, NULL, NULL);
    assert_int_equal(setsockopt(in, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(in);
    close(far);
    run_until(&e, STREAM_CLOSED);
    assert_string_equal(e.events, "L");
    assert_string_equal(stream_failure(e.s), "Connection reset by peer");
    stream_end(e.s); /* nothing to end: told at once */
    e.n_events = 0;
    run_until(&e, STREAM_CLOSED);
    assert_string_equal(e.events, "E");
    (void)finish(&e);
}

static int set_up(void **state)
{
    char command[128];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* for the test's own writes; the stream itself must not need it */
    contexts[TLS_FLOOR_ANY] = tls_ctx_new(TLS_FLOOR_ANY);
    contexts[TLS_FLOOR_1_2] = tls_ctx_new(TLS_FLOOR_1_2);
    if (mkdtemp(folder) == NULL || contexts[0] == NULL || contexts[1] == NULL)
        return -1;
    (void)snprintf(command, sizeof command, "python3 tests/lib/tls_peer.py make %s", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    tls_ctx_free(contexts[0]);
    tls_ctx_free(contexts[1]);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_talk_and_end),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(bytes_behind_the_220),
        cmocka_unit_test(full_and_writable),
        cmocka_unit_test(lost_while_writing),
        cmocka_unit_test(connecting),
        cmocka_unit_test(reset_by_peer),
        cmocka_unit_test(channels_and_chains),
        cmocka_unit_test(handshakes_that_must_not_be),
        cmocka_unit_test(ends_of_sealed_streams),
        cmocka_unit_test(lost_while_writing_sealed),
        cmocka_unit_test(certificate_asked_for),
        cmocka_unit_test(bulk_both_ways),
        cmocka_unit_test(back_pressure),
        cmocka_unit_test(pausing),
        cmocka_unit_test(closing_inside_events),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
