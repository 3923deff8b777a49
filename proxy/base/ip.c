#include "base/ip.h"

#include "base/text.h"

#include <arpa/inet.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
static const uint8_t nat64_prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

struct ip ip_v4(const uint8_t b[4])
{
    struct ip ip;

    memcpy(ip.b, v4_prefix, sizeof v4_prefix);
    memcpy(ip.b + 12, b, 4);
    return ip;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->b, v4_prefix, sizeof v4_prefix) == 0;
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

void ip_text(const struct ip *ip, char out[IP_TEXT_MAX])
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->b + 12, out, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, ip->b, out, IP_TEXT_MAX);
}

enum rc ip_parse(struct span s, struct ip *out)
{
    char text[IP_TEXT_MAX];
    uint8_t v4[4];

    if (s.n == 0 || s.n >= sizeof text || span_find(s, '\0') != s.n)
        return MALFORMED;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, v4) == 1) {
        *out = ip_v4(v4);
        return OK;
    }
    return inet_pton(AF_INET6, text, out->b) == 1 ? OK : MALFORMED;
}

/* The bits of byte i that belong to a prefix of `bits`. */
static uint8_t mask_of(unsigned bits, unsigned i)
{
    const unsigned before = i * 8;

    if (bits >= before + 8)
        return 0xff;
    return bits <= before ? 0 : (uint8_t)(0xff00 >> (bits - before));
}

enum rc ip_net_parse(struct span s, struct ip_net *out)
{
    const size_t slash = span_find(s, '/');
    struct ip_net net = { .bits = 128 };
    uint64_t bits = 0;

    if (ip_parse(span_first(s, slash), &net.ip) != OK)
        return MALFORMED;
    if (slash < s.n) {
        const unsigned width = ip_is_v4(&net.ip) ? 32 : 128;

        if (text_decimal(span_from(s, slash + 1), width, &bits) != OK)
            return MALFORMED;
        net.bits = (unsigned)bits + (128 - width);
    }
    for (unsigned i = 0; i < sizeof net.ip.b; i++)
        if (net.ip.b[i] & (uint8_t)~mask_of(net.bits, i))
            return MALFORMED;
    *out = net;
    return OK;
}

bool ip_net_has(const struct ip_net *net, const struct ip *ip)
{
    for (unsigned i = 0; i < sizeof ip->b; i++)
        if ((net->ip.b[i] ^ ip->b[i]) & mask_of(net->bits, i))
            return false;
    return true;
}

bool ip_is_special(const struct ip *ip)
{
    static const char *const nets[] = { "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255",
                                        "::",        "::1",         "fe80::/10",      "ff00::/8" };

    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        struct ip_net net;

        if (ip_net_parse(span_str(nets[i]), &net) == OK && ip_net_has(&net, ip))
            return true;
    }
    return false;
}

struct ip ip_unmap_nat64(const struct ip *ip)
{
    return memcmp(ip->b, nat64_prefix, sizeof nat64_prefix) == 0 ? ip_v4(ip->b + 12) : *ip;
}
