/*
 * io/tls: what servers do in the middle of a session (OpenSSL's s_server on a UNIX socket, told by its commands): new
 * keys, session tickets. The stream goes on, and nothing but the mail comes out of it.
 */
#include "io/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/waxseal-tls-XXXXXX";

struct server {
    pid_t pid;
    int in, out; /* its standard input and output */
    char said[4096];
    size_t n_said;
};

struct client {
    struct loop *loop;
    struct stream s;
    uint8_t mem[STREAM_MEMORY];
    struct timer guard;
    enum stream_event last, stop_at;
};

/* Until the server has printed `text` behind what was waited for before. */
static void wait_for(struct server *server, const char *text)
{
    server->n_said = 0;
    server->said[0] = '\0';
    while (strstr(server->said, text) == NULL) {
        if (server->n_said > sizeof server->said / 2) { /* only the last of it matters */
            server->n_said -= sizeof server->said / 4;
            memmove(server->said, server->said + sizeof server->said / 4, server->n_said);
        }
        struct pollfd p = { .fd = server->out, .events = POLLIN };
        if (poll(&p, 1, 10000) != 1)
            fail_msg("the server does not say '%s', but: %s", text,
                     server->n_said > 300 ? server->said + server->n_said - 300 : server->said);
        const ssize_t n = read(server->out, server->said + server->n_said, sizeof server->said - 1 - server->n_said);
        if (n <= 0)
            fail_msg("the server ended before '%s': %s", text, server->said);
        server->n_said += (size_t)n;
        server->said[server->n_said] = '\0';
    }
}

static void begin_server(struct server *server)
{
    int in[2], out[2];
    char key[64], crt[64], path[64];

    (void)snprintf(key, sizeof key, "%s/key", folder);
    (void)snprintf(crt, sizeof crt, "%s/crt", folder);
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    *server = (struct server){ .pid = fork(), .in = in[1], .out = out[0] };
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)dup2(out[1], 2);
        (void)execlp("openssl", "openssl", "s_server", "-unix", path, "-unlink", "-key", key, "-cert", crt, "-tls1_3",
                     NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    wait_for(server, "ACCEPT");
}

/* One line; it must have been read before the next, since a command is what stands at the start of a read. */
static void tell_server(const struct server *server, const char *line)
{
    int unread = 1;

    assert_int_equal(write(server->in, line, strlen(line)), strlen(line));
    for (unsigned ms = 0; unread != 0 && ms < 10000; ms++) {
        assert_int_equal(ioctl(server->in, FIONREAD, &unread), 0);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(unread, 0);
}

static void on_event(void *arg, enum stream_event event)
{
    struct client *c = arg;

    c->last = event;
    if (event == c->stop_at || event == STREAM_LOST || event == STREAM_TLS_FAILED || event == STREAM_CLOSED)
        loop_stop(c->loop);
}

static void on_guard(void *arg)
{
    struct client *c = arg;

    c->last = STREAM_LOST;
    loop_stop(c->loop);
}

static void run_until(struct client *c, enum stream_event event)
{
    c->stop_at = event;
    assert_int_equal(loop_run(c->loop), OK);
    if (c->last != event)
        fail_msg("event %d, not %d: %s", c->last, event, stream_failure(&c->s));
}

static void goes_on_in_the_middle(void **state)
{
    /* new keys, and it asks for ours; new keys of its own (RFC 8446 4.6.3) */
    static const char *const commands[] = { "K\n", "k\n" };
    static struct client c;
    struct tls_ctx *ctx = tls_ctx_new(TLS_FLOOR_1_2);

    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct server server;
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        begin_server(&server);
        (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", folder);
        assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
        c = (struct client){ .loop = loop_new() };
        timer_init(&c.guard, c.loop, on_guard, &c);
        timer_set(&c.guard, 20000);
        stream_open(&c.s, c.loop, fd, false, c.mem, on_event, &c);
        assert_int_equal(stream_start_tls(&c.s, ctx, NULL), OK);
        run_until(&c, STREAM_TLS_UP);
        for (unsigned twice = 0; twice < 2; twice++) {
            tell_server(&server, commands[i]);
            tell_server(&server, "250 Ok\n");
            run_until(&c, STREAM_READABLE);
            assert_true(span_eq(stream_in(&c.s), SPAN("250 Ok\n")));
            stream_take(&c.s, 7);
            assert_int_equal(stream_put(&c.s, SPAN("NOOP\n")), OK);
            stream_flush(&c.s);
            wait_for(&server, "NOOP\n");
        }
        stream_close(&c.s);
        timer_cancel(&c.guard);
        loop_free(c.loop);
        close(server.in);
        close(server.out);
        assert_int_equal(kill(server.pid, SIGTERM), 0);
        assert_int_equal(waitpid(server.pid, NULL, 0), server.pid);
    }
    tls_ctx_free(ctx);
}

static int set_up(void **state)
{
    char command[256];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(
        command, sizeof command,
        "cd %s && openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mx.test "
        "-keyout key -out crt 2>/dev/null",
        folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(goes_on_in_the_middle) };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
