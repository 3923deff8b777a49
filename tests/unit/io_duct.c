/*
 * io/stream's joined streams and io/duct: everything arrives, once and in order, both ways, with pipes and without;
 * ends go through, each in its direction; a peer that is lost is told; what was taken is still sent; no descriptor
 * stays.
 */
#include "io/stream.h"

#include <dirent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BULK 3000000

struct side {
    struct stream s;
    uint8_t mem[STREAM_MEMORY];
    int peer;
    char events[32]; /* E, L, as they come */
    size_t n, sent, got;
};

static struct loop *loop;
static struct side left, right;
static bool tcp; /* for what a socket pair does not know */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static void on_event(void *arg, enum stream_event event)
{
    struct side *const side = arg;

    if ((event == STREAM_CLOSED || event == STREAM_LOST) && side->n < sizeof side->events - 1)
        side->events[side->n++] = event == STREAM_CLOSED ? 'E' : 'L';
}

static void on_idle(void *arg)
{
    loop_stop(arg);
}

static void turns(void)
{
    struct timer idle;

    timer_init(&idle, loop, on_idle, loop);
    for (unsigned i = 0; i < 4; i++) {
        timer_set(&idle, 0);
        assert_int_equal(loop_run(loop), OK);
    }
}

static unsigned descriptors(void)
{
    DIR *const dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static void tcp_pair(int pair[2])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(pair[1], (struct sockaddr *)&at, sizeof at), 0);
    pair[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(pair[0] >= 0);
    close(listener);
}

static void begin(struct side *side)
{
    int pair[2];

    memset(side, 0, sizeof *side);
    if (tcp)
        tcp_pair(pair);
    else
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    side->peer = pair[1];
    stream_open(&side->s, loop, pair[0], false, side->mem, on_event, side);
}

static void join(void)
{
    begin(&left);
    begin(&right);
    assert_int_equal(stream_put(&right.s, SPAN("first")), OK);
    assert_int_equal(stream_join(&left.s, &right.s), OK);
    assert_int_equal(stream_put(&left.s, SPAN("x")), FAILED);
    assert_int_equal(stream_pull(&left.s), FAILED);
}

/* What was put before comes before. */
static void hear_first(void)
{
    char got[8];

    turns();
    assert_int_equal(recv(right.peer, got, sizeof got, MSG_DONTWAIT), 5);
    assert_memory_equal(got, "first", 5);
}

static void end(void)
{
    stream_close(&left.s);
    stream_close(&right.s);
    close(left.peer);
    close(right.peer);
}

/* As much as the kernel takes, up to `total`. */
static void say(struct side *side, size_t total)
{
    static uint8_t chunk[70000];
    ssize_t n = 1;

    while (side->sent < total && n > 0) {
        const size_t want = total - side->sent < sizeof chunk ? total - side->sent : sizeof chunk;

        for (size_t i = 0; i < want; i++)
            chunk[i] = pattern(side->sent + i);
        n = send(side->peer, chunk, want, MSG_DONTWAIT | MSG_NOSIGNAL);
        side->sent += n > 0 ? (size_t)n : 0;
    }
}

/* As much as is there. True: and then the end. */
static bool hear(struct side *side)
{
    static uint8_t chunk[70000];
    ssize_t n;

    while ((n = recv(side->peer, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(chunk[i], pattern(side->got + (size_t)i));
        side->got += (size_t)n;
    }
    return n == 0;
}

static void exchange(size_t there, size_t back)
{
    for (unsigned idle = 0; (right.got < there || left.got < back) && idle < 1000; idle++) {
        const size_t before = right.got + left.got;

        say(&left, there);
        say(&right, back);
        turns();
        (void)hear(&left), (void)hear(&right);
        idle = right.got + left.got != before ? 0 : idle;
    }
    assert_int_equal(right.got, there);
    assert_int_equal(left.got, back);
}

/* New descriptors: from here on none, or as many as before. */
static void allow(bool more)
{
    static struct rlimit usual;
    struct rlimit now;

    if (usual.rlim_cur == 0)
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    now = usual;
    if (!more) {
        const int next = dup(0);

        close(next);
        now.rlim_cur = (rlim_t)next;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void both_ways(void **state)
{
    (void)state;
    for (unsigned pipes = 0; pipes < 2; pipes++) {
        const unsigned before = descriptors();

        join();
        const unsigned joined = descriptors();
        allow(pipes != 0);
        hear_first();
        exchange(BULK, BULK);
        allow(true);
        assert_int_equal(descriptors(), joined + 4 * pipes);
        assert_int_equal(stream_passed(&left.s), BULK);
        assert_int_equal(stream_passed(&right.s), BULK);
        assert_int_equal(stream_in(&left.s).n, 0);
        end();
        assert_int_equal(descriptors(), before);
    }
}

/* A few bytes are not worth a pipe. */
static void little(void **state)
{
    (void)state;
    join();
    const unsigned before = descriptors();

    hear_first();
    exchange(1000, 16000);
    assert_int_equal(descriptors(), before);
    end();
}

static void ends(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct side *const one = way == 0 ? &left : &right, *const other = way == 0 ? &right : &left;

        join();
        hear_first();
        exchange(100000, 100000);
        say(one, 300000);
        const size_t all = one->sent;

        assert_int_equal(shutdown(one->peer, SHUT_WR), 0);
        for (unsigned i = 0; i < 1000 && !hear(other); i++) {
            assert_string_equal(one->events, ""); /* not before all of it has gone on */
            turns();
        }
        assert_int_equal(other->got, all);
        turns();
        assert_string_equal(one->events, "E");
        assert_string_equal(other->events, "");
        if (way == 0)
            exchange(all, 400000); /* the other direction stays open */
        assert_int_equal(shutdown(other->peer, SHUT_WR), 0);
        turns();
        assert_true(hear(one));
        assert_string_equal(other->events, "E");
        end();
    }
}

/* Nobody reads: it stalls. Then one is closed, and what was taken from its peer is still sent, and the end. */
static void slow_reader_and_parting(void **state)
{
    size_t before = 1;

    (void)state;
    join();
    hear_first();
    exchange(100000, 0); /* there is a pipe */
    while (before != left.sent) {
        before = left.sent;
        say(&left, (size_t)1 << 30);
        turns();
    }
    const size_t taken = (size_t)stream_passed(&left.s);

    assert_true(taken < left.sent);
    stream_close(&left.s);
    stream_end(&right.s);
    bool ended = false;
    for (unsigned i = 0; i < 1000 && !ended; i++) {
        ended = hear(&right);
        turns();
    }
    assert_true(ended);
    assert_int_equal(right.got, taken);
    end();
}

static void lost(void **state)
{
    (void)state;
    for (unsigned pipes = 0; pipes < 2; pipes++) {
        join();
        hear_first();
        exchange(pipes * 100000, pipes * 100000);
        say(&right, 1000000);
        turns();
        close(left.peer); /* with what it did not read: a reset */
        turns();
        assert_string_equal(left.events, "L");
        assert_string_equal(right.events, "");
        left.peer = dup(0);
        end();
    }
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as in every role */
    loop = loop_new();
    return loop == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

/* splice stops in front of urgent data, and the socket stays readable: it goes on by copying. */
static void urgent(void **state)
{
    char got[8];

    (void)state;
    tcp = true;
    join();
    tcp = false;
    hear_first();
    for (unsigned i = 0; i < 1000 && !(duct_is_open(&right.s.duct) && right.got == BULK); i++) {
        say(&left, BULK);
        turns();
        (void)hear(&right);
    }
    assert_true(duct_is_open(&right.s.duct));
    assert_int_equal(send(left.peer, "!", 1, MSG_OOB), 1);
    assert_int_equal(send(left.peer, "behind", 6, 0), 6);
    turns();
    assert_int_equal(recv(right.peer, got, sizeof got, MSG_DONTWAIT), 6);
    assert_memory_equal(got, "behind", 6);
    end();
}

/* A client that sends and resets at once is lost before that is told. */
static void joins_no_lost_stream(void **state)
{
    (void)state;
    begin(&left);
    begin(&right);
    stream_end(&left.s);
    assert_int_equal(stream_join(&left.s, &right.s), FAILED);
    assert_int_equal(stream_put(&right.s, SPAN("as before")), OK);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(little),
        cmocka_unit_test(ends),
        cmocka_unit_test(slow_reader_and_parting),
        cmocka_unit_test(lost),
        cmocka_unit_test(urgent),
        cmocka_unit_test(joins_no_lost_stream),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
