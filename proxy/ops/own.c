#include "ops/own.h"

#include "cert/make.h"
#include "ops/file.h"
#include "smtp/hostname.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum rc own_make(const struct config *c, int64_t not_before, FILE *says)
{
    const char *const path = c->credential[CREDENTIAL_OWN].certificate;
    uint8_t mem[2 * MAKE_BYTES_MAX];
    char name[HOSTNAME_MAX + 1] = "";
    struct hostname machine, known = { .n = 9, .s = "localhost" };
    const time_t day = (time_t)not_before;
    char utc[16];
    struct buf text;
    struct tm tm;

    if (!c->makes_own || access(path, F_OK) == 0)
        return OK;
    if (gethostname(name, sizeof name - 1) == 0 && hostname_parse(span_str(name), &machine) == OK)
        known = machine;
    buf_init(&text, mem, sizeof mem);
    errno = 0;
    enum rc rc = gmtime_r(&day, &tm) != NULL && strftime(utc, sizeof utc, "%y%m%d%H%M%SZ", &tm) > 0 ? OK : FAILED;
    if (rc == OK)
        rc = make_own(hostname_span(&known), span_str(utc), &text);
    if (rc == OK)
        rc = file_replace(c->state_dir, CONFIG_OWN_FILE, buf_bytes(&text));
    explicit_bzero(mem, sizeof mem);
    if (rc == OK)
        fprintf(says, "%s: made, a certificate for %s and its key\n", path, known.s);
    else
        fprintf(says, "%s: cannot be made: %s; name tls { certificate, key }\n", path,
                errno != 0 ? strerror(errno) : "no entropy or no memory");
    return rc == OK ? OK : FAILED;
}
