/* A configuration of any bytes: refused with a word about it, or a block that passes its own check. */
#include "ops/config.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config c;
    char path[64], *words = NULL;
    size_t n = 0;
    const int fd = memfd_create("conf", MFD_CLOEXEC);
    FILE *errors = open_memstream(&words, &n);

    assert(fd >= 0 && errors != NULL && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    clearenv();
    if (config_load(path, &c, errors) == OK)
        assert(config_check(&c, sizeof c) == OK);
    else
        assert(fflush(errors) == 0 && n > 0);
    fclose(errors);
    free(words);
    close(fd);
    return 0;
}
