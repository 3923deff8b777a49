/*
 * zone - a scripted DNS for the route planner. One line an answer:
 *   NAME TYPE secure|insecure|bogus|error|timeout|never [nodata|nxdomain] [ttl=SECONDS] [>CANONICAL] RECORD…
 * What no line answers is securely absent. An MX record is PREFERENCE/NAME, a TLSA record its three digits (the data
 * are made up, of the right length) or those and a letter for other data; `junk` is RDATA that no type allows.
 */
#ifndef TESTS_ZONE_H
#define TESTS_ZONE_H

#include "base/text.h"
#include "dane/route_plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_LINES 600

struct zone {
    const char *line[ZONE_LINES]; /* NULL-terminated */
};

struct zone_run {
    struct route_plan plan;
    struct route route;
    char asked[65536]; /* NAME/TYPE of each question, a blank behind each */
};

static uint8_t zone_mem[ROUTE_ANSWER_MAX + 2][512];

static struct span zone_wire(uint8_t *out, const char *text)
{
    size_t n = 0;

    for (const char *end; *text != '\0' && strcmp(text, ".") != 0; text = *end == '.' ? end + 1 : end) {
        end = strchrnul(text, '.');
        out[n++] = (uint8_t)(end - text);
        memcpy(out + n, text, (size_t)(end - text));
        n += (size_t)(end - text);
    }
    out[n++] = 0;
    return span_of(out, n);
}

static const char *zone_type(unsigned type)
{
    return type == TYPE_A       ? "A"
           : type == TYPE_AAAA  ? "AAAA"
           : type == TYPE_MX    ? "MX"
           : type == TYPE_CNAME ? "CNAME"
                                : "TLSA";
}

static struct span zone_rdata(unsigned type, const char *word, uint8_t *mem)
{
    struct ip ip;

    if (strcmp(word, "junk") == 0)
        return span_of(mem, 1);
    switch (type) {
    case TYPE_A:
    case TYPE_AAAA:
        assert(ip_parse(span_str(word), &ip) == OK);
        memcpy(mem, ip.b, 16);
        return type == TYPE_A ? span_of(mem + 12, 4) : span_of(mem, 16);
    case TYPE_MX: {
        const unsigned preference = (unsigned)strtoul(word, NULL, 10);

        mem[0] = (uint8_t)(preference >> 8);
        mem[1] = (uint8_t)preference;
        return span_of(mem, 2 + zone_wire(mem + 2, strchr(word, '/') + 1).n);
    }
    case TYPE_TLSA:
        for (unsigned i = 0; i < 3; i++)
            mem[i] = (uint8_t)(word[i] - '0');
        if (word[3] == '=') {
            size_t n = 256;

            assert(text_hex(span_str(word + 4), mem + 3, &n) == OK);
            return span_of(mem, 3 + n);
        }
        memset(mem + 3, word[3] == '\0' ? 'd' : word[3], 64);
        return span_of(mem, 3U + (mem[2] == 2 ? 64 : 32));
    default:
        return zone_wire(mem, word);
    }
}

static void zone_words(unsigned type, char *words, struct answer *out)
{
    char *at = NULL;

    *out = (struct answer){ .result = ANSWER_NODATA, .ttl_s = 86400 };
    for (char *w = strtok_r(words, " ", &at); w != NULL; w = strtok_r(NULL, " ", &at)) {
        if (strcmp(w, "secure") == 0)
            out->trust = TRUST_SECURE;
        else if (strcmp(w, "insecure") == 0)
            out->trust = TRUST_INSECURE;
        else if (strcmp(w, "bogus") == 0)
            out->trust = TRUST_BOGUS;
        else if (strcmp(w, "error") == 0)
            out->result = ANSWER_ERROR;
        else if (strcmp(w, "timeout") == 0)
            out->result = ANSWER_TIMEOUT;
        else if (strcmp(w, "nodata") == 0)
            out->result = ANSWER_NODATA;
        else if (strcmp(w, "nxdomain") == 0)
            out->result = ANSWER_NXDOMAIN;
        else if (strncmp(w, "ttl=", 4) == 0)
            out->ttl_s = (uint32_t)strtoul(w + 4, NULL, 10);
        else if (w[0] == '>')
            out->canonical = zone_wire(zone_mem[ROUTE_ANSWER_MAX], w + 1);
        else {
            assert(out->n < ROUTE_ANSWER_MAX);
            out->rdata[out->n] = zone_rdata(type, w, zone_mem[out->n]);
            out->n++;
            if (out->result == ANSWER_NODATA)
                out->result = ANSWER_DATA;
        }
    }
}

/* The scripted answer; false: it never comes. */
static bool zone_answer(const struct zone *z, const struct route_question *q, struct answer *out)
{
    static char words[65536];
    char head[HOSTNAME_MAX + 16];
    const int n = snprintf(head, sizeof head, "%s %s ", q->name, zone_type(q->type));

    strcpy(words, "secure nodata");
    for (unsigned i = 0; z->line[i] != NULL; i++)
        if (strncmp(z->line[i], head, (size_t)n) == 0)
            strcpy(words, z->line[i] + n);
    if (strstr(words, "never") != NULL)
        return false;
    zone_words(q->type, words, out);
    return true;
}

/* Runs a plan to its end. backwards: the last of the questions that are open is answered first. */
static void zone_run_to(struct zone_run *run, const struct zone *z, const char *domain, uint16_t port, bool is_host,
                        bool backwards)
{
    static struct route_question q[ROUTE_QUESTIONS_MAX];
    static struct answer a;
    struct hostname name;
    unsigned open = 0;

    assert(hostname_parse(span_str(domain), &name) == OK);
    route_plan_init(&run->plan, &name, port, is_host);
    run->asked[0] = '\0';
    for (bool more = true; more;) {
        while (route_plan_next(&run->plan, &q[open])) {
            snprintf(strchr(run->asked, '\0'), 300, "%s/%s ", q[open].name, zone_type(q[open].type));
            open++;
        }
        more = open > 0;
        if (more) {
            const struct route_question now = q[backwards ? open - 1 : 0];

            if (!backwards)
                memmove(q, q + 1, (open - 1) * sizeof q[0]);
            open--;
            if (zone_answer(z, &now, &a))
                route_plan_answer(&run->plan, now.id, &a);
        }
    }
    memset(&run->route, 0xa5, sizeof run->route); /* what finish leaves unwritten shows */
    route_plan_finish(&run->plan, &run->route);
}

static inline void zone_run(struct zone_run *run, const struct zone *z, const char *domain, bool backwards)
{
    zone_run_to(run, z, domain, 25, false, backwards);
}

#endif
