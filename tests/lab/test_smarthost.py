#!/usr/bin/python3 -B
"""
Smarthosts: relays of a provider that offer AUTH inside TLS only, on 25, 587 and 465; one that asks for a client certificate; attackers at their addresses.

Proves A2, A22, A23, A27, A98, R5, R6, R64, R66.
"""
import contextlib
import hashlib
import os

import capture
import client
import net
import pki
import provider
import seal
import tap
import world
from tap import equal, ok, test

ROUTES = {'open.zz': provider.OPEN, 'guarded.zz': provider.GUARDED, 'strip.zz': world.ATTACK['strip'], 'owncert.zz': world.ATTACK['owncert'],
          'inject.zz': world.ATTACK['inject'], 'reset.zz': world.ATTACK['reset']}


def section(at, name=provider.NAME, level='secure', port=25, more=''):
    return f'smarthost "{at}" {{ name = "{name}" level = "{level}" port = {port} {more} }}\n'


def roots(lab):
    return f'tls {{ ca-file = "{lab.authority.cert}" }}\n'


def through(lab, domain):
    """One message of the customer; what left in clear, whether it arrived, why it waits, and the newest outcome line to that address."""
    with capture.capture(port=provider.ALL_PORTS) as wire:
        marker = lab.customer.send(domain)
    def arrived():
        return bool(lab.relay.received(marker) or lab.received(marker))
    waits = lab.customer.waits(domain)
    if not waits:
        with contextlib.suppress(TimeoutError):                 # taken is not yet delivered
            net.until('the delivery', arrived, 30)
    return wire, arrived(), waits, lab.seal.outcomes(server=ROUTES[domain])[-1]


@test
def direct_there_is_nothing_to_log_in_with(lab):
    lab.seal.again(section(provider.OPEN, level='none'))
    with client.Client(provider.OPEN, world.OTHER) as c:
        ok('AUTH' not in c.hello().text, 'in clear the relay offers no AUTH')
    marker = lab.customer.send('open.zz')
    ok(not lab.relay.received(marker) and lab.customer.waits('open.zz'), 'and the customer cannot send', lab.customer.waits('open.zz'))


@test
def each_port(lab):
    for port in (25, 587, 465):
        lab.seal.again(roots(lab) + section(provider.OPEN, port=port))
        with client.Client(provider.OPEN, world.OTHER) as c:
            banner, listed = c.reply(), c.say('EHLO client.branch.zz')
            ok(banner.code == 220 and provider.NAME in banner.text, f'{port}: the banner is the relay\'s', banner)
            ok('AUTH PLAIN' in listed.text and 'STARTTLS' not in listed.text, f'{port}: the client sees the list of inside (A22, R6)', listed)
            equal(c.say('QUIT').code, 221, f'{port}: and can leave')
        wire, arrived, waits, line = through(lab, 'open.zz')
        equal((arrived, waits), (True, ''), f'{port}: Exim logs in and delivers')
        equal((line['outcome'], line['auth'], line['level'], line['mx']), ('verified', 'pkix', 'secure', provider.NAME), f'{port}: verified by the configured name (R64, R66)')
        ok(not any(map(wire.shows, (b'AUTH', b'MAIL FROM', b'RCPT TO'))), f'{port}: neither credentials nor envelope in clear')


@test
def wrong_names_and_strangers(lab):
    for says, conf, reason in (('another name', section(provider.OPEN, name='mail.other.zz', port=587), 'certificate-host-mismatch'),
                               ('another name, 465', section(provider.OPEN, name='mail.other.zz', port=465), 'certificate-host-mismatch'),
                               ('another key', section(provider.OPEN, level='fingerprint', port=587, more='match = {"' + '00' * 32 + '"}'), 'certificate-not-trusted')):
        lab.seal.again(roots(lab) + conf)
        with client.Client(provider.OPEN, world.OTHER) as c:
            banner = c.reply()
            ok(banner.code == 421 and f'waxseal: {reason}: ' in banner.text, f'{says}: 421 with the reason in place of the banner (A98, R5)', banner)
        wire, arrived, waits, line = through(lab, 'open.zz')
        ok(not arrived and reason in waits, f'{says}: the customer keeps the mail and knows why', waits)
        equal((line['outcome'], line['reason'], line['domain']), ('refused', reason, '-'), f'{says}: the line says it')
        ok(not any(map(wire.shows, (b'AUTH', b'MAIL FROM', b'RCPT TO'))), f'{says}: nothing left in clear')
    lab.seal.again(f'tls {{ ca-file = "{lab.stranger.cert}" }}\n' + section(provider.OPEN, port=587))
    _, arrived, waits, line = through(lab, 'open.zz')
    ok(not arrived and 'certificate-not-trusted' in waits, 'an authority that nobody named: the customer keeps the mail (A98)', waits)
    digest = hashlib.sha256(pki.public_key(lab.pair)).hexdigest()
    lab.seal.again(section(provider.OPEN, level='fingerprint', port=465, more=f'match = {{"{digest}"}}'))
    _, arrived, waits, line = through(lab, 'open.zz')
    equal((arrived, line['outcome'], line['auth']), (True, 'verified', 'fingerprint'), 'the right key needs no authority')


@test
def attackers(lab):
    lab.seal.again(roots(lab) + ''.join(section(world.ATTACK[kind]) for kind in ('strip', 'owncert', 'inject', 'reset')))
    for kind, reason in (('strip', 'starttls-not-supported'), ('owncert', 'certificate-not-trusted'), ('inject', 'early-bytes'), ('reset', 'handshake-failed')):
        wire, arrived, waits, line = through(lab, kind + '.zz')
        ok(not arrived and f'waxseal: {reason}: ' in waits, f'{kind}: the customer keeps the mail and knows why (A2, A27, A98)', waits)
        equal((line['outcome'], line['reason']), ('refused', reason), f'{kind}: the line says it')
        ok(not any(map(wire.shows, (b'AUTH', b'MAIL FROM', b'RCPT TO'))), f'{kind}: nothing left in clear')
        ok(provider.USER.encode() not in lab.attackers[kind].heard(), f'{kind}: the attacker heard no credentials')


@test
def client_certificates(lab):
    shown = f'certificate = "{lab.mine.chain}" key = "{lab.mine.key}"'
    lab.seal.again(roots(lab) + section(provider.GUARDED, port=587, more=shown) + section(provider.OPEN, port=587))
    _, arrived, waits, line = through(lab, 'guarded.zz')
    equal((arrived, waits, line['outcome']), (True, '', 'verified'), 'a relay that asks for a certificate gets ours')
    _, arrived, waits, line = through(lab, 'open.zz')
    equal((arrived, line['outcome']), (True, 'verified'), 'its neighbour works without')
    lab.seal.configure(roots(lab) + section(provider.GUARDED, port=587))
    lab.seal.reload()
    net.until('the new configuration', lambda: lab.seal.log().count('is in force') == 1)
    wire, arrived, waits, line = through(lab, 'guarded.zz')
    ok(not arrived and 'waxseal: handshake-failed: ' in waits, 'after a reload without it: the relay lets nobody in, and the customer keeps the mail', waits)
    dialled = {each[:4] for each in wire.segments() if (each.target, each.dport) == (provider.GUARDED, 587)}
    equal((line['reason'], len(dialled)), ('handshake-failed', 1), 'it is told once, and is not dialled again')
    ok('certificate' in line['text'], 'in the words of its alert, which TLS 1.3 brings behind the handshake', line)
    lab.seal.configure(roots(lab) + section(provider.GUARDED, port=587, more=shown))
    lab.seal.reload()
    net.until('the new configuration', lambda: lab.seal.log().count('is in force') == 2)
    lab.customer.run('/usr/sbin/exim4', '-qff')
    ok(net.until('the mail that waited', lambda: not lab.customer.waits('guarded.zz')), 'after a reload with it again the mail that waited leaves')


@test
def what_is_refused_at_start(lab):
    os.chmod(lab.mine.key, 0o644)
    shown = f'certificate = "{lab.mine.chain}" key = "{lab.mine.key}"'
    lab.seal.configure(roots(lab) + section(provider.GUARDED, port=587, more=shown))
    said = net.run('gw', [seal.PROGRAMS + '/waxseald', '-c', seal.CONF, '-t'], check=False)
    ok('everybody may read it' in said, 'a key that everybody may read', said)
    os.chmod(lab.mine.key, 0o400)
    lab.seal.configure(f'tls {{ ca-file = "{lab.mine.key}" }}\n' + section(provider.OPEN))
    said = net.run('gw', [seal.PROGRAMS + '/waxseald', '-c', seal.CONF, '-t'], check=False)
    ok('has no certificate' in said, 'a ca-file without a certificate', said)
    os.chown(lab.mine.key, 0, 0)
    lab.seal.configure(roots(lab) + section(provider.GUARDED, port=587, more=shown))
    said = net.run('gw', [seal.PROGRAMS + '/waxseald', '-c', seal.CONF, '-t'], check=False)
    ok('Permission denied' in said, 'a key that only root could read, and no reload later', said)


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


def build():
    lab = seal.sealed_world()()
    lab.authority, customers = pki.leaf('Provider Authority', authority=True), pki.leaf('Customer Authority', authority=True)
    lab.stranger = pki.leaf('Another Authority', authority=True)
    lab.pair, lab.mine = pki.leaf(provider.NAME, lab.authority), pki.leaf('customer.branch.zz', customers)
    for path in (lab.mine.key, lab.mine.chain, lab.authority.cert):
        os.chown(path, 65534, 65534)
    lab.relay = provider.relays(lab.pair, customers)
    lab.customer = provider.Customer(ROUTES, [provider.GUARDED])
    return lab


if __name__ == '__main__':
    tap.main(build)
