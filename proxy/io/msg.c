#include "io/msg.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union fd_space {
    struct cmsghdr align;
    char mem[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
};

enum rc msg_pair(int out[2])
{
    /* The kernel counts its own overhead too, and doubles what is asked. */
    const int room = 2 * MSG_MAX;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) != 0)
        return FAILED;
    for (unsigned i = 0; i < 2; i++) {
        if (setsockopt(out[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) != 0) {
            const int saved = errno;
            (void)close(out[0]);
            (void)close(out[1]);
            errno = saved;
            return FAILED;
        }
    }
    return OK;
}

enum rc msg_send(int fd, const void *mem, size_t n, const int *fds, unsigned n_fds)
{
    struct iovec iov = { .iov_base = (void *)mem, .iov_len = n };
    union fd_space space = { 0 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t sent;

    assert(n > 0 && n <= MSG_MAX && n_fds <= MSG_FDS_MAX);
    if (n_fds != 0) {
        msg.msg_control = space.mem;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                               .cmsg_type = SCM_RIGHTS,
                               .cmsg_len = CMSG_LEN(sizeof(int) * n_fds) };
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    do {
        sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return OK; /* SOCK_SEQPACKET: whole or not at all */
    switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ETOOMANYREFS: /* too many descriptors are on their way */
        return AGAIN_WRITE;
    case EPIPE:
    case ECONNRESET:
        return CLOSED;
    default:
        return FAILED;
    }
}

/* Collects what came with a message; more than `room` are closed. Returns how many came in all. */
static unsigned collect(struct msghdr *msg, int *fds, unsigned room)
{
    unsigned n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++, n++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (n < room)
                fds[n] = fd;
            else
                (void)close(fd);
        }
    }
    return n;
}

enum rc msg_recv(int fd, void *mem, size_t cap, size_t *n, int *fds, unsigned *n_fds)
{
    const unsigned room = n_fds == NULL ? 0 : *n_fds;
    struct iovec iov = { .iov_base = mem, .iov_len = cap };
    union fd_space space = { 0 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space.mem, .msg_controllen = sizeof space.mem
    };
    ssize_t got;

    assert(room <= MSG_FDS_MAX);
    *n = 0;
    if (n_fds != NULL)
        *n_fds = 0;
    do {
        got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? AGAIN_READ : errno == ECONNRESET ? CLOSED : FAILED;

    const unsigned came = collect(&msg, fds, room);
    if (came > room || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (unsigned i = 0; i < came && i < room; i++)
            (void)close(fds[i]);
        errno = EPROTO;
        return FAILED;
    }
    if (got == 0) { /* msg_send sends no empty message; one from a foreign hand ends its pair too */
        for (unsigned i = 0; i < came; i++)
            (void)close(fds[i]);
        return CLOSED;
    }
    *n = (size_t)got;
    if (n_fds != NULL)
        *n_fds = came;
    return OK;
}
