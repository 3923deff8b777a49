/* role/control: a keeper without descriptors lets its clients wait, and does next to nothing meanwhile. */
#include "role/control.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    FULL_MS = 3 * ACCEPT_PAUSE_MS,
    A_FEW = 20 /* accepts: more than the pauses of that time, and far less than a loop makes that spins */
};

static unsigned accepts;
static bool full;

/* In the place of the C library's. */
int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    accepts++;
    if (!full)
        return (int)syscall(SYS_accept4, fd, address, len, flags);
    errno = EMFILE;
    return -1;
}

static void there_is_room(void *owner)
{
    (void)owner;
    full = false;
}

static void on_answer(void *owner, unsigned ready)
{
    (void)ready;
    loop_stop(owner);
}

static void without_descriptors(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX }; /* a name of the kernel's choice */
    socklen_t len = sizeof at;
    struct loop *const loop = loop_new();
    struct control *const control = control_new(loop, NULL, NULL, NULL);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct watch answer;
    struct timer timer;
    char text[100];

    (void)state;
    assert_non_null(control);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at.sun_family), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen(listener, 1), 0);
    control_listen(control, listener);
    assert_int_equal(connect(client, (struct sockaddr *)&at, len), 0);
    assert_int_equal(write(client, "?\n", 2), 2);
    watch_open(&answer, loop, client, on_answer, loop);
    assert_int_equal(watch_want(&answer, LOOP_READ), OK);
    timer_init(&timer, loop, there_is_room, NULL);
    timer_set(&timer, FULL_MS);
    full = true;
    assert_int_equal(loop_run(loop), OK);
    assert_in_range(accepts, 2, A_FEW);
    assert_true(read(client, text, sizeof text) > 0); /* when there is room it is answered */
    watch_close(&answer);
    close(client);
    control_free(control);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(without_descriptors) };

    return cmocka_run_group_tests_name("role/control", tests, NULL, NULL);
}
