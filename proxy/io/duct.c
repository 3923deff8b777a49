#include "io/duct.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define HOW (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

void duct_init(struct duct *w)
{
    *w = (struct duct){ .in = -1, .out = -1 };
}

void duct_open(struct duct *w, int from, int to)
{
    int ends[2];

    if (w->asked)
        return;
    w->asked = true;
    if (fcntl(from, F_SETFL, O_NONBLOCK) != 0 || fcntl(to, F_SETFL, O_NONBLOCK) != 0 ||
        pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return;
    w->out = ends[0];
    w->in = ends[1];
    if (fcntl(w->in, F_SETPIPE_SZ, DUCT_BYTES) < DUCT_BYTES)
        duct_close(w); /* a share that is used up leaves pipes of two pages: no gain over copying */
}

bool duct_is_open(const struct duct *w)
{
    return w->in >= 0;
}

enum rc duct_take(struct duct *w, int from, size_t *n)
{
    ssize_t got;

    do {
        got = splice(from, NULL, w->in, NULL, DUCT_BYTES, HOW);
    } while (got < 0 && errno == EINTR);
    *n = got > 0 ? (size_t)got : 0;
    w->n += *n;
    if (got >= 0)
        return got > 0 ? OK : CLOSED;
    return errno == EAGAIN ? AGAIN_READ : FAILED;
}

enum rc duct_give(struct duct *w, int to)
{
    ssize_t gone;

    do {
        gone = splice(w->out, NULL, to, NULL, w->n, HOW);
    } while (gone < 0 && errno == EINTR);
    if (gone <= 0)
        return gone < 0 && errno == EAGAIN ? AGAIN_WRITE : FAILED;
    w->n -= (size_t)gone;
    return OK;
}

void duct_close(struct duct *w)
{
    if (!duct_is_open(w))
        return;
    (void)close(w->in);
    (void)close(w->out);
    w->in = w->out = -1;
    w->n = 0;
}
