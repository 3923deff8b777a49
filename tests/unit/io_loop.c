/* io/loop: interest can be changed, timers can be moved, and a callback may end everything, itself included. */
#include "io/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct owner {
    struct loop *loop;
    struct watch *watch;
    struct timer *timer;
    unsigned told, last, signals;
};

static void close_in_callback(void *arg, unsigned ready)
{
    struct owner *o = arg;

    o->told++;
    o->last = ready;
    if (ready == LOOP_WRITE) {
        assert_int_equal(watch_want(o->watch, LOOP_READ), OK);
        return;
    }
    watch_close(o->watch);
    free(o->watch);
    o->watch = NULL;
}

static void interest_changes_and_closing_inside(void **state)
{
    struct owner o = { .loop = loop_new(), .watch = calloc(1, sizeof *o.watch) };
    int pair[2];

    (void)state;
    assert_non_null(o.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    watch_open(o.watch, o.loop, pair[0], close_in_callback, &o);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_run(o.loop), OK); /* no interest: nothing to wait for */
    assert_int_equal(o.told, 0);
    assert_int_equal(watch_want(o.watch, LOOP_WRITE), OK);
    assert_int_equal(loop_run(o.loop), OK);
    assert_int_equal(o.told, 2);
    assert_int_equal(o.last, LOOP_READ);
    assert_null(o.watch);
    loop_free(o.loop);
    close(pair[0]);
    close(pair[1]);
}

static void on_timer(void *arg)
{
    struct owner *o = arg;

    o->told++;
    if (o->told == 1) {
        timer_set(o->timer, 0);
        return;
    }
    free(o->timer);
    o->timer = NULL;
}

static void timers(void **state)
{
    struct owner o = { .loop = loop_new(), .timer = calloc(1, sizeof *o.timer) };
    struct timer never = { 0 };

    (void)state;
    timer_cancel(&never); /* zeroed */
    timer_init(&never, o.loop, on_timer, &o);
    timer_cancel(&never);
    timer_set(&never, 3600000);
    assert_true(timer_is_set(&never));
    timer_init(o.timer, o.loop, on_timer, &o);
    timer_set(o.timer, 3600000);
    timer_set(o.timer, 1); /* in place of the hour */
    timer_cancel(&never);
    assert_false(timer_is_set(&never));
    assert_int_equal(loop_run(o.loop), OK);
    assert_int_equal(o.told, 2);
    assert_null(o.timer);
    loop_free(o.loop);
}

static void on_signal(void *arg, int number)
{
    struct owner *o = arg;

    assert_int_equal(number, SIGUSR1);
    o->signals++;
    loop_stop(o->loop);
}

static void signals(void **state)
{
    struct owner o = { .loop = loop_new() };

    (void)state;
    assert_int_equal(loop_signal(o.loop, SIGUSR1, on_signal, &o), OK);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(loop_run(o.loop), OK);
    assert_int_equal(o.signals, 1);
    for (int i = 1; i < 8; i++)
        assert_int_equal(loop_signal(o.loop, SIGRTMIN + i, on_signal, &o), OK);
    assert_int_equal(loop_signal(o.loop, SIGRTMIN, on_signal, &o), FAILED);
    loop_free(o.loop);
}

/* Spends processor time: all of it in one callback, or a little in each of very many turns. */
static void spin(void *arg)
{
    const struct owner *o = arg;
    const clock_t begin = clock();

    while (clock() - begin < CLOCKS_PER_SEC / 100 || o->last == 0)
        ;
    if (clock() > CLOCKS_PER_SEC)
        _exit(7);
    timer_set(o->timer, 0);
}

static int guarded(bool one_callback)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct timer timer;
        struct owner o = { .loop = loop_new(), .timer = &timer, .last = !one_callback };

        timer_init(&timer, o.loop, spin, &o);
        timer_set(&timer, 0);
        _exit(loop_guard(200) == OK && loop_run(o.loop) == OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A107: measured in processor time, so that a slow machine kills nobody. */
static void a_callback_that_spins_ends_the_process(void **state)
{
    (void)state;
    const int stuck = guarded(true), busy = guarded(false);

    assert_true(WIFSIGNALED(stuck) && WTERMSIG(stuck) == SIGXCPU);
    assert_true(WIFEXITED(busy) && WEXITSTATUS(busy) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_that_spins_ends_the_process),
        cmocka_unit_test(interest_changes_and_closing_inside),
        cmocka_unit_test(timers),
        cmocka_unit_test(signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
