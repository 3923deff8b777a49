#!/usr/bin/python3 -B
"""
Clients that begin TLS themselves, real ones: what each setting of client-starttls makes of them.

Proves A24, A26, R3, R7, R8.
"""
import hashlib
import os
import pwd
import resource
import shutil
import socket
import ssl
import struct
import threading
import time

import capture
import client
import net
import pki
import seal
import starttls
import tap
import world
from tap import equal, ok, test


def postfix(lab, level):
    lab.legacy.run('/usr/sbin/postconf', '-e', f'smtp_tls_security_level = {level}')
    lab.legacy.run('/usr/sbin/postfix', 'reload')


def post(lab, sender, name):
    """One message of this client to that domain, over the outer link; what was to be read there, and whether it arrived."""
    with capture.capture() as wire:
        marker = sender.send('bob@' + name)
        if isinstance(sender, type(lab.legacy)):
            lab.legacy.settled(['bob@' + name])
        net.until('the delivery to ' + name, lambda: lab.received(marker), 40)
    return wire


def clients(lab):
    yield 'Postfix', lab.legacy
    yield 'Exim', lab.exim
    yield 'sendmail', lab.sendmail
    yield 'OpenSMTPD', lab.opensmtpd


@test
def passthrough(lab):
    postfix(lab, 'may')
    for who, sender in clients(lab):
        count = len(lab.seal.outcomes(outcome='tunnel'))
        post(lab, sender, 'mismatch.example')
        ok(lab.seal.outcome(count=count + 1, outcome='tunnel'), f'passthrough: {who} gets its own TLS, and the line says tunnel (A24)')


class Tunnel:
    """A tunnel with both its ends in the test's hand: a server of its own behind the box."""
    AT, HELLO = '203.0.113.90', b'\x16\x03\x01hello'

    def __init__(self):
        listening = net.listener('mx', self.AT, 25)
        self.near = net.tcp('legacy')
        self.near.connect((self.AT, 25))
        self.far, _ = listening.accept()
        listening.close()
        for each in self.near, self.far:
            each.settimeout(60)
        self.far.sendall(b'220 there\r\n')
        assert self.near.recv(100) == b'220 there\r\n'
        self.near.sendall(b'STARTTLS\r\n')
        assert self.far.recv(100) == b'STARTTLS\r\n'
        self.far.sendall(b'220 go\r\n')
        assert self.near.recv(100) == b'220 go\r\n'
        self.near.sendall(self.HELLO)
        assert self.far.recv(100) == self.HELLO

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.near.close()
        self.far.close()


def drain(s, pause=0):
    """All that comes up to the end: how much, and its hash."""
    seen, n = hashlib.sha256(), 0
    while data := s.recv(1 << 20):
        seen.update(data)
        n += len(data)
        time.sleep(pause)
    return n, seen.hexdigest()


def both(tunnel, megabytes, pause=0, before_end=lambda: None):
    """Different bytes both ways at once, each behind a half-close; are they what was sent?"""
    block = os.urandom(1 << 20)
    result = {}

    def say(s, data):
        for _ in range(megabytes):
            s.sendall(data)
        before_end()
        s.shutdown(socket.SHUT_WR)

    def hear(who, s):
        result[who] = drain(s, pause)
    threads = [threading.Thread(target=say, args=(tunnel.near, block)), threading.Thread(target=say, args=(tunnel.far, block[::-1])),
               threading.Thread(target=hear, args=('far', tunnel.far)), threading.Thread(target=hear, args=('near', tunnel.near))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return result == {who: (megabytes << 20, hashlib.sha256(data * megabytes).hexdigest()) for who, data in (('far', block), ('near', block[::-1]))}


@test
def whole(lab):
    net.address('mx', 'eth0', Tunnel.AT + '/24')
    count, seen = len(lab.seal.outcomes(outcome='tunnel')), []
    with Tunnel() as t:
        idle = seal.descriptors()
        ok(both(t, 100, before_end=lambda: seen.append(seal.descriptors())), 'tunnel: 100 MB both ways at once arrive as they were sent')
        equal(seen[-1] - idle, 4, 'through a pipe each way')
    row = lab.seal.outcome(outcome='tunnel', count=count + 1)
    equal(int(row['bytes']), (200 << 20) + len(Tunnel.HELLO), 'and the line says how much it was')
    with Tunnel() as t:
        ok(both(t, 4, pause=0.05), 'tunnel: readers that take their time lose nothing')
    with Tunnel() as t:
        for s in t.near, t.far:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ok(both(t, 1), 'nor do they with the smallest windows')


@test
def ends(_):
    for first in ('near', 'far'):
        with Tunnel() as t:
            one, other = (t.near, t.far) if first == 'near' else (t.far, t.near)
            one.sendall(bytes(300000))
            one.shutdown(socket.SHUT_WR)
            n = drain(other)[0]
            other.sendall(b'behind it' * 30000)
            other.shutdown(socket.SHUT_WR)
            equal((n, drain(one)[0]), (300000, 270000), f'tunnel: the {first} side ends first and still hears the other out')
    for first in ('near', 'far'):
        with Tunnel() as t:
            one, other = (t.near, t.far) if first == 'near' else (t.far, t.near)
            one.sendall(bytes(300000))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            one.close()
            try:
                ended = drain(other)[0] <= 300000
            except ConnectionResetError:
                ended = True
            ok(ended, f'tunnel: a reset from the {first} side ends the other')


def limit(descriptors=None):
    """The worker's, from a process of its user: that needs no capability. None: as many as there may be."""
    worker = seal.pids('wax-worker')[0]
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        most = resource.prlimit(worker, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (most if descriptors is None else descriptors, most))
        os._exit(0)
    equal(os.wait()[1], 0, f'the worker may have {descriptors or "all"} descriptors')


@test
def without_pipes(_):
    with Tunnel() as t:
        before, seen = seal.descriptors(), []
        limit(3)
        ok(both(t, 20, before_end=lambda: seen.append(seal.descriptors())), 'tunnel: where descriptors have run out it is copied, and whole')
        limit()
        equal(set(seen), {before}, 'with no pipe')


@test
def nothing_stays(_):
    idle = net.until('the end of the sessions before', lambda: (n := seal.descriptors()) and (time.sleep(0.5), seal.descriptors())[1] == n and n)
    for _ in range(200):
        with Tunnel() as t:
            t.near.sendall(bytes(40000))
            t.near.shutdown(socket.SHUT_WR)
            drain(t.far)
    net.until('their descriptors to be gone', lambda: seal.descriptors() == idle)
    ok(True, 'tunnel: 200 of them leave no descriptor behind')


@test
def decline(lab):
    lab.seal.again(client_starttls='"decline"')
    tunnels = len(lab.seal.outcomes(outcome='tunnel'))
    for who, sender in clients(lab):
        count = len(lab.seal.outcomes(domain='dane-ee.example'))
        wire = post(lab, sender, 'dane-ee.example')
        line = lab.seal.outcome(domain='dane-ee.example', count=count + 1)
        equal((line['outcome'], line['auth'], wire.envelope()), ('verified', 'dane-ee', []), f'decline: {who} goes on in clear to the box and gains DANE')
    equal(len(lab.seal.outcomes(outcome='tunnel')), tunnels, 'and there is no tunnel')
    postfix(lab, 'encrypt')
    lab.legacy.send('bob@dane-ee.example')
    why = lab.legacy.settled(['bob@dane-ee.example'])
    ok('waxseal: client-starttls: ' in why.get('bob@dane-ee.example', ''), 'decline: one that insists keeps its mail and knows why', why)
    postfix(lab, 'may')


@test
def what_stands_behind_it(lab):
    with capture.capture() as wire, client.Client(world.POSTFIX, world.OTHER) as c:
        c.hello()
        c.send('STARTTLS\r\nVRFY nobody\r\nMAIL FROM:<carol@branch.zz>\r\nRCPT TO:<bob@mismatch.example>\r\n')
        codes = [c.reply().code for _ in range(4)]
        ok(codes[0] == 454 and codes[2:] == [250, 451], 'decline: what stands behind STARTTLS is answered in clear, and judged as ever (A26)', codes)
        equal(c.say('QUIT').code, 221, 'and the session goes on')
    equal(wire.envelope(), [], 'nothing of it left in clear')


def files(name):
    """What is below state-dir, with its mode and owner."""
    path = f'{seal.PLACE}/state/{name}'
    return oct(os.stat(path).st_mode & 0o777), os.stat(path).st_uid == pwd.getpwnam('nobody').pw_uid


def own():
    """The box's own certificate, as it lies in state-dir."""
    with open(seal.PLACE + '/state/starttls.pem', encoding='ascii') as f:
        return f.read()


@test
def terminate(lab):
    lab.seal.again(client_starttls='"terminate"')
    equal(files('starttls.pem'), ('0o600', True), 'terminate: certificate and key were made at the start, for the user alone')
    for level in ('may', 'encrypt'):
        postfix(lab, level)
        for who, sender in clients(lab) if level == 'may' else [('Postfix that insists', lab.legacy)]:
            count = len(lab.seal.outcomes(domain='dane-ee.example'))
            with capture.capture(end='lan') as inner:
                wire = post(lab, sender, 'dane-ee.example')
            line = lab.seal.outcome(domain='dane-ee.example', count=count + 1)
            equal((line['outcome'], line['auth'], line.get('client-tls'), wire.envelope() + inner.envelope()), ('verified', 'dane-ee', 'TLSv1.3', []),
                  f'terminate: {who} in TLS to the box, and verified by DANE behind it')
    why = mismatch(lab)
    ok('waxseal: tlsa-invalid: ' in why, 'terminate: a server with another key gets nothing', why)


def mismatch(lab):
    lab.legacy.send('bob@mismatch.example')
    return lab.legacy.settled(['bob@mismatch.example']).get('bob@mismatch.example', '')


@test
def inside(lab):
    with capture.capture(end='lan') as inner, client.Client(world.POSTFIX, world.OTHER) as c:
        outside = c.hello().text.split('\n')
        der = c.starttls()
        ok(der == ssl.PEM_cert_to_DER_cert(own()[own().index('-----BEGIN CERT'):]), 'the certificate is the one that is kept')
        equal(c.say('EHLO client.branch.zz').text.split('\n'), [each for each in outside if each != 'STARTTLS'],
              'inside, the list is the server\'s without STARTTLS (RFC 3207 4.2)')
        equal(c.say('STARTTLS').code, 503, 'there is no second TLS (R7)')
        equal(c.mail(['bob@dane-ee.example'], b'Subject: x\r\n\r\nx')[1].code, 250, 'and mail goes')
        equal(c.say('QUIT').code, 221, 'QUIT is answered')
    ok(not inner.shows(b'MAIL'), 'nothing of it was to be read between client and box')
    with client.Client(world.SMTPD, world.OTHER) as c:
        ok('STARTTLS' not in c.hello().text, 'what the server does not offer is not offered by us')


@test
def bytes_behind_it(lab):
    for what, sent in (('commands in the same segment', 'STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@branch.zz>\r\n'), ('a clear command behind the 220', 'STARTTLS\r\n')):
        with client.Client(world.POSTFIX, world.OTHER) as c:
            c.hello()
            c.send(sent)
            said = []
            try:
                said.append(c.reply().code)
                c.send('EHLO evil\r\nMAIL FROM:<evil@branch.zz>\r\n')
                said.append(c.reply())
            except client.Gone:
                pass
            ok(said in ([], [220]), f'terminate: {what}: the session ends, and nobody reads them (A26, R8)', said)
    equal([lab.seal.outcome(outcome='failed', domain='-', count=i)['reason'] for i in (1, 2)], ['early-bytes', 'handshake-failed'], 'and the log says which it was')


@test
def tickets(lab):
    for version in ('-tls1_2', '-tls1_3'):
        kept = net.FILES + '/session' + version
        for flag, wanted in (('-sess_out', 'New'), ('-sess_in', 'Reused')):
            said = net.run('legacy', ['openssl', 's_client', '-starttls', 'smtp', '-connect', world.POSTFIX + ':25', '-bind', world.OTHER + ':0', version, flag, kept, '-crlf', '-ign_eof'],
                           input='QUIT\n', check=False)
            ok(wanted + ', ' in said, f'openssl s_client {version}: {wanted.lower()}', said)


@test
def another_certificate(lab):
    before = own()
    lab.seal.stop()
    lab.seal.start()
    equal(own(), before, 'a restart keeps the certificate')
    pair = pki.leaf('box.branch.zz')
    for each in pair.key, pair.chain:
        shutil.chown(each, 'nobody')
    os.chmod(pair.key, 0o600)
    lab.seal.configure(f'tls {{ certificate = "{pair.chain}" key = "{pair.key}" }}\n', client_starttls='"terminate"')
    with open(pair.chain, encoding='ascii') as f:
        named = ssl.PEM_cert_to_DER_cert(f.read())
    with client.Client(world.POSTFIX, world.OTHER) as c:        # a session that began before goes on
        c.hello()
        lab.seal.reload()
        net.until('the certificate of the site', lambda: shown() == named)
        ok(True, 'after a reload clients are shown the certificate that the site names')
        ok(c.starttls() == named, 'sessions that were open, too')
    os.chmod(pair.key, 0o644)
    ok('everybody may read it' in net.run('gw', [seal.PROGRAMS + '/waxseald', '-c', seal.CONF, '-t'], check=False), 'a key that everybody may read is an error')


def shown():
    with client.Client(world.POSTFIX, world.OTHER) as c:
        c.hello()
        return c.starttls()


@test
def from_decline_to_terminate(lab):
    """What a reload turns on, with no certificate there yet."""
    lab.seal.again(client_starttls='"decline"')
    os.remove(seal.PLACE + '/state/starttls.pem')
    lab.seal.configure(client_starttls='"terminate"')
    net.run('gw', [seal.PROGRAMS + '/waxseald', '-c', seal.CONF, '-t'])
    ok(not os.path.exists(seal.PLACE + '/state/starttls.pem'), 'waxseald -t makes no file')
    lab.seal.reload()
    net.until('TLS on the box', shown)
    equal(files('starttls.pem'), ('0o600', True), 'a reload to terminate makes the certificate')


@test
def a_reload_inside(lab):
    """The session is the client's TLS already when the site turns to passthrough: its STARTTLS is nothing that the server may hear."""
    lab.seal.again(client_starttls='"terminate"')
    with client.Client(world.POSTFIX, world.OTHER) as c:
        c.hello()
        c.starttls()
        c.say('EHLO client.branch.zz')
        box = shown()
        lab.seal.configure(client_starttls='"passthrough"')
        lab.seal.reload()
        net.until('the server\'s own certificate', lambda: shown() != box)
        equal(c.say('STARTTLS').code, 503, 'a reload while a client is inside its TLS: there is no second one')
        equal(c.mail(['bob@dane-ee.example'], b'Subject: x\r\n\r\nx')[1].code, 250, 'and mail goes')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


def build():
    lab = seal.sealed_world()()
    lab.exim, lab.sendmail, lab.opensmtpd = starttls.exim(), starttls.sendmail(), starttls.opensmtpd()
    return lab


if __name__ == '__main__':
    tap.main(build)
