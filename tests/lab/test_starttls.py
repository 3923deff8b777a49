#!/usr/bin/python3 -B
"""
Clients that begin TLS themselves, real ones: what each setting of client-starttls makes of them.

Proves A24, A26, R3, R7, R8.
"""
import os
import pwd
import shutil
import ssl

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
            said = net.run('legacy', ['openssl', 's_client', '-starttls', 'smtp', '-connect', world.POSTFIX + ':25', '-bind', world.OTHER + ':0', version, flag, kept, '-crlf'],
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
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


def build():
    lab = seal.sealed_world()()
    lab.exim, lab.sendmail, lab.opensmtpd = starttls.exim(), starttls.sendmail(), starttls.opensmtpd()
    return lab


if __name__ == '__main__':
    tap.main(build)
