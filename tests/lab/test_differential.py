#!/usr/bin/python3 -B
"""
The same conversations directly and through Waxseal: what the client hears, what the server hears and what is delivered may differ by the rows of says.py alone.

Proves A16, A17, A32, A35, A36, A39-A51, A53-A58, A61, A63, A64, A73.
"""
import collections
import contextlib
import functools
import hashlib
import os
import re
import socket
import subprocess
import threading

import capture
import client
import net
import pki
import recorder
import says
import seal
import talks
import tap
import world
from tap import equal, ok, test

# server: where it is, a domain of which it is an MX host
SERVERS = {'postfix': (world.POSTFIX, 'dane-ee.example'), 'exim': (world.EXIM, 'dane-ta.example'), 'sendmail': (world.SENDMAIL, 'oppo.example'),
           'opensmtpd': (world.SMTPD, 'plain.example'), 'recorder': (world.RECORDER, 'diff.example')}
DIRECT = '192.0.2.7'                                            # a client that Waxseal leaves alone
EXEMPT = f'{{"{DIRECT}"}}'
WORD = b'waxmark' + b'0' * 16                                   # stands for the mark, which is another one each time
LOGS = {'postfix': '/var/log/mail.log', 'sendmail': '/var/log/sendmail'}
# played; mark; clear: what left in clear on the outer link; log: the commands that the server says it heard; session: what the recorder heard
Had = collections.namedtuple('Had', 'played mark clear log session')


def connect(at):
    return functools.partial(client.Client, at, world.OTHER)


def choose(server, words):
    return [talk for talk in talks.TALKS + talks.HARMLESS + talks.AMBIGUOUS
            if (not talk.needs or talk.needs in words) and (not talk.where or server in talk.where)]


class Side:
    """All conversations with all servers, one way: the servers side by side, the conversations with each one after the other."""

    def __init__(self, lab):
        self.lab, self.had = lab, {}
        begin = _size(lab, 'sendmail')
        with capture.capture() as self.wire:
            threads = [threading.Thread(target=self._all, args=(server, at, domain)) for server, (at, domain) in SERVERS.items()]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        names = [key for key in self.had if key[0] == 'sendmail']
        for key, log in zip(names, _sendmail(lab, begin, len(names) + 1)[1:]):
            self.had[key] = self.had[key]._replace(log=log)
        self._read_wire()

    def _read_wire(self):
        """What left in clear towards each server, connection by connection."""
        for server, (at, _) in SERVERS.items():
            keys = [key for key in self.had if key[0] == server]
            for key, said in zip(keys, self.wire.connections(at)[1:], strict=True):             # the first one only asked for the list
                self.had[key] = self.had[key]._replace(clear=said.split(b'\x16\x03')[0].replace(self.had[key].mark.encode(), WORD))

    def _all(self, server, at, domain):
        before = _size(self.lab, 'postfix')
        with connect(at)() as c:
            words = c.hello().text
            c.say('QUIT')
        if server == 'recorder':
            self.lab.recorder.next()
        if server == 'postfix':
            _postfix(self.lab, before)                                                          # else its end is taken for the next one's
        for talk in choose(server, words):
            mark = 'waxmark' + os.urandom(8).hex()
            before = _size(self.lab, 'postfix')
            played = talks.play(talk, connect(at), domain, mark)
            session = self.lab.recorder.next() if server == 'recorder' else None
            log = _postfix(self.lab, before) if server == 'postfix' else None
            played = played._replace(sent=played.sent.replace(mark.encode(), WORD),
                                     replies=[each.replace(mark.encode(), WORD) for each in played.replies])
            self.had[server, talk.name] = Had(played, mark, b'', log, session)


# ---- what a server says that it heard: its commands, without contents
def _size(lab, server):
    path = lab.mx[server].root + LOGS[server]
    return os.path.getsize(path) if os.path.exists(path) else 0


def _read(lab, server, since):
    with open(lab.mx[server].root + LOGS[server], 'rb') as f:
        f.seek(since)
        return f.read()


def _postfix(lab, since):
    """debug_peer_list: the session that has just ended."""
    net.until('the log', lambda: b'disconnect from unknown[192.0.2.9]' in _read(lab, 'postfix', since))
    return re.findall(rb'< unknown\[192\.0\.2\.9\]: (.*)', _read(lab, 'postfix', since))


def _sendmail(lab, since, wanted):
    """-X: a list for each of so many sessions; each process writes its part when it likes."""
    def sessions():
        found = {}
        for process, line in re.findall(rb'(?m)^(\d+) (.*)', _read(lab, 'sendmail', since)):
            found.setdefault(process, []).append(line)
        lines = [found[each] for each in sorted(found, key=int) if found[each][0].startswith(b'>>> 220')]
        return lines if len(lines) == wanted and all(re.search(rb'>>> [245]21 |<<< \[EOF\]', each[-1]) for each in lines) else None
    return [_commands(each) for each in net.until(f'{wanted} sessions of sendmail', sessions)]


def _commands(lines):
    content, found = False, []
    for line in lines:
        if not content and line.startswith(b'<<< ') and line != b'<<< [EOF]':
            found.append(line[4:])
        content = line.startswith(b'>>> 354') or (content and not line.startswith((b'<<< .\r', b'>>> ')) and line != b'<<< .')
    return found


def build():
    lab = world.World()
    lab.mx['postfix'].run('/usr/sbin/postconf', 'debug_peer_list=192.0.2.9', 'smtpd_error_sleep_time=0', 'smtpd_hard_error_limit=100')
    lab.mx['postfix'].run('/usr/sbin/postfix', 'reload')
    lab.recorder = recorder.Recorder('mx', world.RECORDER, pki.leaf('mx.diff.example'))
    lab.inside = {server: _inside(at) for server, (at, _) in SERVERS.items()}
    lab.recorder.next()
    lab.direct = Side(lab)
    net.address('legacy', 'eth0', DIRECT + '/24')
    lab.seal = seal.Seal(exempt_client=EXEMPT)
    lab.sealed = Side(lab)
    lab.compared = {key: says.Comparison(had.played, lab.sealed.had[key].played, lab.inside[key[0]].replace(b'client.', _name(had)))
                    for key, had in lab.direct.had.items()}
    lab.used = {name for found in lab.compared.values() for name in found.used}
    return lab


def _name(had):
    names = re.findall(rb'(?mi)^EHLO (\w+\.)', had.played.sent)
    return names[-1] if names else b''


def _inside(at):
    """The list that the server shows inside TLS."""
    with connect(at)() as c:
        if 'STARTTLS' not in c.hello().text:
            return b''
        c.starttls()
        c.send('EHLO client.branch.zz\r\n')
        return talks.raw_reply(c)


@test
def what_the_client_hears(lab):
    for key, found in lab.compared.items():
        ok(not found.faults, f'{key[0]}, client: {key[1]}', '\n'.join(found.faults))


@test
def what_the_server_hears(lab):
    for (server, name), found in lab.compared.items():
        had = lab.sealed.had[server, name]
        if found.faults:
            continue
        clear, sealed = says.with_upgrade(found.heard, b'[192.0.2.9]', lab.inside[server] != b'')
        real, cut = (b''.join(line for _, line in each) for each in (clear, sealed)), found.cut or b''
        _same_bytes(f'{server}, in clear: {name}', had.clear, next(real), cut if not sealed else b'')
        if had.session:
            _same_bytes(f'{server}, inside TLS: {name}', had.session.sealed.replace(had.mark.encode(), WORD), next(real), cut)
        if had.log is not None:
            equal([_shown(each) for each in had.log], [_shown(line) for kind, line in clear + sealed if kind != says.CONTENT], f'{server}, its own log: {name}')


def _same_bytes(says_what, heard, wanted, cut):
    """Where the session ends in the middle of a content, a beginning of that stands behind it."""
    ok(heard.startswith(wanted) and cut.startswith(heard[len(wanted):]) and heard[len(wanted):] != (cut or None), says_what, f'found  {heard!r}\nwanted {wanted!r}')


def _shown(line):
    return re.sub(rb'[^ -~]', b'?', line.split(b'\n')[0].rstrip(b'\r'))


@test
def what_is_delivered(lab):
    for (server, name), found in lab.compared.items():
        if server == 'recorder' or found.faults or found.cut is not None:
            continue
        one, other = (_delivered(lab.mx[server], side.had[server, name].mark) for side in (lab.direct, lab.sealed))
        equal(other, one, f'{server}, delivered: {name}: {len(one)} messages')


def _delivered(server, mark):
    """Digests of the copies, from the first line that is the client's own: what stands above is the server's trace."""
    return sorted(hashlib.sha256(each[each.index(b'X-Diff:'):].replace(mark.encode(), WORD)).hexdigest() for each in server.received(mark))


# ---- servers that say odd things, and clients that do: the recorder alone
BEHAVIOURS = {
    'a banner of many lines, with eight bits and STARTTLS in it (A13, A64)': {'greets': b'220-mx.diff.example \xe9t\xe9\r\n220-STARTTLS\r\n220-\r\n220 \r\n'},
    'replies in single bytes (A14)': {'slow': True},
    'replies of many lines, of no text, that end in LF (A64)': {'RCPT': b'250-one\r\n250-two \xff\r\n250\r\n', 'RSET': b'250\r\n', 'NOOP': b'250 lf\n',
                                                           '.': b'250-a\r\n250-b\r\n250 c\r\n'},
    'codes that differ within one reply (A66)': {'RCPT': b'250-a\r\n550 b\r\n', 'NOOP': b'550-a\r\n250 b\r\n'},
    'codes that nobody knows': {'NOOP': b'299 x\r\n', 'RSET': b'211 x\r\n', 'RCPT': b'259 x\r\n', '.': b'253 x\r\n'},
    '4xx to everything': {'RCPT': b'450 4.2.0 later\r\n', 'NOOP': b'421 4.3.0 busy\r\n', 'DATA': b'451 no\r\n', 'RSET': b'452 no\r\n'},
    'MAIL refused in several lines': {'MAIL': b'552-5.3.4 too\r\n552 5.3.4 big\r\n', 'RCPT': b'503 no MAIL\r\n', 'DATA': b'503 no MAIL\r\n'},
    'no PIPELINING (A21)': {'lists': ('SIZE', '8BITMIME')},
    'it ends behind the content': {'.': b'421 4.3.2 going down\r\n'},
    'it refuses the content': {'.': b'554 5.7.1 I do not like it\r\n'},
    'it says more than it was asked (A30)': {'NOOP': b'250 a\r\n250 b\r\n354 c\r\n'},
    'what it says is no reply (A65)': {'NOOP': b'250x\r\n'},
    'a code that cannot be one (A65)': {'NOOP': b'999 x\r\n'},
    'it greets with 554 (A10)': {'greets': b'554 go away\r\n'},
}
ODD = talks.Talk('odd servers', (talks.EHLO, 'NOOP', talks.MAIL, talks.RCPT, 'NOOP', 'DATA', talks.HEAD + b'x' + talks.END, 'RSET', 'QUIT'))
AUTH = talks.Talk('AUTH in steps (A63)', (talks.EHLO, 'AUTH LOGIN', 'YWxpY2U=', 'c2VjcmV0', talks.MAIL, talks.RCPT, 'DATA', talks.HEAD + b'x' + talks.END, 'QUIT'))


def one(lab, talk, at, **behaviour):
    lab.recorder.behaviour = recorder.Behaviour(**behaviour)
    return talks.play(talk, functools.partial(client.Client, world.RECORDER, at), 'diff.example', WORD.decode()), lab.recorder.next()


def both(lab, name, talk, **behaviour):
    (direct, _), (sealed, session) = (one(lab, talk, at, **behaviour) for at in (DIRECT, world.OTHER))
    inside = b'EHLO client.branch.zz\r\n'
    found = says.Comparison(direct, sealed, inside)
    lab.used.update(found.used)
    ok(not found.faults, f'recorder, client: {name}', '\n'.join(found.faults))
    clear, within = (b''.join(line for _, line in each) for each in says.with_upgrade(found.heard, b'', True))
    if not found.faults:
        _same_bytes(f'recorder, in clear: {name}', session.clear, clear, b'')
        _same_bytes(f'recorder, inside TLS: {name}', session.sealed, within, found.cut or b'')
    return direct, sealed, session


@test
def odd_servers(lab):
    for name, behaviour in BEHAVIOURS.items():
        both(lab, name, ODD, **behaviour)
    both(lab, AUTH.name, AUTH, lists=('PIPELINING', 'AUTH LOGIN PLAIN'), AUTH=b'334 VXNlcm5hbWU6\r\n')


@test
def goodbye_unasked(lab):
    behaviour = {'NOOP': b'250 a\r\n421 4.3.2 idle for too long\r\n', 'MAIL': None}
    (direct, _), (sealed, _) = (one(lab, ODD, at, **behaviour) for at in (DIRECT, world.OTHER))
    equal(sealed.replies[-2:], direct.replies[-2:], 'a 421 that nobody asked for passes')
    ok(sealed.end != 'open', 'and is the end')


@test
def renegotiation(lab):
    """A server that wants another handshake in the middle of a session (A35): OpenSSL's, told so between MAIL and its answer."""
    pair, path = pki.leaf('mx.renegotiates.example'), net.FILES + '/renegotiates'
    command = ['openssl', 's_server', '-unix', path, '-cert', pair.cert, '-key', pair.key, '-tls1_2', '-msg', '-crlf']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        said = []
        threading.Thread(target=lambda: [said.append(line) for line in server.stdout], daemon=True).start()
        net.until('s_server', lambda: os.path.exists(path))

        def says_then(word, answer):
            net.until(f'{word} at s_server', lambda: any(line.startswith(word) for line in said))
            server.stdin.write(answer)
            server.stdin.flush()
        lab.recorder.behaviour = recorder.Behaviour(hands_over=lambda near: _splice(near, path))
        with connect(world.RECORDER)() as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz>')
            c.send('RCPT TO:<bob@diff.example>\r\n')
            says_then(b'EHLO', b'250 mx.renegotiates.example\n')
            says_then(b'MAIL', b'R\n')
            answer = c.reply()
        server.kill()
    hellos = sum(b'ClientHello' in line for line in said)
    asked = any(b'HelloRequest' in line for line in said)
    equal((asked, hellos, answer.code // 100), (True, 1, 4), 'no second handshake, and the mail waits')
    lab.recorder.next()


def _splice(near, path):
    far = socket.socket(socket.AF_UNIX)
    far.connect(path)

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
    other = threading.Thread(target=pump, args=(far, near))
    other.start()
    pump(near, far)
    other.join()
    far.close()


@test
def ambiguous_ends_pass(lab):
    """Where the site says so, nothing of a content is refused, and every byte of it arrives (A39-A52)."""
    lab.seal.again(exempt_client=EXEMPT, ambiguous_end_of_data='"pass"')
    for talk in talks.AMBIGUOUS:
        direct, sealed, _ = both(lab, 'pass: ' + talk.name, talk)
        ok(b' waxseal: ' not in b''.join(sealed.replies), f'pass: {talk.name}: nothing of ours is said', sealed)
    lab.seal.again(exempt_client=EXEMPT)


@test
def hundred_megabytes(lab):
    """Chunks and content of 100 MB: the same digest, and the worker is not larger for it (A55, A56)."""
    block = os.urandom(1 << 20)
    grown = _resident()
    for how in ('BDAT', 'DATA'):
        lab.recorder.behaviour = recorder.Behaviour()
        digest, size = hashlib.sha256(), 100 << 20
        with connect(world.RECORDER)() as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz> BODY=BINARYMIME')
            c.say('RCPT TO:<bob@diff.example>')
            part = block if how == 'BDAT' else block.hex().encode()
            if how == 'DATA':
                c.say('DATA')
            else:
                c.send(f'BDAT {size} LAST\r\n')
            for _ in range(size // len(part)):
                c.send(part)
                digest.update(part)
            if how == 'DATA':
                c.send(talks.END)
                digest.update(talks.END)
            answer = c.reply()
            c.say('QUIT')
        session = lab.recorder.next()
        equal((answer.code, session.contents), (250, [(size + (5 if how == 'DATA' else 0), digest.hexdigest())]), f'100 MB by {how} arrive as they left')
    more = _resident() - grown
    if not seal.PROGRAMS.endswith('/asan'):                     # a sanitizer keeps what is freed
        ok(more < 1024, 'no worker has grown by 1 MB', f'{more} kB')


def _resident():
    """The most that any worker has ever had resident, in kB."""
    most = 0
    for pid in seal.pids('wax-worker'):
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            most = max(most, int(re.search(r'VmHWM:\s+(\d+)', f.read())[1]))
    return most


@test
def the_list_is_no_longer_than_it_must_be(lab):
    equal(sorted({row.name for row in says.LIST} - lab.used), [], 'each row of the list was met')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(build)
