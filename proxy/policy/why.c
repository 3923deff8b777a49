#include "policy/why.h"

#include "base/text.h"

#include <assert.h>
#include <stdio.h>

static const struct row {
    const char *word, *enhanced, *text;
} rows[WHY__COUNT] = {
#define WHY(id, word, enhanced, text) [WHY_##id] = { word, enhanced, text },
#include "policy/why.def"
#undef WHY
};

/* What each part may take of the line, so that all of them, the longest word and the pointer to the manual fit. */
enum {
    NAME_MAX_SAID = 120,
    ADDRESS_MAX_SAID = 45,
    SENTENCE_MAX = 140,
};

const char *why_word(enum why w)
{
    return rows[w].word;
}

/* A name that is too long keeps its end: that is where the registered domain stands. */
static void put_name(struct span s, char out[NAME_MAX_SAID + 1])
{
    if (s.n > NAME_MAX_SAID) {
        const size_t dots = 3;

        (void)text_printable(SPAN("..."), out, dots + 1);
        (void)text_printable(span_from(s, s.n - (NAME_MAX_SAID - dots)), out + dots, NAME_MAX_SAID + 1 - dots);
    } else {
        (void)text_printable(s, out, NAME_MAX_SAID + 1);
    }
}

size_t why_reply(unsigned code, enum why w, const struct why_about *about, char *out, size_t cap)
{
    char host[NAME_MAX_SAID + 1], domain[NAME_MAX_SAID + 1], address[ADDRESS_MAX_SAID + 1], sentence[SENTENCE_MAX + 1];
    const bool has_host = about->host.n > 0, has_address = about->address.n > 0, has_domain = about->domain.n > 0;

    assert(w != WHY_NONE && code >= 400 && code <= 499 && cap >= WHY_REPLY_MAX);
    put_name(about->host, host);
    put_name(about->domain, domain);
    (void)text_printable(about->address, address, sizeof address);
    (void)text_printable(about->detail.n > 0 ? about->detail : span_str(rows[w].text), sentence, sizeof sentence);

    const int n =
        snprintf(out, cap, "%u %s waxseal: %s: %s%s%s%s%s%s%s%s%s; see waxseal-reasons(7)\r\n", code, rows[w].enhanced,
                 rows[w].word, host, has_host && has_address ? " " : "", has_address ? "[" : "", address,
                 has_address ? "]" : "", has_domain && (has_host || has_address) ? " for " : "", domain,
                 has_host || has_address || has_domain ? ": " : "", sentence);

    assert(n > 0 && n < WHY_REPLY_MAX);
    return (size_t)n;
}
