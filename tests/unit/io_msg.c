/* io/msg: messages are whole or absent, descriptors arrive or are closed, a full pair says so. */
#include "io/msg.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The lowest descriptor that is free: the same before and after means that none was leaked. */
static int next_fd(void)
{
    const int fd = dup(0);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static void whole_messages_of_every_size(void **state)
{
    static uint8_t out[MSG_MAX], in[MSG_MAX];
    int pair[2];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7);
    assert_int_equal(msg_pair(pair), OK);
    for (size_t size = 1; size <= MSG_MAX; size = size * 5 + 1) {
        assert_int_equal(msg_send(pair[0], out, size, NULL, 0), OK);
        assert_int_equal(msg_recv(pair[1], in, sizeof in, &n, NULL, NULL), OK);
        assert_int_equal(n, size);
        assert_memory_equal(in, out, n);
    }
    assert_int_equal(msg_send(pair[1], out, MSG_MAX, NULL, 0), OK);
    assert_int_equal(msg_recv(pair[0], in, sizeof in, &n, NULL, NULL), OK);
    assert_int_equal(n, MSG_MAX);
    assert_int_equal(msg_recv(pair[0], in, sizeof in, &n, NULL, NULL), AGAIN_READ);
    assert_int_equal(n, 0);
    close(pair[0]);
    assert_int_equal(msg_recv(pair[1], in, sizeof in, &n, NULL, NULL), CLOSED);
    assert_int_equal(msg_send(pair[1], "x", 1, NULL, 0), CLOSED);
    close(pair[1]);
}

static void a_full_pair_says_so(void **state)
{
    static uint8_t big[MSG_MAX];
    int pair[2];
    size_t n, sent = 0, got = 0;
    enum rc rc;

    (void)state;
    assert_int_equal(msg_pair(pair), OK);
    while ((rc = msg_send(pair[0], big, sizeof big, NULL, 0)) == OK)
        sent++;
    assert_int_equal(rc, AGAIN_WRITE);
    assert_true(sent >= 1);
    while (msg_recv(pair[1], big, sizeof big, &n, NULL, NULL) == OK)
        got++;
    assert_int_equal(got, sent);
    assert_int_equal(msg_send(pair[0], big, sizeof big, NULL, 0), OK);
    close(pair[0]);
    close(pair[1]);
}

static void descriptors_arrive(void **state)
{
    int pair[2], ends[2], fds[MSG_FDS_MAX];
    unsigned n_fds = MSG_FDS_MAX;
    char text[8];
    size_t n;

    (void)state;
    assert_int_equal(msg_pair(pair), OK);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(msg_send(pair[0], "two", 3, ends, 2), OK);
    assert_int_equal(msg_recv(pair[1], text, sizeof text, &n, fds, &n_fds), OK);
    assert_int_equal(n, 3);
    assert_int_equal(n_fds, 2);
    assert_true((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(fds[1], "hi", 2), 2);
    assert_int_equal(read(ends[0], text, sizeof text), 2);
    for (unsigned i = 0; i < 2; i++) {
        close(fds[i]);
        close(ends[i]);
        close(pair[i]);
    }
}

/* What the reader did not ask for is a fault, and costs it no descriptor. */
static void unexpected_is_refused_and_closed(void **state)
{
    static const struct {
        size_t cap;
        unsigned room;
    } cases[] = { { 64, 0 }, { 64, 1 }, { 3, 2 } };
    int pair[2], fds[MSG_FDS_MAX];
    char mem[64] = { 0 };
    size_t n;

    (void)state;
    assert_int_equal(msg_pair(pair), OK);
    const int two[2] = { pair[0], pair[1] };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned n_fds = cases[i].room;
        const int before = next_fd();
        assert_int_equal(msg_send(pair[0], mem, sizeof mem, two, 2), OK);
        assert_int_equal(msg_recv(pair[1], mem, cases[i].cap, &n, fds, &n_fds), FAILED);
        assert_int_equal(n, 0);
        assert_int_equal(n_fds, 0);
        assert_int_equal(next_fd(), before);
    }
    close(pair[0]);
    close(pair[1]);
}

/* A peer that was taken over sends more descriptors than msg_send would: MSG_CTRUNC, and all are closed. */
static void a_flood_of_descriptors(void **state)
{
    enum {
        MANY = 32
    };
    union {
        struct cmsghdr align;
        char mem[CMSG_SPACE(sizeof(int) * MANY)];
    } space = { 0 };
    int pair[2], fds[MSG_FDS_MAX];
    unsigned n_fds = MSG_FDS_MAX;
    char byte = 'x';
    size_t n;

    (void)state;
    assert_int_equal(msg_pair(pair), OK);
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space.mem, .msg_controllen = sizeof space.mem
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c =
        (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * MANY) };
    for (unsigned i = 0; i < MANY; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
    const int before = next_fd();
    assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
    assert_int_equal(msg_recv(pair[1], &byte, 1, &n, fds, &n_fds), FAILED);
    assert_int_equal(n_fds, 0);
    assert_int_equal(next_fd(), before);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages_of_every_size), cmocka_unit_test(a_full_pair_says_so),
        cmocka_unit_test(descriptors_arrive),           cmocka_unit_test(unexpected_is_refused_and_closed),
        cmocka_unit_test(a_flood_of_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
