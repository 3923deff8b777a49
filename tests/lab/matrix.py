#!/usr/bin/python3 -B
"""
matrix - every mail client of the lab to every mail server, with messages that are hard to carry: what arrives is what arrives without Waxseal.

A client may rewrite what it is given (and some do), and a server too. So each message is sent twice: with the rules removed, and with Waxseal on the way. Both must
end in the same way, and what the server keeps must be the same, byte for byte, but for the trace headers of the day. In the sealed round the outcome line must be
the one that the server's domain deserves, and the outer wire must show nothing of what is sealed.

`make matrix` runs all of it, test_matrix.py a small part: each client once, each server twice.

Proves A54, A55, A58, A62 (a DKIM signature made before the client still verifies behind the server).
"""
import base64
import collections
import hashlib
import json
import re
import time

import capture
import dkim
import mta_clients
import net
import pki
import seal
import tap
import world
from tap import equal, ok

Route = collections.namedtuple('Route', 'domain at outcome')
SERVERS = {
    'postfix': Route('dane-ee.example', world.POSTFIX, 'verified'),
    'exim': Route('dane-ta.example', world.EXIM, 'verified'),
    'sendmail': Route('oppo.example', world.SENDMAIL, 'encrypted'),
    'opensmtpd': Route('plain.example', world.SMTPD, 'cleartext'),
}

END = b'waxend'                                                 # the last word of each message: it is whole
MIME = b'MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: 8bit\n'


def _around(size):
    """Lines that put a dot, alone or leading, on every offset around `size` bytes."""
    return b''.join(b'a' * (size + i - 2) + b'\n.\n' + b'b' * (size + i - 2) + b'\n.c\n' for i in range(-4, 5))


# What each message has behind its common header; a body without `\n` in front brings header lines of its own.
MESSAGES = {
    'plain': b'\nHello.\n' + END + b'\n',
    '8 bit, declared': MIME % b'utf-8' + '\nGrüße, žluťoučký kůň, 山\n'.encode() + END + b'\n',
    '8 bit, undeclared': b'\n' + bytes(range(128, 256)) + b'\n' + END + b'\n',
    'line of 100 kB': b'\nbefore\n' + b'0123456789' * 10_000 + b'\n' + END + b'\n',
    'dots': b'\n.\n..\n...\n.leading\n\n.\n\n. \n.\t\n' + _around(500) + END + b'\n.\n',
    'dots at 1000 bytes': b'\n' + _around(1000) + END + b'\n',
    'no final newline': b'\nHello.\n.\n' + END,
    'CRLF': b'\r\nHello.\r\n.\r\n..\r\n' + END + b'\r\n',
    '30 MB': b'\n' + b''.join(hashlib.sha256(b'%d' % i).hexdigest().encode() + b'\n' for i in range(30_000_000 // 65)) + END + b'\n',
}
SMALL = ('plain', 'dots')
# OpenSMTPD says 500 in the middle of such a line and resets the connection: directly it is chance whether a client hears the reply or the reset.
CHANCE = ('opensmtpd', 'line of 100 kB')
# A copy of a message as a server kept it, and what its client says of it.
Arrival = collections.namedtuple('Arrival', 'verdict copies')


class Signer:
    """DKIM (RFC 6376) over body and header, relaxed: what mail servers may do on the way is allowed for, and nothing else."""

    def __init__(self):
        pair = pki.leaf('dkim.branch.zz', key_kind='rsa')
        with open(pair.key, 'rb') as f:
            self.key = f.read()
        self.record = b'v=DKIM1; k=rsa; p=' + base64.b64encode(pki.public_key(pair))

    def sign(self, message):
        head = dkim.sign(message, b'lab', b'branch.zz', self.key, canonicalize=(b'relaxed', b'relaxed'), include_headers=[b'from', b'to', b'subject', b'date'])
        return head.replace(b'\r\n', b'\n') + message

    def verifies(self, message):
        return dkim.verify(message, dnsfunc=lambda name, timeout=5: self.record)


def compose(marker, recipient, kind):
    end = b'\r\n' if kind == 'CRLF' else b'\n'
    head = f'From: {mta_clients.SENDER}\nTo: {recipient}\nSubject: {kind}\nDate: {time.strftime("%a, %d %b %Y 12:00:00 +0000")}\n' \
           f'Message-ID: <{marker}@branch.zz>\nX-Marker: {marker}\n'
    return head.encode().replace(b'\n', end) + MESSAGES[kind]


TRACE = re.compile(rb'^Received:[^\n]*\n([ \t][^\n]*\n)*', re.M | re.I)


def without_trace(message):
    head, gap, body = re.match(rb'(.*?\n)(\r?\n|\Z)(.*)', message, re.S).groups()
    return TRACE.sub(b'', head) + gap + body


class Matrix:
    """One run. `cells`: {(client, server): [kinds]}."""

    def __init__(self, lab, cells):
        self.lab, self.cells, self.signer = lab, cells, Signer()
        self.clients = mta_clients.all_of(lab, {each.domain: each.at for each in SERVERS.values()})
        self.arrived = {}                                       # (sealed, client, server, kind): Arrival
        self.messages = {}

    def message(self, client, server, kind):
        key = client.name, server, kind
        if key not in self.messages:
            marker = f'waxmark{client.name}{server}{list(MESSAGES).index(kind)}'
            text = compose(marker, 'bob@' + SERVERS[server].domain, kind)
            self.messages[key] = self.signer.sign(text) if kind == 'plain' else text
        return self.messages[key]

    def round(self, client, sealed):
        """All messages of one client, one after the other."""
        for server, route in SERVERS.items():
            for kind in self.cells.get((client.name, server), []):
                began, who = time.monotonic(), 'bob@' + route.domain
                verdict = client.send(who, self.message(client, server, kind), [route.at])
                inbox = self.lab.mx[server]
                if verdict == mta_clients.SENT:
                    net.until(f'{client.name} to {server}: {kind}', lambda inbox=inbox: inbox.count(), 120)
                else:
                    client.forget()                             # or the next message waits with this one, and this one's copies are taken for the next one's
                self.arrived[sealed, client.name, server, kind] = Arrival(verdict, [without_trace(each) for each in inbox.drain()])
                tap.note(f'{"sealed" if sealed else "direct"} {client.name} {server} {kind}: {verdict} {time.monotonic() - began:.1f} s')
        net.until('the end of connections', lambda: not net.connected(client.namespace, 25), 60)

    def direct(self):
        self.lab.seal.tool('rules', 'remove')
        for client in self.clients:
            self.round(client, False)
        self.lab.seal.tool('rules', 'install')

    def judge(self, client):
        """The sealed round of one client, against its direct one."""
        net.until('the end of sessions', lambda: json.loads(self.lab.seal.tool('status', '--json', check=False))['sessions']['now'] == 0)     # and so its line
        before = {server: len(self.outcomes(server)) for server in SERVERS}
        with capture.capture() as wire:
            self.round(client, True)
        for server, route in SERVERS.items():
            kinds = self.cells.get((client.name, server), [])
            for kind in kinds:
                self.same(client, server, kind)
            sent = sum(self.arrived[True, client.name, server, kind].verdict == mta_clients.SENT for kind in kinds)
            if kinds:
                net.until('its outcome lines', lambda: len(self.outcomes(server)) >= before[server] + sent)
                fates = collections.Counter(self.outcomes(server)[before[server]:])
                equal(fates.pop(route.outcome, 0), sent, f'{client.name} to {server}: {route.outcome}, each message that was taken')
                ok(set(fates) <= {'failed'} and fates['failed'] <= len(kinds) - sent, f'{client.name} to {server}: what was not taken has failed, nothing else', fates)
            if kinds and route.outcome != 'cleartext':
                equal((wire.envelope(route.at), wire.shows(b'waxmark', route.at)), ([], False), f'{client.name} to {server}: nothing is to be read on the wire')
            if kinds and route.outcome == 'cleartext':
                ok(wire.shows(b'waxmark', route.at), f'{client.name} to {server}: the same check finds what went in clear')

    def outcomes(self, server):
        return [each['outcome'] for each in self.lab.seal.outcomes(domain=SERVERS[server].domain)]

    def same(self, client, server, kind):
        direct, sealed = (self.arrived[way, client.name, server, kind] for way in (False, True))
        what = f'{client.name} to {server}, {kind}'
        if (server, kind) == CHANCE and direct.verdict != mta_clients.SENT:
            ok(sealed.verdict != mta_clients.SENT and sealed.copies == direct.copies == [], f'{what}: not taken, directly and sealed')
        elif not equal((sealed.verdict, len(sealed.copies)), (direct.verdict, len(direct.copies)), f'{what}: {direct.verdict} directly and sealed'):
            tap.note(client.said()[-1500:])
        if direct.verdict == mta_clients.SENT and ok(len(sealed.copies) == 1, f'{what}: exactly one copy'):
            ok(sealed.copies == direct.copies and END in sealed.copies[0], f'{what}: byte for byte what arrives directly', _difference(direct, sealed))
            if kind == 'plain':
                ok(self.signer.verifies(sealed.copies[0]), f'{what}: its DKIM signature verifies', direct.copies[0])

    def late(self):
        """Nothing comes twice: what is there after everything is a second copy."""
        for client in self.clients:
            client.retry()
        equal({name: server.count() for name, server in self.lab.mx.items()}, dict.fromkeys(self.lab.mx, 0), 'no second copy of anything came later')

    def run(self):
        self.direct()
        for client in self.clients:
            self.judge(client)
        self.late()
        for client in self.clients:
            row = [f'{server}: ' + ', '.join(f'{kind} {self.arrived[True, client.name, server, kind].verdict}' for kind in self.cells.get((client.name, server), []))
                   for server in SERVERS]
            tap.note(f'{client.name}: ' + '; '.join(row))


def _difference(direct, sealed):
    a, b = (b''.join(each.copies) for each in (direct, sealed))
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f'{len(a)} and {len(b)} bytes; at {at}: {a[max(at - 40, 0):at + 40]!r} and {b[max(at - 40, 0):at + 40]!r}'


def everything(lab):
    names = ('postfix', 'exim', 'sendmail', 'opensmtpd', 'msmtp', 'nullmailer', 'dma', 'swaks')
    Matrix(lab, {(client, server): list(MESSAGES) for client in names for server in SERVERS}).run()


if __name__ == '__main__':
    tap.test(everything)
    tap.main(seal.sealed_world())
