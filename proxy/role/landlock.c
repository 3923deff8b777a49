#include "role/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, written out: the headers of the oldest system that we build on know only version 2. */
enum {
    CREATE_VERSION = 1,
    RULE_PATH_BENEATH = 1
};
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_REG (1ULL << 8)
#define FS_TRUNCATE (1ULL << 14)
#define NET_ALL 3ULL   /* bind and connect of TCP */
#define SCOPE_ALL 3ULL /* abstract unix sockets, signals */

struct ruleset {
    uint64_t fs, net, scoped;
};
struct path_beneath {
    uint64_t access;
    int32_t parent;
} __attribute__((packed));

/* What a version of the kernel can forbid: a bit that it does not know is an error, one that we leave out is free. */
static size_t everything(unsigned version, bool network, struct ruleset *out)
{
    const unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;

    *out = (struct ruleset){ .fs = (1ULL << bits) - 1, .net = network ? 0 : NET_ALL, .scoped = SCOPE_ALL };
    return version >= 6 ? sizeof *out : version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static enum rc allow(int ruleset, uint64_t handled, const struct landlock_path *p)
{
    struct path_beneath rule = { .parent = open(p->path, O_PATH | O_CLOEXEC) };
    struct stat st;
    long done = -1;

    if (rule.parent < 0)
        return errno == ENOENT ? OK : FAILED;
    rule.access = FS_READ_FILE | (p->write ? FS_WRITE_FILE | FS_TRUNCATE : 0);
    if (fstat(rule.parent, &st) == 0) {
        if (S_ISDIR(st.st_mode)) /* these rights are an error on anything else */
            rule.access |= FS_READ_DIR | (p->write ? FS_REMOVE_FILE | FS_MAKE_REG : 0);
        rule.access &= handled;
        done = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0U);
    }
    close(rule.parent);
    return done == 0 ? OK : FAILED;
}

enum rc landlock_enter(const struct landlock_path *paths, size_t n, bool network, unsigned *version)
{
    const long has = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);
    struct ruleset all;
    enum rc rc = OK;

    *version = 0;
    if (has <= 0)
        return OK;
    const size_t size = everything((unsigned)has, network, &all);
    const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0U);
    if (ruleset < 0)
        return FAILED;
    for (size_t i = 0; i < n && rc == OK; i++)
        rc = allow(ruleset, all.fs, &paths[i]);
    if (rc == OK && syscall(SYS_landlock_restrict_self, ruleset, 0U) != 0)
        rc = FAILED;
    close(ruleset);
    if (rc == OK)
        *version = (unsigned)has;
    return rc;
}
