/* role/resolver: what one worker asks leaves the others their share. The test is the child that it lives in. */
#include "role/kept.h"
#include "role/resolver.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WORKERS = 4,
    SHARE = ROUTE_WAITERS_MAX / WORKERS,
    LATE_SHARE = RESOLVER_LATE_MAX / WORKERS
};

struct child {
    struct loop *loop;
    struct config config;
    unsigned answers[PEERS_MAX];
    bool full; /* every worker's pair */
};

struct loop *child_loop(struct child *c)
{
    return c->loop;
}

const struct config *child_config(const struct child *c)
{
    return &c->config;
}

enum rc child_send(struct child *c, enum role to, unsigned index, const void *msg, size_t n, const int *fds,
                   unsigned n_fds)
{
    (void)n, (void)fds, (void)n_fds;
    if (to == ROLE_WORKER && c->full)
        return AGAIN_WRITE;
    if (to == ROLE_WORKER && *(const uint32_t *)msg == WIRE_ROUTE)
        c->answers[index]++;
    loop_stop(c->loop);
    return OK;
}

void child_say(struct child *c, int priority, const char *fmt, ...)
{
    (void)c, (void)priority, (void)fmt;
}

void child_cut(struct child *c, enum role with, unsigned index)
{
    (void)c, (void)with, (void)index;
    fail();
}

static void asks(void *resolver, unsigned worker, unsigned times)
{
    const struct wire_route_ask ask = { .kind = WIRE_ROUTE_ASK, .port = 25, .domain = "example.org" };

    for (unsigned i = 0; i < times; i++)
        resolver_ops.message(resolver, ROLE_WORKER, worker, &ask, sizeof ask, NULL, 0);
}

/* A DNS that says nothing. */
static int silence(struct config_endpoints *forward)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(ip_parse(SPAN("127.0.0.1"), &forward->at[0].ip), OK);
    forward->at[0].port = ntohs(at.sin_port);
    forward->n = 1;
    return fd;
}

static void a_worker_that_floods(void **state)
{
    static struct child child;
    const struct state nothing = { 0 };
    struct wire_kept kept;
    void *resolver;
    size_t n;
    int dns;

    (void)state;
    child.config = (struct config){ .workers = WORKERS, .decision_s = 25, .control = "/nonexistent/control" };
    dns = silence(&child.config.forward);
    child.loop = loop_new();
    resolver = resolver_ops.start(&child);
    assert_non_null(resolver);
    n = kept_pack(WIRE_KEPT, &nothing, &kept);
    resolver_ops.message(resolver, ROLE_KEEPER, 0, &kept, n, NULL, 0); /* from then on the clock is believed */
    asks(resolver, 0, SHARE);
    assert_int_equal(child.answers[0], 0);
    asks(resolver, 0, 10);
    assert_int_equal(child.answers[0], 10); /* an error, at once */
    asks(resolver, 1, SHARE);
    assert_int_equal(child.answers[1], 0);
    resolver_ops.peer(resolver, ROLE_WORKER, 0); /* another one in its place owes nothing */
    asks(resolver, 0, SHARE);
    assert_int_equal(child.answers[0], 10);
    child.full = true;
    asks(resolver, 0, 2 * LATE_SHARE);
    asks(resolver, 1, 1);
    child.full = false;
    assert_int_equal(loop_run(child.loop), OK); /* up to the late answers */
    assert_int_equal(child.answers[0], 10 + LATE_SHARE);
    assert_int_equal(child.answers[1], 1);
    resolver_ops.stop(resolver);
    loop_free(child.loop);
    close(dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_worker_that_floods) };

    return cmocka_run_group_tests_name("role/resolver", tests, NULL, NULL);
}
