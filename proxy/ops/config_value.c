#include "ops/config_value.h"

#include "base/text.h"
#include "policy/decide.h"

#include <stdarg.h>

enum rc value_no(struct value_says *says, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(says->text, sizeof says->text, fmt, ap);
    va_end(ap);
    return MALFORMED;
}

/* Sets of the packet filter hold no element inside another, and a network that swallows a host is a mistake mostly. */
static bool overlap(const struct ip_net *a, const struct ip_net *b)
{
    return a->bits <= b->bits ? ip_net_has(a, &b->ip) : ip_net_has(b, &a->ip);
}

enum rc value_net(const char *s, struct config_nets *nets, struct value_says *says)
{
    struct ip_net net;
    char text[IP_TEXT_MAX];

    if (ip_net_parse(span_str(s), &net) != OK)
        return value_no(says, "is no address or network (ADDRESS or ADDRESS/BITS, with no bit set behind the mask)");
    for (uint32_t i = 0; i < nets->n; i++)
        if (overlap(&nets->net[i], &net)) {
            ip_text(&nets->net[i].ip, text);
            return value_no(says, "overlaps with %s, which stands before it", text);
        }
    if (nets->n == CONFIG_NETS_MAX)
        return value_no(says, "is one too many: a set holds %d addresses and networks", CONFIG_NETS_MAX);
    nets->net[nets->n++] = net;
    return OK;
}

/* ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT or [ADDRESS]; an IPv6 address without brackets has no port behind it. */
static enum rc split_port(struct span s, struct span *address, struct span *port)
{
    const size_t colon = span_find(s, ':');

    *address = s;
    *port = span_of(NULL, 0);
    if (s.n > 0 && s.p[0] == '[') {
        const size_t end = span_find(s, ']');
        const struct span rest = span_from(s, end + 1);

        if (end == s.n || (rest.n > 0 && rest.p[0] != ':'))
            return MALFORMED;
        *address = span_from(span_first(s, end), 1);
        *port = span_from(rest, 1);
        return rest.n == 1 ? MALFORMED : OK;
    }
    if (colon < s.n && span_find(span_from(s, colon + 1), ':') == s.n - colon - 1) { /* just one: IPv4 and a port */
        *address = span_first(s, colon);
        *port = span_from(s, colon + 1);
        return port->n == 0 ? MALFORMED : OK;
    }
    return OK;
}

enum rc value_endpoint(const char *s, uint16_t default_port, struct config_endpoints *out, struct value_says *says)
{
    struct config_endpoint at = { .port = default_port };
    struct span address, port;
    uint64_t number = default_port;

    if (split_port(span_str(s), &address, &port) != OK || ip_parse(address, &at.ip) != OK ||
        (s[0] == '[' && ip_is_v4(&at.ip)))
        return value_no(says, "is no address with a port (192.0.2.1:2525 or [2001:db8::1]:2525)");
    if (port.n == 0 && default_port == 0)
        return value_no(says, "lacks a port");
    if (port.n > 0 && (text_decimal(port, UINT16_MAX, &number) != OK || number == 0))
        return value_no(says, "has a port that is not in 1 to 65535");
    at.port = (uint16_t)number;
    for (uint32_t i = 0; i < out->n; i++)
        if (out->at[i].port == at.port && ip_eq(&out->at[i].ip, &at.ip))
            return value_no(says, "is there twice");
    if (out->n == CONFIG_ENDPOINTS_MAX)
        return value_no(says, "is one too many: %d are the most", CONFIG_ENDPOINTS_MAX);
    out->at[out->n++] = at;
    return OK;
}

/* Decimal, or hexadecimal behind 0x. */
static enum rc number(struct span s, uint64_t *out)
{
    if (s.n > 2 && s.n <= 10 && s.p[0] == '0' && text_fold(s.p[1]) == 'x') {
        uint8_t bytes[4];
        size_t n = sizeof bytes;
        char even[9] = "00000000";

        memcpy(even + 8 - (s.n - 2), s.p + 2, s.n - 2);
        if (text_hex(span_of(even, 8), bytes, &n) != OK || n != sizeof bytes)
            return MALFORMED;
        *out = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
        return OK;
    }
    return text_decimal(s, UINT32_MAX, out);
}

enum rc value_number(const char *s, uint32_t lo, uint32_t hi, uint32_t *out, struct value_says *says)
{
    uint64_t v;

    if (number(span_str(s), &v) != OK || v < lo || v > hi)
        return value_no(says, "is no number from %u to %u", (unsigned)lo, (unsigned)hi);
    *out = (uint32_t)v;
    return OK;
}

enum rc value_word(const char *s, const struct value_word *words, unsigned *out, struct value_says *says)
{
    char list[120] = "";
    size_t n = 0;

    for (unsigned i = 0; words[i].word != NULL; i++) {
        if (strcmp(words[i].word, s) == 0) {
            if (words[i].unbuilt)
                return value_no(says, "is not in this build");
            *out = i;
            return OK;
        }
        n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", i == 0 ? "" : ", ", words[i].word);
    }
    return value_no(says, "is none of %s", list);
}

enum rc value_yes_no(const char *s, bool *out, struct value_says *says)
{
    static const struct value_word words[] = { { "no", false },   { "yes", false }, { "false", false },
                                               { "true", false }, { "off", false }, { "on", false },
                                               { NULL, false } };
    unsigned which;

    if (value_word(s, words, &which, says) != OK)
        return value_no(says, "is neither yes nor no");
    *out = which % 2 != 0;
    return OK;
}

enum rc value_path(const char *s, char *out, size_t cap, struct value_says *says)
{
    const size_t n = strlen(s);

    if (s[0] != '/')
        return value_no(says, "is no absolute path");
    if (n >= cap)
        return value_no(says, "is longer than %zu bytes", cap - 1);
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] < 32 || s[i] == 127)
            return value_no(says, "has a control character in it");
    memset(out, 0, cap);
    snprintf(out, cap, "%s", s);
    return OK;
}

enum rc value_user(const char *s, char *out, size_t cap, struct value_says *says)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_", rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    const size_t n = strlen(s);

    if (n == 0 || n > CONFIG_USER_MAX || n >= cap || strchr(first, s[0]) == NULL || strspn(s, rest) != n)
        return value_no(says, "is no user name");
    memset(out, 0, cap);
    snprintf(out, cap, "%s", s);
    return OK;
}

enum rc value_level(const char *s, uint8_t *out, struct value_says *says)
{
    char list[120] = "";
    size_t n = 0;

    for (unsigned i = 0; i < LEVEL__COUNT; i++) {
        if (strcmp(level_name((enum level)i), s) == 0) {
            *out = (uint8_t)i;
            return OK;
        }
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i == 0 ? "" : ", ", level_name((enum level)i));
    }
    return value_no(says, "is no level: %s", list);
}

enum rc value_domain(const char *s, struct site_entry *out, struct value_says *says)
{
    struct site_entry e = { .parent = s[0] == '.' };

    if (hostname_parse(span_str(s + e.parent), &e.domain) != OK)
        return value_no(says, "is no domain name (one that is not ASCII is written in its xn-- form)");
    if (hostname_is_numeric(&e.domain))
        return value_no(says, "is a number or an address, no domain name");
    out->domain = e.domain;
    out->parent = e.parent;
    return OK;
}
