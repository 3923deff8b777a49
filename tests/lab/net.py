"""
net - the lab's own kernel view: namespaces, links, processes and sockets in them.

The whole lab runs below one `unshare --pid --mount --net`: its first process is the lab program itself, so that whatever way it ends, `kill -9` included,
the kernel takes every process, namespace, mount and rule with it. All files lie on a tmpfs that only this mount namespace sees (FILES) and go the same way.
Only documentation addresses (RFC 5737, RFC 3849) are used, and none of them is ever routed out: there is no link to the machine's own network.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
FILES = '/run/lab'
PACKAGES = TREE + '/build/lab'                  # what tests/install unpacked
INSIDE = 'WAXSEAL_LAB'
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Puts the running program into a lab of its own, from its first line. Returns inside it; files are there, and no network yet."""
    if os.environ.get(INSIDE) != str(os.getpid()):
        if os.getuid() != 0:
            sys.exit('the lab needs root: it makes network namespaces')
        subprocess.run([TREE + '/tests/install'], check=True)
        os.environ[INSIDE] = '1'
        os.execvp('unshare', ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable, '-B'] + sys.argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sh('mount -t tmpfs -o mode=755 lab /run')
    os.makedirs(FILES)
    os.umask(0o022)


def sh(command):
    subprocess.run(command if isinstance(command, list) else command.split(), check=True)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def until(what, probe, seconds=20, pause=0.05):
    """Waits for a true answer of `probe` and returns it; a lab that does not get there ends with what it waited for."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f'{what}: not within {seconds} s')
        time.sleep(pause)


# ---- namespaces and links ----------------------------------------------------------------------------------------------------------
def namespace(name):
    sh(f'ip netns add {name}')
    ip(name, 'link set lo up')
    for switch in ('all', 'default'):                   # addresses are usable at once, and nothing appears by itself
        setting(name, f'net/ipv6/conf/{switch}/accept_dad', 0)
        setting(name, f'net/ipv6/conf/{switch}/accept_ra', 0)


def ip(name, *commands):
    subprocess.run(['ip', '-n', name, '-batch', '-'], input='\n'.join(commands), text=True, check=True)


def setting(name, key, value):
    with inside(name), open('/proc/sys/' + key, 'w', encoding='ascii') as f:
        f.write(str(value))


def link(a, a_end, b, b_end):
    """A cable between two namespaces, both ends up."""
    sh(f'ip link add {a_end} netns {a} type veth peer name {b_end} netns {b}')
    ip(a, f'link set {a_end} up')
    ip(b, f'link set {b_end} up')


def address(name, end, *addresses):
    ip(name, *(f'addr add {each} dev {end}' + (' nodad' if ':' in each else '') for each in addresses))


def rules(name, text):
    """Loads nftables rules (of the lab's own: NAT, broken links) in a namespace."""
    subprocess.run(['nsenter', '--net=/run/netns/' + name, 'nft', '-f', '-'], input=text, text=True, check=True)


@contextlib.contextmanager
def inside(name):
    """In this block, sockets that this thread makes belong to the namespace (they stay there afterwards)."""
    with open('/proc/thread-self/ns/net', 'rb') as here, open('/run/netns/' + name, 'rb') as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(here)


def _enter(f):
    if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def tcp(name, family=socket.AF_INET):
    with inside(name):
        return socket.socket(family, socket.SOCK_STREAM)


def listener(name, at, port):
    s = tcp(name, family_of(at))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((at, port))
    s.listen(64)
    return s


def family_of(at):
    return socket.AF_INET6 if ':' in at else socket.AF_INET


def accepts(name, at, port=25):
    """Whether someone takes connections there."""
    with tcp(name, family_of(at)) as s:
        s.settimeout(2)
        return s.connect_ex((at, port)) == 0


def connected(name, port):
    """How many connections to that port this namespace has."""
    found = 0
    for table in ('tcp', 'tcp6'):
        for line in run(name, ['cat', '/proc/net/' + table]).splitlines()[1:]:
            _, _, remote, state = line.split()[:4]
            found += state == '01' and int(remote.rsplit(':', 1)[1], 16) == port
    return found


# ---- processes -----------------------------------------------------------------------------------------------------------------------
def in_namespace(name, command, root=None):
    return ['nsenter', '--net=/run/netns/' + name] + (['chroot', root] if root else []) + command


def spawn(name, command, log, root=None, **more):
    """Starts a server in a namespace (and, where given, below a root of its own); what it prints goes to the file `log`."""
    with open(log, 'ab') as out:
        return subprocess.Popen(in_namespace(name, command, root), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **more)


def run(name, command, root=None, check=True, **more):
    """Runs a command in a namespace to its end; what it printed comes back."""
    done = subprocess.run(in_namespace(name, command, root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if check and done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: exit {done.returncode}: {done.stdout}')
    return done.stdout


# ---- a file system of its own for a server ----------------------------------------------------------------------------------------------
def overlay(name, *packages):
    """
    The machine's own files, read only, below a layer that holds the unpacked packages and takes every write: a server with its users and its /etc that the
    machine never sees. The packages are copied, since overlayfs refuses layers of which one lies in another.
    """
    place = f'{FILES}/roots/{name}'
    root = place + '/root'
    for folder in ('upper', 'work', 'root'):
        os.makedirs(f'{place}/{folder}')
    for each in packages:
        sh(['cp', '-a', f'{PACKAGES}/{each}/.', place + '/upper'])
    sh(f'mount -t overlay -o lowerdir=/,upperdir={place}/upper,workdir={place}/work {name} {root}')
    sh(f'mount -t proc proc {root}/proc')
    sh(f'mount --rbind /dev {root}/dev')
    os.makedirs(root + '/run', exist_ok=True)
    sh(f'mount -t tmpfs -o mode=755 run {root}/run')
    return root


def user(root, name, uid):
    """A user and its group, in that root alone."""
    for file, line in (('passwd', f'{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n'), ('group', f'{name}:x:{uid}:\n')):
        with open(f'{root}/etc/{file}', encoding='utf-8') as f:
            kept = [each for each in f if not each.startswith(name + ':')]
        write(f'{root}/etc/{file}', ''.join(kept) + line)


def folder(root, path, owner=None, mode=0o755):
    os.makedirs(root + path, exist_ok=True)
    os.chmod(root + path, mode)
    if owner is not None:
        os.chown(root + path, owner, owner)


def syslog(root, path):
    """Gives that root a /dev of its own, whose log is appended to the file `path` by a thread of ours."""
    sh(f'umount -R {root}/dev')
    sh(f'mount -t tmpfs -o mode=755 dev {root}/dev')
    for name in ('null', 'zero', 'full', 'random', 'urandom', 'tty'):
        write(f'{root}/dev/{name}', '')
        sh(f'mount --bind /dev/{name} {root}/dev/{name}')
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(root + '/dev/log')
    os.chmod(root + '/dev/log', 0o666)

    def listen():
        while True:
            line = log.recv(65536)
            with open(path, 'ab') as f:
                f.write(line.rstrip(b'\n\0') + b'\n')
    threading.Thread(target=listen, daemon=True).start()


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
