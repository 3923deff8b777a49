#!/usr/bin/python3 -B
"""
Clients that begin TLS themselves, real ones: what each setting of client-starttls makes of them.

Proves A24, A26, R3.
"""
import capture
import client
import net
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


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


def build():
    lab = seal.sealed_world()()
    lab.exim, lab.sendmail, lab.opensmtpd = starttls.exim(), starttls.sendmail(), starttls.opensmtpd()
    return lab


if __name__ == '__main__':
    tap.main(build)
