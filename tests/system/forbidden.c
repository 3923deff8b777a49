/*
 * Each role, entered as the daemon enters it (privs_broker, privs_child, privs_confine), tries what it may not do and
 * what it must still be able to do. A worker that was taken over can open, connect and run nothing; the others neither
 * more than their work.     DESIGN.md 'Processes'. Needs root: run it by tests/system/privileges.
 */
#include "io/loop.h"
#include "ops/anchors.h"
#include "role/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534

enum want {
    DIES,     /* SIGSYS: the filter ends the process */
    REFUSED,  /* an error, and nothing happened; or SIGSYS, as the TLS library of the build has it */
    LANDLOCK, /* an error where the kernel has Landlock */
    DOES
};

static struct config config;
static struct sockaddr_in local; /* where a listener of this test waits */
static int spare = -1;           /* a TCP socket from before the filter: a mistake that must not help */
static int listening = -1;
static char outside[] = "/etc/passwd", inside[CONFIG_PATH_MAX + 8], anchor[CONFIG_PATH_MAX];
static char keys_folder[CONFIG_PATH_MAX], keys[CONFIG_PATH_MAX + 8];

static int opens(const char *path, int flags)
{
    const int fd = open(path, flags, 0600);

    return fd < 0 ? errno : (close(fd), 0);
}

static int makes(int family, int type, int protocol)
{
    const int fd = socket(family, type, protocol);

    return fd < 0 ? errno : (close(fd), 0);
}

static int open_outside(void)
{
    return opens(outside, O_RDONLY);
}
static int write_outside(void)
{
    return opens("/tmp/waxseal-forbidden", O_WRONLY | O_CREAT);
}
static int write_keys(void)
{
    return opens(keys, O_WRONLY | O_CREAT);
}

static int write_inside(void)
{
    return opens(inside, O_WRONLY | O_CREAT);
}
static int open_anchor(void)
{
    return opens(anchor, O_RDONLY);
}
static int write_anchor(void)
{
    return opens(anchor, O_WRONLY);
}
static int socket_tcp(void)
{
    return makes(AF_INET, SOCK_STREAM, 0);
}
static int socket_udp6(void)
{
    return makes(AF_INET6, SOCK_DGRAM, 0);
}
static int socket_unix(void)
{
    return makes(AF_UNIX, SOCK_DGRAM, 0);
}
static int socket_netlink(void)
{
    return makes(AF_NETLINK, SOCK_RAW, 0);
}
static int socket_packet(void)
{
    return makes(AF_PACKET, SOCK_RAW, 0);
}
static int connects(void)
{
    return connect(spare, (const struct sockaddr *)&local, sizeof local) == 0 ? 0 : errno;
}
static int binds(void)
{
    const struct sockaddr_in any = { .sin_family = AF_INET };

    return bind(spare, (const struct sockaddr *)&any, sizeof any) == 0 ? 0 : errno;
}
static int accepts(void)
{
    return accept(listening, NULL, NULL) >= 0 ? 0 : errno;
}
static int fast_open(void) /* connects without connect() */
{
    return sendto(spare, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&local, sizeof local) == 1 ? 0 : errno;
}
static int fast_message(void)
{
    struct iovec byte = { .iov_base = "x", .iov_len = 1 };
    struct msghdr m = { .msg_name = &local, .msg_namelen = sizeof local, .msg_iov = &byte, .msg_iovlen = 1 };

    return sendmsg(spare, &m, MSG_FASTOPEN) == 1 ? 0 : errno;
}
static int transparent(void)
{
    const int on = 1;

    return setsockopt(spare, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) == 0 ? 0 : errno;
}
static int iptables(void)
{
    char table[256] = "filter";

    return setsockopt(spare, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */, table, sizeof table) == 0 ? 0 : errno;
}
static int runs(void)
{
    char *argv[] = { (char[]){ "true" }, NULL };

    execv("/bin/true", argv);
    return errno;
}
static int forks(void)
{
    const pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : errno;
}
static int signals(void)
{
    return kill(getppid(), SIGCONT) == 0 ? 0 : errno;
}
static int traces(void)
{
    return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 0 : errno;
}
static int reads_others(void)
{
    struct iovec iov = { &local, sizeof local };

    return process_vm_readv(getppid(), &iov, 1, &iov, 1, 0) >= 0 ? 0 : errno;
}
static int makes_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}
static int changes_owner(void)
{
    return chown(inside, 0, 0) == 0 ? 0 : errno;
}
static int becomes_root(void)
{
    return setuid(0) == 0 ? 0 : errno;
}
static int mounts(void)
{
    return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0 ? 0 : errno;
}
static int allocates(void)
{
    void *big = malloc(1 << 22);
    int done = big == NULL ? ENOMEM : 0;

    free(big);
    return done;
}
static int carries(void) /* io/duct */
{
    int from[2], to[2];

    if (pipe2(from, O_NONBLOCK | O_CLOEXEC) != 0 || pipe2(to, O_NONBLOCK | O_CLOEXEC) != 0 ||
        fcntl(to[1], F_SETPIPE_SZ, 65536) < 0 || write(from[1], "x", 1) != 1 ||
        splice(from[0], NULL, to[1], NULL, 1, SPLICE_F_MOVE | SPLICE_F_NONBLOCK) != 1)
        return errno;
    return 0;
}
static int spins(void)
{
    while (clock() < 20 * CLOCKS_PER_SEC)
        ;
    return 0;
}

static int aborts(void)
{
    abort();
}

static const struct {
    enum role role;
    enum want want;
    int (*act)(void);
    const char *says;
} acts[] = {
    { ROLE_WORKER, REFUSED, open_outside, "open a file" },
    { ROLE_WORKER, REFUSED, write_inside, "write in state-dir" },
    { ROLE_WORKER, DIES, socket_tcp, "make a TCP socket" },
    { ROLE_WORKER, DIES, socket_unix, "make a local socket" },
    { ROLE_WORKER, DIES, connects, "connect a socket that it was left" },
    { ROLE_WORKER, DIES, binds, "bind" },
    { ROLE_WORKER, DIES, accepts, "accept" },
    { ROLE_WORKER, DIES, fast_open, "connect by sending (TCP fast open)" },
    { ROLE_WORKER, DIES, fast_message, "and by sending a message" },
    { ROLE_WORKER, DIES, runs, "run a program" },
    { ROLE_WORKER, DIES, forks, "fork" },
    { ROLE_WORKER, DIES, signals, "signal another process" },
    { ROLE_WORKER, DIES, traces, "trace" },
    { ROLE_WORKER, DIES, reads_others, "read another process's memory" },
    { ROLE_WORKER, DIES, makes_code, "make memory that is writable and executable" },
    { ROLE_WORKER, DIES, becomes_root, "become root" },
    { ROLE_WORKER, DOES, allocates, "allocate" },
    { ROLE_WORKER, DOES, carries, "let the kernel carry bytes through a pipe" },

    { ROLE_RESOLVER, DOES, socket_tcp, "make a TCP socket" },
    { ROLE_RESOLVER, DOES, socket_udp6, "make a UDP socket" },
    { ROLE_RESOLVER, DOES, connects, "connect" },
    { ROLE_RESOLVER, DOES, open_anchor, "read its trust anchor" },
    { ROLE_RESOLVER, LANDLOCK, write_anchor, "write its trust anchor" },
    { ROLE_RESOLVER, LANDLOCK, open_outside, "read another file" },
    { ROLE_RESOLVER, LANDLOCK, write_inside, "write in state-dir" },
    { ROLE_RESOLVER, DOES, write_keys, "write in its folder of the root's keys" },
    { ROLE_RESOLVER, DIES, socket_unix, "make a local socket" },
    { ROLE_RESOLVER, DIES, socket_netlink, "speak netlink" },
    { ROLE_RESOLVER, DIES, accepts, "accept" },
    { ROLE_RESOLVER, DIES, runs, "run a program" },
    { ROLE_RESOLVER, DIES, forks, "fork" },
    { ROLE_RESOLVER, DIES, signals, "signal another process" },
    { ROLE_RESOLVER, DIES, makes_code, "make memory that is writable and executable" },

    { ROLE_KEEPER, DOES, write_inside, "write in state-dir" },
    { ROLE_KEEPER, LANDLOCK, write_keys, "write in the resolver's folder of the root's keys" },
    { ROLE_KEEPER, LANDLOCK, write_outside, "write elsewhere" },
    { ROLE_KEEPER, LANDLOCK, open_outside, "read elsewhere" },
    { ROLE_KEEPER, DIES, socket_tcp, "make a TCP socket" },
    { ROLE_KEEPER, DIES, socket_udp6, "make a UDP socket" },
    { ROLE_KEEPER, DIES, binds, "bind" },
    { ROLE_KEEPER, DIES, changes_owner, "give a file away" },
    { ROLE_KEEPER, DIES, runs, "run a program" },
    { ROLE_KEEPER, DIES, forks, "fork" },
    { ROLE_KEEPER, DIES, signals, "signal another process" },

    { ROLE_BROKER, DOES, socket_tcp, "make a TCP socket" },
    { ROLE_BROKER, DOES, transparent, "make it transparent" },
    { ROLE_BROKER, DOES, connects, "connect" },
    { ROLE_BROKER, DOES, forks, "fork a child" },
    { ROLE_BROKER, DIES, runs, "run a program" },
    { ROLE_BROKER, DIES, socket_netlink, "change rules or routes by netlink" },
    { ROLE_BROKER, DIES, socket_packet, "capture packets" },
    { ROLE_BROKER, DIES, iptables, "change rules by iptables' socket option" },
    { ROLE_BROKER, DIES, traces, "trace" },
    { ROLE_BROKER, DIES, becomes_root, "become root" },
    { ROLE_BROKER, DIES, mounts, "mount" },
    { ROLE_BROKER, DIES, makes_code, "make memory that is writable and executable" },
};

/* Ways to end that the filter must leave open. */
static const struct {
    int (*act)(void);
    int signal;
    const char *says;
} ends[] = {
    { aborts, SIGABRT, "a failed assertion still ends as one" },
    { spins, SIGXCPU, "a worker that never comes back to its loop is ended (A107)" },
};

enum {
    DID = 0,
    SAID_NO = 1,
    NO_LANDLOCK = 2,
    NOT_ENTERED = 3
};

/* A child's whole life: the drops of the daemon, then one act. */
static int attempt(enum role role, int (*act)(void), pid_t parent)
{
    unsigned landlock = 0;

    spare = socket(AF_INET, SOCK_STREAM, 0);
    if (privs_broker(NOBODY, NOBODY) != OK || privs_confine(ROLE_BROKER, &config, &landlock) != OK)
        return NOT_ENTERED;
    if (role != ROLE_BROKER &&
        (privs_child(parent) != OK || loop_guard(200) != OK || privs_confine(role, &config, &landlock) != OK))
        return NOT_ENTERED;
    if (act() == 0)
        return landlock == 0 ? NO_LANDLOCK : DID;
    return SAID_NO;
}

static int status_of(enum role role, int (*act)(void))
{
    const pid_t parent = getpid(), pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(attempt(role, act, parent));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    return status;
}

/* What came of it, against what must: NULL when they agree, "skip", or what happened. */
static const char *judge(enum want want, int status)
{
    static char text[64];
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (want == LANDLOCK && code == NO_LANDLOCK)
        return "skip";
    if (((want == DIES || want == REFUSED) && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) ||
        ((want == REFUSED || want == LANDLOCK) && code == SAID_NO) ||
        (want == DOES && (code == DID || code == NO_LANDLOCK)))
        return NULL;
    (void)snprintf(text, sizeof text, "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
                   WIFSIGNALED(status) ? WTERMSIG(status) : code);
    return text;
}

static void prepare(void)
{
    const int on = 1;
    socklen_t len = sizeof local;
    char folder[] = "/tmp/waxseal-forbidden.XXXXXX";

    if (mkdtemp(folder) == NULL || chown(folder, NOBODY, NOBODY) != 0)
        exit(2);
    (void)snprintf(config.state_dir, sizeof config.state_dir, "%s", folder);
    (void)snprintf(inside, sizeof inside, "%s/file", config.state_dir);
    (void)snprintf(config.control, sizeof config.control, "%s.control", folder);
    anchors_folder(config.control, keys_folder);
    (void)snprintf(keys, sizeof keys, "%s/file", keys_folder);
    if (mkdir(keys_folder, 0700) != 0 || chown(keys_folder, NOBODY, NOBODY) != 0)
        exit(2);
    (void)snprintf(anchor, sizeof anchor, "%s.key", folder);
    (void)snprintf(config.trust_anchor, sizeof config.trust_anchor, "%s", anchor);
    const int key = open(anchor, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (key < 0 || fchown(key, NOBODY, NOBODY) != 0)
        exit(2);
    close(key);

    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    local = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listening, (const struct sockaddr *)&local, sizeof local) != 0 || listen(listening, 64) != 0 ||
        getsockname(listening, (struct sockaddr *)&local, &len) != 0)
        exit(2);
}

int main(void)
{
    const size_t n = sizeof acts / sizeof acts[0];
    size_t bad = 0;

    prepare();
    for (size_t i = 0; i < n; i++) {
        static const char *const wants[] = { "cannot", "cannot", "cannot", "can" };
        const char *const got = judge(acts[i].want, status_of(acts[i].role, acts[i].act));
        const bool skip = got != NULL && strcmp(got, "skip") == 0;

        bad += got != NULL && !skip;
        printf("%s %zu - the %s %s %s%s%s%s\n", got == NULL || skip ? "ok" : "not ok", i + 1,
               privs_role_name(acts[i].role), wants[acts[i].want], acts[i].says, got == NULL ? "" : " # ",
               skip          ? "SKIP no Landlock in this kernel"
               : got == NULL ? ""
                             : got,
               "");
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const int status = status_of(ROLE_WORKER, ends[i].act);
        const bool well = WIFSIGNALED(status) && WTERMSIG(status) == ends[i].signal;

        bad += !well;
        printf("%s %zu - %s\n", well ? "ok" : "not ok", n + i + 1, ends[i].says);
    }
    printf("1..%zu\n", n + sizeof ends / sizeof ends[0]);
    unlink(inside);
    unlink(keys);
    rmdir(keys_folder);
    unlink(anchor);
    rmdir(config.state_dir);
    return bad != 0;
}
