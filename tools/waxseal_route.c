#include "waxseal_route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops/rules.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum {
    ANSWER_MAX = 32768, /* the kernel's dumps come in pieces no larger */
    RULES_OF_A_KIND_MAX = 16
};

/* One question: a header, the family's fixed part (both kinds are 12 bytes), a few attributes. */
struct ask {
    struct nlmsghdr head;
    union {
        struct fib_rule_hdr rule;
        struct rtmsg route;
    };
    uint8_t attributes[64];
};

_Static_assert(sizeof(struct fib_rule_hdr) == sizeof(struct rtmsg), "one fixed part for both kinds");

static void attribute(struct ask *a, unsigned short type, uint32_t value)
{
    struct rtattr at = { .rta_len = RTA_LENGTH(sizeof value), .rta_type = type };
    uint8_t *const to = (uint8_t *)a + a->head.nlmsg_len;

    memcpy(to, &at, sizeof at);
    memcpy(to + RTA_LENGTH(0), &value, sizeof value);
    a->head.nlmsg_len += RTA_SPACE(sizeof value);
}

static struct ask rule(unsigned short type, unsigned short flags, bool v4, uint32_t mark)
{
    struct ask a = { .head = { NLMSG_LENGTH(sizeof a.rule), type, NLM_F_REQUEST | flags, 1, 0 },
                     .rule = { .family = v4 ? AF_INET : AF_INET6 } };

    if (type != RTM_GETRULE) {
        a.rule.action = FR_ACT_TO_TBL;
        attribute(&a, FRA_FWMARK, mark);
        attribute(&a, FRA_TABLE, mark);
    }
    if (type == RTM_NEWRULE)
        attribute(&a, FRA_PRIORITY, RULES_PRIORITY);
    return a;
}

static struct ask route(unsigned short type, unsigned short flags, bool v4, uint32_t table)
{
    struct ask a = { .head = { NLMSG_LENGTH(sizeof a.route), type, NLM_F_REQUEST | flags, 1, 0 },
                     .route = { .rtm_family = v4 ? AF_INET : AF_INET6 } };

    attribute(&a, RTA_TABLE, table);
    if (type != RTM_GETROUTE) {
        a.route.rtm_protocol = RTPROT_BOOT;
        a.route.rtm_scope = RT_SCOPE_HOST;
        a.route.rtm_type = RTN_LOCAL;
        attribute(&a, RTA_OIF, if_nametoindex("lo"));
    }
    return a;
}

/* The value of a 32-bit attribute behind the fixed part, 0 where there is none. */
static uint32_t value_of(struct nlmsghdr *m, unsigned short type)
{
    int left = (int)m->nlmsg_len - (int)NLMSG_LENGTH(sizeof(struct rtmsg));
    uint32_t value = 0;

    for (struct rtattr *at = (struct rtattr *)((uint8_t *)NLMSG_DATA(m) + NLMSG_ALIGN(sizeof(struct rtmsg)));
         RTA_OK(at, left); at = RTA_NEXT(at, left))
        if (at->rta_type == type && RTA_PAYLOAD(at) == sizeof value)
            memcpy(&value, RTA_DATA(at), sizeof value);
    return value;
}

static bool is_ours(struct nlmsghdr *m, uint32_t mark)
{
    const struct rtmsg *const r = NLMSG_DATA(m);

    if (m->nlmsg_len < NLMSG_LENGTH(sizeof *r))
        return false;
    if (m->nlmsg_type == RTM_NEWRULE)
        return value_of(m, FRA_FWMARK) == mark && value_of(m, FRA_TABLE) == mark;
    return m->nlmsg_type == RTM_NEWROUTE && r->rtm_type == RTN_LOCAL && r->rtm_dst_len == 0 &&
           value_of(m, RTA_TABLE) == mark;
}

/* The kernel's messages, of ANSWER_MAX bytes at most in a piece. */
union answer {
    struct nlmsghdr head;
    uint8_t bytes[ANSWER_MAX];
};

/* One piece of an answer: counts what is ours; *error is set by the last message of all. */
static void read_piece(union answer *piece, size_t n, uint32_t mark, unsigned *ours, int *error)
{
    size_t at = 0;

    while (*error < 0 && at + sizeof piece->head <= n) {
        struct nlmsghdr *const m = (struct nlmsghdr *)(void *)(piece->bytes + at);

        if (m->nlmsg_len < sizeof *m || m->nlmsg_len > n - at)
            *error = EBADMSG;
        else if (m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE)
            *error = m->nlmsg_len >= NLMSG_LENGTH(sizeof *error) ? -*(const int *)NLMSG_DATA(m) : 0;
        else
            *ours += is_ours(m, mark);
        at += NLMSG_ALIGN(m->nlmsg_len);
    }
}

/* Asks, and reads to the end: 0 or what is wrong; *ours, where there is something to count. */
static int tell(const struct ask *a, uint32_t mark, unsigned *ours)
{
    static union answer answer;
    const struct timeval patience = { .tv_sec = 5 };
    const int strict = 1; /* the kernel itself picks the table, where it can; else its whole list is read */
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    unsigned counted = 0;
    int error = -1;

    if (fd < 0)
        return errno;
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        send(fd, a, a->head.nlmsg_len, 0) != (ssize_t)a->head.nlmsg_len)
        error = errno;
    while (error < 0) {
        const ssize_t n = recv(fd, &answer, sizeof answer, 0);

        if (n <= 0)
            error = n == 0 ? EIO : errno;
        else
            read_piece(&answer, (size_t)n, mark, &counted, &error);
    }
    close(fd);
    if (ours != NULL)
        *ours = counted;
    return error;
}

static bool has(const struct ask *a, uint32_t mark)
{
    unsigned ours = 0;

    return tell(a, mark, &ours) == 0 && ours > 0;
}

bool route_is_there(bool v4, uint32_t mark)
{
    const struct ask rules = rule(RTM_GETRULE, NLM_F_DUMP, v4, mark),
                     routes = route(RTM_GETROUTE, NLM_F_DUMP, v4, mark);

    return has(&rules, mark) && has(&routes, mark);
}

static enum rc rc_of(int error)
{
    errno = error;
    return error == 0 ? OK : FAILED;
}

enum rc route_add(bool v4, uint32_t mark)
{
    const struct ask way = route(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, v4, mark),
                     pointer = rule(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, v4, mark);
    int error = tell(&way, mark, NULL);

    if (error == 0)
        error = tell(&pointer, mark, NULL);
    return rc_of(error == EEXIST ? 0 : error);
}

enum rc route_remove(bool v4, uint32_t mark)
{
    const struct ask way = route(RTM_DELROUTE, NLM_F_ACK, v4, mark), pointer = rule(RTM_DELRULE, NLM_F_ACK, v4, mark);
    int error = tell(&way, mark, NULL);

    for (int i = 0; i < RULES_OF_A_KIND_MAX && (error == 0 || error == ESRCH); i++) {
        error = tell(&pointer, mark, NULL);
        if (error == ENOENT)
            return OK;
    }
    return rc_of(error);
}
