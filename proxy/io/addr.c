#include "io/addr.h"

#include "base/limits.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void addr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
    char ip[IP_TEXT_MAX];

    ip_text(&a->ip, ip);
    (void)snprintf(out, ADDR_TEXT_MAX, ip_is_v4(&a->ip) ? "%s:%u" : "[%s]:%u", ip, (unsigned)a->port);
}

enum rc addr_parse(struct span s, uint16_t default_port, struct addr *out)
{
    struct span host = s, port = { 0 };
    const bool bracketed = s.n != 0 && s.p[0] == '[';
    uint64_t number = default_port;

    if (bracketed) {
        const size_t end = span_find(s, ']');
        if (end == s.n)
            return MALFORMED;
        host = span_from(span_first(s, end), 1);
        port = span_from(s, end + 1);
    } else {
        const size_t colon = span_find(s, ':');
        const struct span behind = span_from(s, colon);
        if (colon < s.n &&
            span_find(span_from(behind, 1), ':') == behind.n - 1) { /* one colon: not a bare IPv6 address */
            host = span_first(s, colon);
            port = behind;
        }
    }
    if (port.n != 0 && (port.p[0] != ':' || text_decimal(span_from(port, 1), UINT16_MAX, &number) != OK || number == 0))
        return MALFORMED;
    if (number == 0 || ip_parse(host, &out->ip) != OK)
        return MALFORMED;
    if (bracketed == ip_is_v4(&out->ip) && (bracketed || port.n != 0))
        return MALFORMED;
    out->port = (uint16_t)number;
    return OK;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (ip_is_v4(&a->ip)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip.b + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->ip.b, 16);
    return sizeof *in6;
}

enum rc addr_from_sockaddr(const struct sockaddr_storage *sa, struct addr *out)
{
    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        uint8_t b[4];
        memcpy(b, &in->sin_addr, 4);
        *out = (struct addr){ ip_v4(b), ntohs(in->sin_port) };
        return OK;
    }
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        out->port = ntohs(in6->sin6_port);
        memcpy(out->ip.b, &in6->sin6_addr, 16);
        return OK;
    }
    errno = EAFNOSUPPORT;
    return FAILED;
}

static bool set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool set_transparent(int fd, bool v4)
{
    return v4 ? set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1) : set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
}

static int tcp_socket(bool v4)
{
    return socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Closes, and leaves the errno that brought us here. */
static enum rc give_up(int fd)
{
    const int saved = errno;

    (void)close(fd);
    errno = saved;
    return FAILED;
}

enum rc addr_listen(const struct addr *at, bool transparent, int *fd)
{
    const bool v4 = ip_is_v4(&at->ip);
    struct sockaddr_storage sa;
    const socklen_t len = addr_to_sockaddr(at, &sa);
    const int s = tcp_socket(v4);

    if (s < 0)
        return FAILED;
    if (!set_int(s, SOL_SOCKET, SO_REUSEADDR, 1) || (!v4 && !set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        (transparent && !set_transparent(s, v4)) || bind(s, (const struct sockaddr *)&sa, len) != 0 ||
        listen(s, LISTEN_BACKLOG) != 0)
        return give_up(s);
    *fd = s;
    return OK;
}

enum rc addr_connect(const struct addr *to, const struct addr_from *from, int *fd)
{
    const bool v4 = ip_is_v4(&to->ip);
    struct sockaddr_storage sa;
    socklen_t len;
    const int s = tcp_socket(v4);

    if (s < 0)
        return FAILED;
    if (from->mark != 0 && setsockopt(s, SOL_SOCKET, SO_MARK, &from->mark, sizeof from->mark) != 0)
        return give_up(s);
    if (from->source != NULL) {
        if (ip_is_v4(&from->source->ip) != v4) {
            errno = EAFNOSUPPORT;
            return give_up(s);
        }
        len = addr_to_sockaddr(from->source, &sa);
        /* The port is chosen at connect, when the whole four-tuple is known: one client may have many sessions. */
        if ((from->transparent && !set_transparent(s, v4)) ||
            (from->source->port == 0 && !set_int(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) ||
            bind(s, (const struct sockaddr *)&sa, len) != 0)
            return give_up(s);
    }
    len = addr_to_sockaddr(to, &sa);
    if (connect(s, (const struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS)
        return give_up(s);
    *fd = s;
    return OK;
}

enum rc addr_peer(int fd, struct addr *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;

    return getpeername(fd, (struct sockaddr *)&sa, &len) == 0 ? addr_from_sockaddr(&sa, out) : FAILED;
}

enum rc addr_local(int fd, struct addr *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;

    return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 ? addr_from_sockaddr(&sa, out) : FAILED;
}

enum rc addr_before_nat(int fd, struct addr *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return FAILED;
    const bool v4 = sa.ss_family == AF_INET;
    len = sizeof sa;
    /* IP6T_SO_ORIGINAL_DST is the same number; its header does not go with netinet/in.h. */
    if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, SO_ORIGINAL_DST, &sa, &len) != 0)
        return FAILED;
    return addr_from_sockaddr(&sa, out);
}

bool addr_is_ours(const struct ip *ip)
{
    const struct addr at = { .ip = *ip };
    struct sockaddr_storage sa;
    const socklen_t len = addr_to_sockaddr(&at, &sa);
    const int s = socket(ip_is_v4(ip) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0)
        return true; /* unknown counts as ours: then it is not dialled */
    const bool ours = bind(s, (const struct sockaddr *)&sa, len) == 0;
    (void)close(s);
    return ours;
}
