"""
box - Waxseal alone on a gateway between one client and one server, for the tests of its processes: no DNS, no TLS, level none. The lab's namespaces and TAP
(tests/lab) carry it.
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lab'))
import net                                                      # noqa: E402  (found by the line above)

PROGRAMS = os.path.join(net.TREE, os.environ.get('BUILD', 'build'))
PLACE = net.FILES + '/box'
LOG, CONF, CONTROL = PLACE + '/log', PLACE + '/waxseal.conf', PLACE + '/run/control'
CLIENT, OTHER, GATEWAY, SERVER = '192.0.2.10', '192.0.2.11', '192.0.2.1', '203.0.113.25'
ROLES = ('broker', 'worker', 'resolver', 'keeper')
DEFAULTS = {'clients': '{"192.0.2.0/24"}', 'user': '"nobody"', 'log': '"stderr"', 'state-dir': f'"{PLACE}/state"', 'control': f'"{CONTROL}"'}


class Server:
    """Says 220, answers each line with 250 and QUIT with 221."""

    def __init__(self, at):
        self.socket = net.listener('far', at, 25)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            one, _ = self.socket.accept()
            threading.Thread(target=self._talk, args=(one,), daemon=True).start()

    @staticmethod
    def _talk(one):
        with contextlib.suppress(OSError), one, one.makefile('rwb', buffering=0) as f:
            f.write(b'220 far.example ESMTP\r\n')
            for line in f:
                f.write(b'221 bye\r\n' if line.upper().startswith(b'QUIT') else b'250 far.example\r\n')


class Box:
    program = PROGRAMS + '/waxseald'

    def __init__(self, sections='', **options):
        for name in ('lan', 'gw', 'far'):
            net.namespace(name)
        net.link('lan', 'eth0', 'gw', 'lan')
        net.link('gw', 'wan', 'far', 'eth0')
        net.address('lan', 'eth0', CLIENT + '/24', OTHER + '/24')
        net.address('gw', 'lan', GATEWAY + '/24')
        net.address('gw', 'wan', '203.0.113.1/24')
        net.address('far', 'eth0', SERVER + '/24')
        net.ip('lan', f'route add default via {GATEWAY}')
        net.ip('far', 'route add default via 203.0.113.1')
        net.setting('gw', 'net/ipv4/ip_forward', 1)
        os.makedirs(PLACE)
        self.server = Server(SERVER)
        self.process = None
        self.configure(sections, **options)
        self.start()

    def configure(self, sections='', **options):
        chosen = DEFAULTS | {key.replace('_', '-'): value for key, value in options.items()}
        net.write(CONF, ''.join(f'{key} = {value}\n' for key, value in chosen.items()) + 'policy "default" { level = "none" }\n' + sections)

    def start(self):
        net.run('gw', [PROGRAMS + '/waxseal', '-c', CONF, 'rules', 'install'])
        self.process = net.spawn('gw', [self.program, '-f', '-c', CONF], LOG)
        net.until('ready', lambda: self.said('ready: '))

    def again(self, sections='', **options):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        net.write(LOG, '')
        self.configure(sections, **options)
        self.start()

    # ---- what it says
    def log(self):
        with open(LOG, encoding='utf-8', errors='replace') as f:
            return f.read()

    def said(self, pattern):
        return len(re.findall(pattern, self.log()))

    def status(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(CONTROL)
            s.sendall(b'status\n')
            with s.makefile('rb') as f:
                return json.loads(f.read())

    def sessions(self):
        return self.status()['sessions']['now']

    def pids(self, role):
        """By the name that ps shows, among the processes of this test alone: it has its own /proc."""
        found = []
        for each in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError), open(f'/proc/{each}/stat', encoding='ascii') as f:
                _, name, rest = re.split(r'[()]', f.read())
                if name == 'wax-' + role and rest.split()[0] != 'Z':    # whom nobody has waited for has ended all the same
                    found.append(int(each))
        return found

    def kill(self, role):
        for pid in self.pids(role):
            os.kill(pid, signal.SIGKILL)


class Gone(Exception):
    pass


class Client:
    """A connection from the local network; ends of any kind are Gone."""

    def __init__(self, to=SERVER, at=CLIENT, port=25, namespace='lan'):
        self.socket = net.tcp(namespace)
        if at is not None:
            self.socket.bind((at, 0))
        self.socket.settimeout(10)
        self.file = None
        try:
            self.socket.connect((to, port))
        except OSError as error:
            raise Gone(str(error)) from error
        self.file = self.socket.makefile('rwb', buffering=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.file is not None:
            self.file.close()
        self.socket.close()

    def line(self):
        try:
            line = self.file.readline()
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(str(error)) from error
        if not line:
            raise Gone('closed')
        return line.decode().rstrip()

    def says(self, text):
        try:
            self.file.write(text.encode() + b'\r\n')
        except OSError as error:
            raise Gone(str(error)) from error
        return self.line()


def greeting(**how):
    """What the first line of a new session is; '' where there is none."""
    try:
        with Client(**how) as c:
            return c.line()
    except Gone:
        return ''


def works():
    return greeting().startswith('220 far')


def run(*command, **more):
    return subprocess.run(net.in_namespace('gw', list(command)), capture_output=True, text=True, check=False, timeout=60, **more)
