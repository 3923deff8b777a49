/*
 * Fuzz target: a whole session. The input is a script of what both ends, the resolver, the keeper, the broker and the
 * clock do; everything that they say is the input's. Oracle: the invariants that session_step asserts; the oath of
 * tests/lib/world (what leaves in clear, records that a keeper takes); and below: the client hears nothing but whole
 * lines that the server said, each once and in their order, or that are on DESIGN.md's list; the server hears nothing
 * but the client's lines and ours, and of a transaction nothing before what it needs; no domain has more records than
 * the client sent MAIL; no session outlives its two ends; nothing leaks. A14, A26-A38, A56-A61, A65-A73
 */
#include "base/text.h"
#include "world.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;

/* Of the input: one byte says what happens, and how much of what follows it takes. */
struct input {
    const uint8_t *p;
    size_t n;
};

static uint8_t take(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static void says(struct input *in, struct wire *w)
{
    const size_t wanted = take(in), n = wanted < in->n ? wanted : in->n;

    wire_says(w, span_of(in->p, n));
    in->p += n;
    in->n -= n;
}

/* Words that a random input would take long to find. */
static void says_often(struct input *in, struct wire *w)
{
    static const char *const near[] = {
        "EHLO c.lan\r\n",
        "HELO c\r\n",
        "MAIL FROM:<a@c.lan>\r\n",
        "DATA\r\n",
        "x\r\n.\r\n",
        "RCPT TO:<u@d.test>\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "RCPT TO:<u@e.test>\r\n",
        "NOOP\r\n",
        "BDAT 5\r\nQUIT\n",
        "BDAT 3 LAST\r\nabc",
        "STARTTLS\r\n",
        "AUTH PLAIN AA==\r\n",
        "MAIL FROM:<> SIZE=5\r\n",
        "VRFY u@d.test\r\n",
        "XFOO\r\n",
        "RCPT TO:<postmaster> NOTIFY=NEVER\r\n",
        "\r\n.\r\n",
        "x\n.\r\n",
        "\x16\x03\x01",
        "EHLO c.lan\n", /* a session of LF alone */
        "MAIL FROM:<a@c.lan>\n",
        "RCPT TO:<u@d.test>\n",
        "DATA\n",
        "x\n.\n",
        "x\r\n.\r\n",
        "BDAT 0\r\n",
        "BDAT 0 LAST\r\n",
        "BDAT 9 LAST\r\nx\r\n.\r\nQ\r\n",
        "BDAT 99999999999999999999\r\n",
        "EHLO c.lan\r\nMAIL FROM:<a@c.lan>\r\nRCPT TO:<u@d.test>\r\nDATA\r\n",
        "x\r.\r\n",
        "\r\n\0.\r\n",
    };
    static const char *const far[] = {
        "220 mx\r\n",
        "250-mx\r\n250-PIPELINING\r\n250-SIZE\r\n250-CHUNKING\r\n250-DSN\r\n250 STARTTLS\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "250-mx\r\n250 PIPELINING\r\n",
        "550 no\r\n",
        "421 bye\r\n",
        "250-",
        "454 x\r\n",
        "334 x\r\n",
        "502 x\r\n",
        "552 x\r\n",
        "250-mx\r\n250 STARTTLS\r\n",
        "220 go\r\n250 forged\r\n", /* replies that nobody asked for */
        "250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
        "250 ok\r\n250 ok\r\n354 go\r\n",
        "503 x\r\n",
        "554 x\r\n",
        "250x\r\n",
    };
    const unsigned which = take(in);
    const char *const word =
        w->is_far ? far[which % (sizeof far / sizeof far[0])] : near[which % (sizeof near / sizeof near[0])];

    wire_says(w, span_str(word));
}

static void tls(struct input *in, struct wire *w)
{
    static const char *const versions[] = { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" };
    const unsigned how = take(in);

    if (!w->handshakes || w->tls_up)
        return;
    if (how % 4 == 0) {
        w->tls_fails = true;
        return;
    }
    w->info = (struct tls_info){ .version = versions[how / 4 % 4], .cipher = "TLS_AES_128_GCM_SHA256" };
    w->chain = calloc(1, sizeof *w->chain + sizeof w->chain->der[0] + 1);
    if (w->chain != NULL) {
        w->chain->n = w->chain->bytes = 1;
        w->chain->der[0] = span_of(&w->chain->der[1], 1);
    }
    if (how % 16 == 3)
        w->early = SPAN("250 early\r\n");
    w->tls_up = true;
}

static void step(struct input *in)
{
    struct wire *const near = world.near, *const far = world.far;

    switch (take(in) % 24) {
    case 0:
        says(in, near);
        break;
    case 1:
        says(in, far);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        says_often(in, near);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        says_often(in, far);
        break;
    case 10:
        tls(in, near->handshakes ? near : far);
        break;
    case 11:
        near->ends = true;
        break;
    case 12:
        far->ends = true;
        break;
    case 13:
        far->breaks = true;
        break;
    case 14:
        near->stalls = !near->stalls;
        break;
    case 15:
        far->stalls = !far->stalls;
        break;
    case 16:
        world.resolver = (enum server)(take(in) % 3);
        break;
    case 17:
        world.keeper = (enum server)(take(in) % 3);
        break;
    case 18:
        world.broker = (enum server)(take(in) % 3);
        break;
    case 19:
        world_wait(&world, take(in) * 1000);
        break;
    case 20:
        near->breaks = true;
        break;
    case 21:
        world_dialed(&world, take(in) % 2 == 0);
        break;
    case 22:
        world.n_questions = 0;
        session_lost(world.session, true);
        session_lost(world.session, false);
        break;
    case 23:
        far->refuses = true;
        break;
    }
    far->connects = true;
}

/* Domain d is signed with TLSA, e is plain; what the site says is the input's. */
static void begin(struct input *in)
{
    static const char *const zone[] = {
        "d.test MX secure 10/mx.d.test",   "mx.d.test A secure 192.0.2.25",   "_25._tcp.mx.d.test TLSA secure 311",
        "e.test MX insecure 10/mx.e.test", "mx.e.test A insecure 192.0.2.25",
    };
    const unsigned how = take(in);

    world_init(&world);
    memcpy(world.zone, zone, sizeof zone);
    world.zone_lines = sizeof zone / sizeof zone[0];
    world.config.enforce = how % 8 != 0;
    world.config.site.fallback.level = (uint8_t)(how / 8 % (LEVEL_DANE_ONLY + 1));
    world.only_sealed = world.config.enforce && (world.config.site.fallback.level == LEVEL_ENCRYPT ||
                                                 world.config.site.fallback.level == LEVEL_DANE_ONLY);
    world.credentials = world.config.enforce && world.config.site.fallback.level != LEVEL_NONE;
    world.grace = (enum grace)(how % 3);
    if (how / 40 % 3 != 0 && world.config.site.fallback.level != LEVEL_NONE) { /* the early upgrade */
        struct site_smarthost *const smart = &world.config.site.smarthost[world.config.site.n_smarthost++];
        const enum rc rc = hostname_parse(SPAN("mx.d.test"), &smart->name);

        assert(rc == OK);
        (void)rc;
        smart->ip = world.server;
        smart->policy = world.config.site.fallback;
        smart->port = world.port = how / 40 % 3 == 1 ? 587 : 465;
    }
    const unsigned more = take(in);

    world.cut = more % 16;
    world.config.client_starttls = (enum config_starttls)(more / 16 % (STARTTLS_TERMINATE + 1));
}

/* ---- the oracle ---- */

static bool is_ours(struct span line)
{
    static const char *const ours[] = { "250 Ok\r\n",
                                        "250 2.0.0 Ok\r\n",
                                        "250 2.1.0 Ok\r\n",
                                        "220 Ready to start TLS\r\n",
                                        "220 2.0.0 Ready to start TLS\r\n",
                                        "221 Bye\r\n",
                                        "221 2.0.0 Bye\r\n",
                                        "503 Bad sequence of commands\r\n",
                                        "503 5.5.1 Bad sequence of commands\r\n" };

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (span_eq(line, span_str(ours[i])))
            return true;
    return (line.n > 20 && memmem(line.p, line.n, " waxseal: ", 10) != NULL &&
            (memcmp(line.p, "451 4.", 6) == 0 || memcmp(line.p, "454 4.", 6) == 0 ||
             memcmp(line.p, "421 4.", 6) == 0)) ||
           memmem(line.p, line.n, " MAIL refused\r\n", 15) != NULL;
}

/* 552 to MAIL may have become 554; inside the client's own TLS, the last line but STARTTLS the last. */
static bool is_same(struct span said, struct span line)
{
    const bool code =
        memcmp(said.p, line.p, 3) == 0 || (memcmp(said.p, "552", 3) == 0 && memcmp(line.p, "554", 3) == 0);
    const bool sign = said.p[3] == line.p[3] || (world.near->sealed_from != SIZE_MAX && line.p[3] == ' ');

    return code && sign && memcmp(said.p + 4, line.p + 4, line.n - 4) == 0;
}

/* A place in what servers said: on which wire, how far. */
struct heard {
    unsigned wire;
    size_t at;
};

/* Did a server say this line, whole, there or later? Then that place is behind it. */
static bool is_theirs(struct span line, struct heard *from)
{
    const struct wire *w;
    struct heard here = *from;

    for (; (w = wire_nth(here.wire)) != NULL; here.wire++, here.at = 0) {
        struct span left = span_from(span_of(w->says.mem, w->says.taken), here.at);

        while (w->is_far && left.n > 0) {
            const size_t n = span_find(left, '\n') + 1;
            const struct span said = span_first(left, n);

            here.at += n;
            left = span_from(left, n);
            if (said.n == line.n && is_same(said, line)) {
                *from = here;
                return true;
            }
        }
    }
    return false;
}

/* A reply is the server's once, in the order in which it was said. But its no to MAIL is repeated, to every RCPT. */
static bool may_be_heard(struct span line, struct heard *from)
{
    struct heard start = { 0, 0 };

    const bool negative = line.p[0] == '4' || line.p[0] == '5';

    return is_ours(line) || is_theirs(line, negative ? &start : from);
}

static bool is_tunnel(void)
{
    for (unsigned i = 0; i < world.n_records; i++)
        if (world.records[i].outcome == OUTCOME_TUNNEL)
            return true;
    return false;
}

static void check_client(void)
{
    struct span left = wire_unheard(world.near);
    struct heard from = { 0, 0 };

    while (left.n > 0 && !is_tunnel()) {
        const size_t n = span_find(left, '\n') + 1;
        const struct span line = span_first(left, n);

        if (n > left.n)
            break; /* cut by a reset or a stall */
        if (line.n < 4 || !may_be_heard(line, &from))
            world_complain(&world, "the client heard `%.*s`", (int)line.n, line.p);
        left = span_from(left, n);
    }
}

static bool begins(struct span line, const char *word)
{
    return text_eq_nocase(span_first(line, strlen(word)), span_str(word));
}

static bool client_said(struct span line)
{
    return memmem(world.near->says.mem, world.near->says.n, line.p, line.n) != NULL;
}

/* Behind it comes no line that is not read: no content, and nothing that a 3xx asks for. */
static bool is_plain(struct span line)
{
    static const char *const plain[] = { "EHLO", "HELO", "MAIL", "RCPT", "RSET",    "NOOP",
                                         "QUIT", "HELP", "VRFY", "EXPN", "STARTTLS" };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (begins(line, plain[i]))
            return true;
    return false;
}

/* The server hears lines of the client's, byte for byte, or ours; and up to the first line that is not plain no RCPT
 * without MAIL, no DATA or BDAT without RCPT, no MAIL within another (invariant 4). */
static void check_server(const struct wire *w)
{
    struct span left = span_of(w->hears.mem, w->hears.n);
    bool mail = false, rcpt = false, content = false;

    while (left.n > 0) {
        const size_t n = span_find(left, '\n') + 1;
        const struct span line = span_first(left, n);

        left = span_from(left, n);
        if (!client_said(line) && !begins(line, "EHLO ") && !begins(line, "HELO ") && !begins(line, "STARTTLS\r\n") &&
            !begins(line, "QUIT\r\n"))
            world_complain(&world, "the server heard `%.*s`", (int)line.n, line.p);
        if (n > line.n)
            break;
        if (!content && ((begins(line, "MAIL") && mail) || (begins(line, "RCPT") && !mail) ||
                         ((begins(line, "DATA") || begins(line, "BDAT")) && !rcpt)))
            world_complain(&world, "out of order: `%.*s`", (int)line.n, line.p);
        if (begins(line, "BDAT"))
            break; /* the last line of a chunk may have no end, and the next command stands right behind it */
        content |= !is_plain(line);
        if (begins(line, "EHLO") || begins(line, "HELO") || begins(line, "RSET"))
            mail = rcpt = false;
        mail |= begins(line, "MAIL");
        rcpt |= begins(line, "RCPT");
    }
}

static void check_servers(void)
{
    const struct wire *w;

    for (unsigned i = 0; (w = wire_nth(i)) != NULL; i++)
        if (w->is_far && !is_tunnel())
            check_server(w);
}

static void check_records(void)
{
    const struct span said = span_of(world.near->says.mem, world.near->says.n);
    unsigned mails = 0;

    for (size_t i = 0; i + 4 <= said.n; i++)
        mails += text_eq_nocase(span_of(said.p + i, 4), SPAN("MAIL"));
    for (unsigned i = 0; i < world.n_records; i++) {
        unsigned same = 0;

        for (unsigned k = 0; k < world.n_records; k++)
            same += world.records[k].asked > 0 && strcmp(world.records[k].domain, world.records[i].domain) == 0;
        if (same > mails)
            world_complain(&world, "%u records of %s for %u MAIL", same, world.records[i].domain, mails);
        if (world.records[i].accepted > world.records[i].asked)
            world_complain(&world, "more accepted than asked");
        if (world.only_sealed && world.records[i].outcome == OUTCOME_CLEARTEXT)
            world_complain(&world, "clear text where TLS is a must");
        if (world.records[i].outcome == OUTCOME_VERIFIED)
            world_complain(&world, "verified by no certificate at all");
        if (world.config.enforce && world.config.site.fallback.level == LEVEL_DANE &&
            world.config.site.n_smarthost == 0 && strcmp(world.records[i].domain, "d.test") == 0 &&
            world.records[i].outcome <= OUTCOME_CLEARTEXT)
            world_complain(&world, "a DANE domain got mail without its certificate");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };

    begin(&in);
    if (!world_begin(&world))
        return 0;
    world.far->connects = true;
    world_run(&world);
    for (unsigned steps = 0; in.n > 0 && !world.over && steps < 400; steps++) {
        step(&in);
        if (!world.over)
            world_run(&world);
    }
    if (!world.over) { /* the client goes: whatever happens on the other side, it is over */
        world.near->breaks = true;
        world.near->stalls = false;
        world_run(&world);
    }
    if (!world.over)
        world_wait(&world, (SESSION_BYE_S + 1) * 1000);
    if (!world.over)
        world_wait(&world, (SESSION_IDLE_S + SESSION_BYE_S + 2) * 1000);
    if (!world.over)
        world_complain(&world, "the session outlives its client");
    check_client();
    check_servers();
    check_records();
    if (world.complaint[0] != '\0') {
        fprintf(stderr, "%s\n", world.complaint);
        abort();
    }
    world_end(&world);
    return 0;
}
