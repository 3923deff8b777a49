#include "waxseal_memory.h"
#include "waxseal.h"
#include "waxseal_report.h"

#include <stdio.h>
#include <stdlib.h>

void memory_add(cJSON *root, const struct config *config, const struct hostname *domain)
{
    char request[CONTROL_REQUEST_MAX];
    const char *why;
    char *answer;
    cJSON *memory;

    snprintf(request, sizeof request, "memory %s\n", domain->s);
    answer = control_ask(config, request, &why);
    memory = answer == NULL ? NULL : cJSON_Parse(answer);
    free(answer);
    if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(memory, "failures"))) {
        cJSON_Delete(memory);
        memory = cJSON_CreateString("unknown");
    }
    (void)cJSON_AddItemToObject(root, "memory", memory);
}

static double number(const cJSON *from, const char *key)
{
    const cJSON *const v = cJSON_GetObjectItemCaseSensitive(from, key);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

void memory_words(const cJSON *root)
{
    const cJSON *const memory = cJSON_GetObjectItemCaseSensitive(root, "memory");
    const cJSON *const failures = cJSON_GetObjectItemCaseSensitive(memory, "failures"), *each;

    if (failures == NULL) {
        puts("what the box remembers is unknown: no daemon answers");
        return;
    }
    if (cJSON_GetArraySize(failures) == 0)
        puts("the box remembers no failed handshake");
    cJSON_ArrayForEach(each, failures)
        printf("TLS of %s failed for %s %.0f s ago, first %.0f s ago%s\n", report_text(each, "host"),
               report_text(each, "client"), number(each, "last"), number(each, "first"),
               cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(each, "clear")) ? ": clear text may follow the next" : "");
    if (number(memory, "more") > 0)
        printf("and %.0f more\n", number(memory, "more"));
}
