#include "waxseal.h"
#include "waxseal_pem.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "cert/cert.h"
#include "cert/sign.h"
#include "dane/match.h"
#include "dane/usable.h"

#define RECORDS_MAX 256
#define NAMES_MAX 64

enum { /* exit status of verify */
    VERIFY_MATCH = 0,
    VERIFY_NO_MATCH = 1,
    VERIFY_UNUSABLE = 2,
    VERIFY_MALFORMED = 64,
};

/* ---- verify ---- */

struct request {
    const char *chain, *ca_file;
    struct span names[NAMES_MAX]; /* [0] is the base domain's place */
    size_t n_names;
    struct tlsa tlsa[RECORDS_MAX];
    uint8_t *rdata[RECORDS_MAX]; /* owned; what the records point into */
    size_t n_tlsa, n_rdata;
    struct wall at;
    bool has_base, rfc7672;
};

/* The next field and the one blank or more behind it; an empty span where there is no blank. */
static struct span field(struct span *rest)
{
    struct span out;
    size_t n = 0;

    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    out = n < rest->n ? span_first(*rest, n) : span_of(rest->p, 0);
    *rest = span_from(*rest, n + 1);
    while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t'))
        *rest = span_from(*rest, 1);
    return out;
}

/* 'U S M HEX'. A record that DANE cannot use is dropped; what is no record at all is malformed input. */
static enum rc add_record(struct request *r, const char *arg)
{
    struct span rest = span_str(arg);
    uint8_t *rdata;
    size_t n;
    enum rc rc = OK;

    if (r->n_rdata == RECORDS_MAX)
        return FULL;
    n = 3 + rest.n / 2;
    rdata = malloc(n);
    if (rdata == NULL)
        return FAILED;
    r->rdata[r->n_rdata++] = rdata;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t value = 0;

        if (text_decimal(field(&rest), 255, &value) != OK)
            return MALFORMED;
        rdata[i] = (uint8_t)value;
    }
    n -= 3;
    if (rest.n > 0)
        rc = text_hex(rest, rdata + 3, &n);
    else
        n = 0;
    if (rc == OK && tlsa_parse(span_of(rdata, 3 + n), &r->tlsa[r->n_tlsa]) == OK)
        r->n_tlsa++;
    return rc;
}

static enum rc add_name(struct request *r, const char *arg, bool is_base)
{
    if (is_base) {
        r->names[0] = span_str(arg);
        r->has_base = true;
        return OK;
    }
    if (r->n_names == NAMES_MAX)
        return FULL;
    r->names[r->n_names++] = span_str(arg);
    return OK;
}

/* Unix time, 64 bits and signed. */
static enum rc read_time(const char *arg, struct wall *out)
{
    const bool negative = arg[0] == '-';
    uint64_t value = 0;

    if (text_decimal(span_str(arg + (negative ? 1 : 0)), INT64_MAX, &value) != OK)
        return MALFORMED;
    out->s = negative ? -(int64_t)value : (int64_t)value;
    return OK;
}

static enum rc read_request(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {
        { "chain", required_argument, NULL, 'c' }, { "tlsa", required_argument, NULL, 't' },
        { "name", required_argument, NULL, 'n' },  { "base", required_argument, NULL, 'b' },
        { "at", required_argument, NULL, 'a' },    { "ca-file", required_argument, NULL, 'f' },
        { "rfc7672", no_argument, NULL, 'r' },     { 0 },
    };
    enum rc rc = OK;
    int c;

    r->n_names = 1;
    r->at = clock_wall();
    while (rc == OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'c':
            r->chain = optarg;
            break;
        case 'f':
            r->ca_file = optarg;
            break;
        case 't':
            rc = add_record(r, optarg);
            break;
        case 'n':
        case 'b':
            rc = add_name(r, optarg, c == 'b');
            break;
        case 'a':
            rc = read_time(optarg, &r->at);
            break;
        case 'r':
            r->rfc7672 = true;
            break;
        default:
            return MALFORMED;
        }
    if (rc != OK)
        fprintf(stderr, "waxseal dane verify: '%s' is not what its option asks\n", optarg);
    else if (optind < argc)
        fprintf(stderr, "waxseal dane verify: '%s' is no option\n", argv[optind]);
    else if (r->chain == NULL)
        fputs("waxseal dane verify: --chain is missing\n", stderr);
    else
        return OK;
    return MALFORMED;
}

/* The public roots; those that no path may contain are left out. */
static enum rc read_roots(const char *path, struct pem_file *file, struct cert **roots, size_t *n)
{
    const enum rc rc = pem_read(path, file);

    if (rc != OK)
        return rc;
    *roots = calloc(file->n, sizeof **roots);
    if (*roots == NULL)
        return FAILED;
    for (size_t i = 0; i < file->n; i++)
        if (cert_read(file->certs[i], &(*roots)[*n]) == OK)
            ++*n;
    return OK;
}

void dane_tell(const struct match_answer *a)
{
    char name[HOSTNAME_MAX + 2] = "-";

    if (a->result != MATCH_YES) {
        printf("result=no-match reason=%s", a->reason);
        return;
    }
    if (a->name.n > 0)
        text_printable(a->name, name, sizeof name);
    printf("result=match usage=%d selector=%d mtype=%d depth=%u name=%s", (int)a->usage, (int)a->tlsa->selector,
           (int)a->tlsa->match, a->depth, name);
}

static int judge(struct request *r)
{
    struct pem_file chain, roots_file = { 0 };
    struct cert *roots = NULL;
    struct match_answer answer;
    size_t n_roots = 0;
    int status = VERIFY_MALFORMED;

    if (pem_read(r->chain, &chain) != OK ||
        (r->ca_file != NULL && read_roots(r->ca_file, &roots_file, &roots, &n_roots) != OK))
        goto out;
    r->n_tlsa = usable_select(r->tlsa, r->n_tlsa, r->rfc7672);
    if (r->n_tlsa == 0) {
        printf("result=unusable reason=%s\n", r->n_rdata == 0 ? "no-records" : "all-unusable");
        status = VERIFY_UNUSABLE;
        goto out;
    }
    answer = dane_match(&(struct match_query){
        .tlsa = r->tlsa,
        .n_tlsa = r->n_tlsa,
        .chain = chain.certs,
        .n_chain = chain.n,
        .names = r->names + (r->has_base ? 0 : 1),
        .n_names = r->n_names - (r->has_base ? 0 : 1),
        .at = r->at,
        .roots = roots,
        .n_roots = n_roots,
    });
    dane_tell(&answer);
    putchar('\n');
    status = answer.result == MATCH_YES ? VERIFY_MATCH : VERIFY_NO_MATCH;
out:
    free(roots);
    pem_free(&roots_file);
    pem_free(&chain);
    return status;
}

static int verify(int argc, char **argv)
{
    struct request r = { 0 };
    const int status = read_request(argc, argv, &r) == OK ? judge(&r) : VERIFY_MALFORMED;

    for (size_t i = 0; i < r.n_rdata; i++)
        free(r.rdata[i]);
    return status;
}

/* ---- make ---- */

static void print_record(enum tlsa_usage usage, struct span spki)
{
    uint8_t digest[SIGN_DIGEST_MAX];
    const struct span d = sign_digest(SIGN_SHA256, spki, digest);

    printf("%d %d %d ", (int)usage, SELECTOR_SPKI, MATCH_SHA256);
    for (size_t i = 0; i < d.n; i++)
        printf("%02x", d.p[i]);
    putchar('\n');
}

static int make(int argc, char **argv)
{
    struct pem_file file;
    struct cert cert;
    int status = EXIT_WELL;

    if (argc != 2) {
        fputs("usage: waxseal dane make CERT\n", stderr);
        return EXIT_USAGE;
    }
    if (pem_read(argv[1], &file) != OK)
        return EXIT_NOT_WELL;
    for (size_t i = 0; i < file.n; i++) {
        const enum rc rc = cert_read(file.certs[i], &cert);

        if (i == 0 && rc != MALFORMED)
            print_record(USAGE_DANE_EE, cert.spki);
        else if (i > 0 && rc == OK && cert.is_ca)
            print_record(USAGE_DANE_TA, cert.spki);
        else {
            fprintf(stderr, "waxseal dane make: certificate %zu of %s is not %s\n", i + 1, argv[1],
                    i == 0 ? "readable" : "a CA's");
            status = EXIT_NOT_WELL;
        }
    }
    pem_free(&file);
    return status;
}

/* ---- which of them ---- */

int waxseal_dane(const char *config, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = { { "verify", verify }, { "make", make } };

    if (argc >= 2 && strcmp(argv[1], "check") == 0) /* the one that is configured */
        return dane_check(config, argc - 1, argv + 1);
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    fputs("usage: waxseal dane verify --chain FILE [--tlsa 'U S M HEX']... [--name NAME]... [--base NAME] [--at "
          "UNIXTIME]\n"
          "                           [--ca-file FILE] [--rfc7672]\n"
          "       waxseal dane make CERT\n"
          "       waxseal [-c FILE] dane check CERT DOMAIN\n",
          stderr);
    return EXIT_USAGE;
}
