#include "session/answer.h"

#include "base/text.h"
#include "session/channel.h"
#include "session/session.h"

#include <stdio.h>

bool answer_words(struct session *s, struct span words)
{
    return slots_answer(&s->slots, words) == OK;
}

bool answer_ok(struct session *s, const char *enhanced)
{
    char words[32];
    const bool codes = ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES);
    const int n = snprintf(words, sizeof words, "250 %s%sOk\r\n", codes ? enhanced : "", codes ? " " : "");

    return answer_words(s, span_of(words, (size_t)n));
}

bool answer_bad_sequence(struct session *s)
{
    return answer_words(s, ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES)
                               ? SPAN("503 5.5.1 Bad sequence of commands\r\n")
                               : SPAN("503 Bad sequence of commands\r\n"));
}

bool answer_refuse(struct session *s, struct slot *slot, unsigned code, enum why why, struct span detail)
{
    char words[WHY_REPLY_MAX];
    struct ask *const a = asks_of(s, slot);
    const size_t n = session_reply(s, code, why, a, detail, words);

    if (!answer_words(s, span_of(words, n)))
        return false;
    if (a != NULL) {
        a->refs--;
        if (slot->kind == SLOT_RCPT) {
            a->asked++;
            a->refused = why != WHY_CAPABILITY_DRIFT; /* the verdict would have let it go: failed, not refused */
            a->why = why;
        }
        if (slot->kind != SLOT_ADDRESS)
            text_printable(detail.n > 0 ? detail : span_str(s->far.said), a->said, sizeof a->said);
    }
    if (slot->kind == SLOT_AUTH || slot->kind == SLOT_OTHER || slot->kind == SLOT_BANNER)
        settle_session(s, a, why == WHY_CAPABILITY_DRIFT ? OUTCOME_FAILED : OUTCOME_REFUSED, why,
                       a == NULL ? span_of(NULL, 0) : span_str(a->said));
    channel_decided(s);
    return true;
}
