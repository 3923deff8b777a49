#include "role/bond.h"

#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/msg.h"
#include "role/member.h"
#include "role/privs.h"

#define LOOK_MS 1000 /* is it time yet for another pair? */

static struct bond *bond_of(struct family *f, const struct member *a, const struct member *b)
{
    return a > b ? &f->bond[a - f->member][b - f->member] : &f->bond[b - f->member][a - f->member];
}

enum rc bond_torn(struct member *m, const void *msg, size_t n)
{
    struct family *const f = m->family;
    struct wire_simple torn;

    if (n != sizeof torn)
        return MALFORMED;
    memcpy(&torn, msg, n);
    const struct member *const other =
        torn.role > ROLE_KEEPER || torn.role == m->role ? NULL : member_of(f, (enum role)torn.role, torn.index);
    if (other == NULL)
        return MALFORMED;
    if (torn.number != bond_of(f, m, other)->number)
        return OK;
    bond_of(f, m, other)->torn = true;
    timer_set(&f->mend, 0);
    return OK;
}

enum rc bond_join(const struct member *m, int fd, struct member *other)
{
    struct bond *const bond = bond_of(m->family, m, other);
    const struct wire_simple to_new = { WIRE_PEER, other->role, other->index, bond->number + 1 };
    const struct wire_simple to_old = { WIRE_PEER, m->role, m->index, bond->number + 1 };
    int pair[2];

    if (msg_pair(pair) != OK)
        return FAILED;
    *bond = (struct bond){ .number = bond->number + 1, .joined = clock_mono() };
    const enum rc rc = msg_send(fd, &to_new, sizeof to_new, &pair[0], 1);
    if (rc == OK && msg_send(other->fd, &to_old, sizeof to_old, &pair[1], 1) == AGAIN_WRITE)
        member_end(other, "it does not take its messages");
    close(pair[0]);
    close(pair[1]);
    return rc;
}

/* One of the two is not there: the next one starts with its pairs. */
static void mend_one(struct bond *bond, struct member *a, struct member *b)
{
    if (a->fd < 0 || b->fd < 0) {
        bond->torn = false;
        return;
    }
    if (clock_mono().ms - bond->joined.ms < PAIR_AGAIN_MS) {
        timer_set(&a->family->mend, LOOK_MS);
        return;
    }
    family_say(a->family, LOG_NOTICE, "%s %u and %s %u get another pair", privs_role_name(a->role), a->index,
               privs_role_name(b->role), b->index);
    bond->torn = false;
    if (bond_join(a, a->fd, b) != OK)
        member_end(a, "it has no pair to a peer");
}

void bond_mend(void *owner)
{
    struct family *const f = owner;

    for (unsigned i = 0; i < f->n; i++)
        for (unsigned k = 0; k < i; k++)
            if (f->bond[i][k].torn)
                mend_one(&f->bond[i][k], &f->member[i], &f->member[k]);
}
