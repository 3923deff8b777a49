#!/usr/bin/python3 -B
"""
The lab itself, without Waxseal: it is what the other tests take it for.

Signatures validate or are bogus as said; the MX hosts have the keys that TLSA records name; the legacy server delivers to each in clear; and the check of the
capture, on which every claim of the other tests rests, finds what is there to be found.
"""
import hashlib
import os
import signal
import subprocess
import sys

import capture
import client
import net
import tap
import validate
import world
from tap import equal, ok, test

# Who gets mail for the domain when nobody protects it.
DIRECT = {
    'plain.example': ['opensmtpd'], 'oppo.example': ['sendmail'], 'dane-ee.example': ['postfix'], 'dane-ta.example': ['exim'],
    'mismatch.example': ['postfix'], 'stripped.example': ['postfix', 'attacker strip'], 'mitm.example': ['attacker owncert'],
    'forged.example': ['attacker owncert'], 'bogus.example': ['postfix'], 'insecure.zz': ['postfix'], 'two.zz': ['postfix'], 'six.example': ['postfix'],
    'dane-refuse.example': ['attacker refuse'], 'nullmx.zz': [],
}


@test
def signatures(lab):
    asked = validate.Validator('gw')
    for name, kind, wanted in (
            ('dane-ee.example', 'MX', ('secure', True)), ('mx.dane-ee.example', 'A', ('secure', True)), ('_25._tcp.mx.dane-ee.example', 'TLSA', ('secure', True)),
            ('mx.dane-ee.example', 'AAAA', ('secure', False)), ('_25._tcp.mx.dane-ta.example', 'TLSA', ('secure', True)),
            ('_25._tcp.mx.oppo.example', 'TLSA', ('secure', False)), ('bogus.example', 'MX', ('bogus', True)), ('insecure.zz', 'MX', ('insecure', True)),
            ('nowhere.zz', 'MX', ('secure', False)), ('mx.forged.example', 'A', ('secure', True))):
        equal(asked.ask(name, kind), wanted, f'{name} {kind} is {wanted[0]}, {"with" if wanted[1] else "without"} data')


@test
def keys(lab):
    for name, at in (('dane-ee.example', world.POSTFIX), ('six.example', world.POSTFIX6), ('oppo.example', world.SENDMAIL), ('dane-ta.example', world.EXIM)):
        with client.Client(at, world.OTHER6 if ':' in at else world.OTHER) as c:
            ok('STARTTLS' in c.hello().text.split('\n'), f'{name}: its MX host offers STARTTLS')
            der = c.starttls()
            if name in ('dane-ee.example', 'six.example'):
                equal(_spki(der), lab.domains['dane-ee.example'].tlsa.split()[-1], f'{name}: the key behind STARTTLS is the one that TLSA names')
            ok('STARTTLS' not in c.say('EHLO again').text, f'{name}: it speaks inside TLS')
    with client.Client(world.SMTPD, world.OTHER) as c:
        ok('STARTTLS' not in c.hello().text, 'plain.example: its MX host offers no STARTTLS')
    with client.Client(world.ATTACK['strip'], world.OTHER) as c:
        ok('XXXXXXXX' in c.hello().text, 'the stripper masks STARTTLS')


def _spki(der):
    pem = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-pubkey'], input=der, stdout=subprocess.PIPE, check=True).stdout
    return hashlib.sha256(subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=pem, stdout=subprocess.PIPE, check=True).stdout).hexdigest()


@test
def delivery_in_clear(lab):
    with capture.capture() as wire:
        marks = {name: lab.legacy.send('bob@' + name) for name in DIRECT}
        waiting = lab.legacy.settled(['bob@' + name for name in DIRECT])
    equal(waiting, {}, 'without Waxseal nothing waits')
    for name, wanted in DIRECT.items():
        net.until('delivery of ' + name, lambda: len(lab.received(marks[name])) >= len(wanted))
        equal(lab.received(marks[name]), wanted, f'{name}: goes to {" and ".join(wanted) or "nobody"}')
        equal(wire.shows(marks[name].encode()), bool(wanted), f'{name}: the capture {"shows" if wanted else "does not show"} its content')
    equal(len(wire.envelope()), 2 * sum(bool(wanted) for wanted in DIRECT.values()), 'the capture shows every envelope')


@test
def own_tls_is_not_readable(lab):
    body = b'Subject: sealed\r\n\r\nwaxmarksealedbytheclient'
    with capture.capture() as wire, client.Client(world.POSTFIX, world.OTHER) as c:
        c.hello()
        c.starttls()
        c.say('EHLO client.branch.zz')
        _, final = c.mail(['bob@dane-ee.example'], body)
    equal(final.code, 250, 'a client with TLS of its own delivers')
    equal((wire.envelope(), wire.shows(b'waxmarksealed')), ([], False), 'and the same check finds neither envelope nor content')
    ok(capture.summary(wire.to_servers()[0]).startswith('EHLO STARTTLS TLS, '), 'the summary says so in words')


@test
def nothing_is_left_behind(lab):
    """The lab's end by SIGKILL takes every process with it; seen from here on a lab within this one."""
    before = _processes()
    inner = subprocess.Popen([sys.executable, '-B', __file__, 'hold'], env={k: v for k, v in os.environ.items() if k != net.INSIDE}, stdout=subprocess.PIPE, text=True)
    net.until('the inner lab', lambda: 'held' in inner.stdout.readline(), pause=0)
    ok(len(_processes() - before) > 20, 'a lab within the lab runs')
    inner.send_signal(signal.SIGKILL)
    inner.wait()
    net.until('the end of its processes', lambda: not _processes() - before)
    ok(True, 'SIGKILL of its first process leaves none of its processes')


def _processes():
    found = set()
    for each in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{each}/stat', encoding='ascii') as f:
                if f.read().rsplit(')', 1)[1].split()[0] != 'Z':
                    found.add(each)
        except OSError:
            pass                                                # it ended while we looked
    return found


def hold():
    net.enter()
    world.World()
    print('held', flush=True)
    signal.pause()


if sys.argv[1:] == ['hold']:
    hold()
tap.main(world.World)
