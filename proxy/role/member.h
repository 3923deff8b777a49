/*
 * member - what family.c and bond.c share of the broker's children, and nobody else knows.
 */
#ifndef ROLE_MEMBER_H
#define ROLE_MEMBER_H

#include "base/clock.h"
#include "role/family.h"

struct member {
    struct family *family;
    enum role role;
    unsigned index;
    pid_t pid; /* 0: not running */
    int fd;    /* our end of the pair, -1 without pid */
    struct watch watch;
    struct timer again;
    struct mono started;
    int64_t delay_ms;        /* before the next start */
    struct wire_ready ready; /* kind 0: not yet */
    unsigned restarts;
};

/* What joins two of them. */
struct bond {
    uint32_t number; /* of the present pair */
    bool torn;       /* one of the two has cut it */
    struct mono joined;
};

enum stage {  /* each is entered once, in this order */
    STARTING, /* until all were ready: a death ends it all */
    RUNNING,
    DRAIN_WORKERS,
    DRAIN_RESOLVER,
    DRAIN_KEEPER,
    OVER
};

struct family {
    struct loop *loop;
    const struct child_ops *const *roles;
    const struct family_given *given;
    const struct family_ops *ops;
    void *owner;
    int null;
    enum stage stage;
    struct timer patience; /* of the stage that drains */
    struct timer mend;     /* torn bonds */
    unsigned n;
    struct member member[PROCESSES_MAX - 1];
    struct bond bond[PROCESSES_MAX - 1][PROCESSES_MAX - 1]; /* [the later one][the earlier one] */
};

/* member_of - NULL: there is no such one. */
struct member *member_of(struct family *f, enum role role, unsigned index);

/* member_end - kills it, after saying why. */
void member_end(struct member *m, const char *why);

#endif
