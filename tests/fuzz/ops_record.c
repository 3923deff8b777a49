/* A record of a taken worker: refused, or one printable line of bounded length. A119 */
#include "ops/log.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[LOG_LINE_MAX];
    struct record r = { 0 };
    size_t n;

    memcpy(&r, data, size < sizeof r ? size : sizeof r);
    if (record_check(&r) != OK)
        return 0;
    n = log_outcome(&r, line, sizeof line);
    assert(n == strlen(line) && n < sizeof line - 1);
    for (size_t i = 0; i < n; i++)
        assert(line[i] >= ' ' && line[i] <= '~');
    return 0;
}
