#!/usr/bin/python3 -B
"""
The route and the candidate rule in a world of signed zones: each row is what a domain publishes, and what must come of mail for it that a client brings to
one address. A real Postfix with one key stands at every address but SCRIPTED, where a script notes which name it is asked for.

Proves R14, R15, R17, R21, R29, R31, R36-R39, R41-R46, R51, R55, R56; A86-A89, A92-A97.
"""
import collections
import glob
import os
import signal
import ssl
import subprocess
import time

import attack
import capture
import client
import dns
import mta
import net
import pki
import seal
import tap
import world
from tap import equal, ok, test

A, B, C, D, SCRIPTED, STRIPPED = (f'203.0.113.{110 + i}' for i in range(6))
A6, B6 = '2001:db8:3::110', '2001:db8:3::111'
NAT64, OWN64 = '64:ff9b::203.0.113.110', '2001:db8:3:64::203.0.113.110'      # RFC 6052's prefix, and one of a network's own
BANNER = 'mx.pool.example'                                                   # what that Postfix calls itself
Row = collections.namedtuple('Row', 'name records signed trips')
Trip = collections.namedtuple('Trip', 'says at outcome auth reason mx more sni')


def trip(says, at, outcome, auth='none', reason='-', mx=None, sni=None, **more):
    return Trip(says, at, outcome, auth, reason, mx, {key.replace('_', '-'): value for key, value in more.items()}, sni)


def refused(says, at, reason, **more):
    return trip(says, at, 'refused', reason=reason, **more)


def rows(good, other, full):
    """`good`: a TLSA record of the key that all MX hosts have; `other`: of one that none has; `full`: another, of the whole certificate."""
    host = f'@ MX 10 mx\nmx A {A}\n'
    unlisted = {'flags': 'unlisted-address'}

    def many(n, last):
        return ''.join(f'@ MX {i} mx{i}\nmx{i} A 203.0.113.{200 + i % 50}\n' for i in range(1, n)) + f'@ MX {n} mx{n}\nmx{n} A {last}\n_25._tcp.mx{n} {good}\n'

    def alias(chain, *records):
        return '@ MX 10 mx\n' + ''.join(f'{a} CNAME {b}\n' for a, b in zip(chain, chain[1:])) + f'{chain[-1]} A {SCRIPTED}\n' + '\n'.join(records) + '\n'

    return [
        # ---- rules 1 and 2: who lists the address
        Row('shared.example', f'@ MX 10 mx\n@ MX 20 mx.unsigned.zz.\nmx A {B}\n_25._tcp.mx {other}\n', 'nsec', [
            refused('an insecure host on a secure host\'s address: the secure one binds (A95)', B, 'tlsa-invalid', mx='mx.shared.example')]),
        Row('union.example', f'@ MX 10 a\n@ MX 20 b\na A {A}\nb A {A}\n_25._tcp.a {other}\n_25._tcp.b {good}\n', 'nsec3', [
            trip('two hosts on one address: a match with any is enough (A95)', A, 'verified', 'dane-ee', mx='b.union.example')]),
        Row('mixed.example', f'@ MX 10 mx\n@ MX 20 mx.unsigned.zz.\nmx A {A}\n_25._tcp.mx {good}\n', 'nsec', [
            trip('the host with TLSA: verified', A, 'verified', 'dane-ee'),
            trip('the other, at its own address: opportunistic', B, 'encrypted', mx='mx.unsigned.zz')]),
        Row('unsigned.zz', f'@ MX 10 mx\nmx A {B}\n_25._tcp.mx {other}\n', '', [
            trip('TLSA in an unsigned zone are none', B, 'encrypted')]),
        # ---- rule 3: a failed lookup may hide it
        Row('halflame.example', f'@ MX 10 mx.lame.example.\n@ MX 20 mx2\nmx2 A {A}\n', 'nsec', [
            trip('another host\'s SERVFAIL does not matter where the address is listed (R29)', A, 'encrypted', mx='mx2.halflame.example'),
            refused('where it is not, the address may be that host\'s', B, 'dns-error')]),
        Row('lame.example', host, 'lame', [refused('SERVFAIL for the MX itself', A, 'dns-error')]),
        Row('broken6.example', f'@ MX 10 mx\nmx A {A}\nmx AAAA {A6}\n_25._tcp.mx {good}\n', 'nsec', [
            trip('a bogus AAAA takes no DANE from A', A, 'verified', 'dane-ee'),
            refused('but an IPv6 address may be one that it hides', B6, 'dns-error')]),
        # ---- rule 4: nobody lists it
        Row('pool.example', host + f'_25._tcp.mx {good}\n', 'nsec', [
            trip('a rotating pool: an unlisted address with a host\'s key (A94)', C, 'verified', 'dane-ee', mx='mx.pool.example', **unlisted),
            trip('NAT64 is unmapped', NAT64, 'verified', 'dane-ee', mx='mx.pool.example', flags=None),
            trip('another network\'s NAT64 prefix is an unlisted address', OWN64, 'verified', 'dane-ee', **unlisted)]),
        Row('pools.example', f'@ MX 10 a\n@ MX 20 b\na A {A}\nb A {B}\n_25._tcp.a {other}\n_25._tcp.b {good}\n', 'nsec3', [
            trip('the key of any host will do', C, 'verified', 'dane-ee', mx='b.pools.example', **unlisted)]),
        Row('open.example', host, 'nsec', [
            trip('no TLSA anywhere: opportunistic, flagged', C, 'encrypted', **unlisted)]),
        Row('closed.example', host + f'_25._tcp.mx {other}\n', 'nsec3', [
            refused('and with another key: forged DNS at the client', C, 'not-an-mx'),
            refused('the banner names a host whose TLSA match: no identity (A96)', A, 'tlsa-invalid', mx='mx.closed.example')]),
        Row('ajar.example', host + f'@ MX 20 mx.unsigned.zz.\n_25._tcp.mx {other}\n', 'nsec', [
            trip('a host without TLSA has insecure addresses: it may be that one', C, 'encrypted', **unlisted)]),
        # ---- rule 5: the MX set is insecure
        Row('borrowed.zz', '@ MX 10 mx.pool.example.\n', '', [
            trip('insecure MX, a host with TLSA (R39)', A, 'encrypted', 'dane-ee', mx='mx.pool.example', mx_trust='insecure'),
            trip('unlisted: opportunistic', C, 'encrypted')]),
        Row('borrower.zz', '@ MX 10 mx.closed.example.\n', '', [
            refused('insecure MX, a host whose TLSA do not match', A, 'tlsa-invalid', mx='mx.closed.example')]),
        Row('nothing.zz', '@ MX 0 .\n', '', [trip('an insecure null MX', A, 'encrypted')]),
        # ---- rule 6
        Row('null.example', '@ MX 0 .\n', 'nsec3', [refused('a secure null MX (A93)', A, 'null-mx')]),
        Row('nowhere.example', None, None, [trip('proven not to exist: split horizon', A, 'encrypted', flags='split-horizon')]),
        # ---- the MX set itself
        Row('implicit.example', f'@ A {A}\n_25._tcp {good}\n', 'nsec3', [
            trip('no MX: the domain is the host (R44)', A, 'verified', 'dane-ee', mx='implicit.example')]),
        Row('fifty.example', many(50, A), 'nsec', [trip('50 MX hosts, the last one', A, 'verified', 'dane-ee', mx='mx50.fifty.example')]),
        Row('sixty.example', many(60, B), 'nsec', [
            refused('60: it may be one of those that do not fit', B, 'dns-error')]),
        Row('number.example', f'@ MX 10 {A}.\n', 'nsec', [trip('an address as MX: DANE does not apply (R36)', A, 'encrypted', mx=A)]),
        Row('homeless.example', f'@ MX 10 gone\n@ MX 20 mx\nmx A {A}\n', 'nsec', [
            trip('a host without addresses is no host (R41)', A, 'encrypted', mx='mx.homeless.example')]),
        Row('sub.origin.example', None, None, [
            trip('the domain is an alias itself', SCRIPTED, 'verified', 'dane-ee', mx='mx.target.example', sni='real.target.example')]),
        # ---- aliases of a host: which name is the base domain, and so SNI (R21, R42, R43, R46; A87)
        Row('target.example', alias(['mx', 'real'], f'_25._tcp.real {good}'), 'nsec3', [
            trip('TLSA at the target of a secure alias', SCRIPTED, 'verified', 'dane-ee', sni='real.target.example')]),
        Row('origin.example', alias(['mx', 'real'], f'_25._tcp.mx {good}', 'sub CNAME target.example.'), 'nsec', [
            trip('none there: at the original name', SCRIPTED, 'verified', 'dane-ee', sni='mx.origin.example')]),
        Row('both.example', alias(['mx', 'real'], f'_25._tcp.mx {good}', f'_25._tcp.real {other}'), 'nsec', [
            refused('at both: those at the target bind', SCRIPTED, 'tlsa-invalid', sni='real.both.example')]),
        Row('middle.example', alias(['mx', 'between', 'real'], f'_25._tcp.between {other}'), 'nsec', [
            trip('a name in between is no base domain (R43)', SCRIPTED, 'encrypted', sni='mx.middle.example')]),
        Row('owner.example', alias(['mx'], '_25._tcp.mx CNAME keys', f'keys {good}'), 'nsec', [
            trip('an alias of the TLSA owner changes no name (R45)', SCRIPTED, 'verified', 'dane-ee', sni='mx.owner.example')]),
        Row('outward.example', f'@ MX 10 mx\nmx CNAME mx.scripted.zz.\n_25._tcp.mx {good}\n', 'nsec', [
            trip('a secure alias to an insecure target: the original name (R31, R42)', SCRIPTED, 'verified', 'dane-ee', sni='mx.outward.example')]),
        Row('scripted.zz', f'@ MX 10 alias\nalias CNAME mx.owner.example.\nmx A {SCRIPTED}\n_25._tcp.alias {other}\n', '', [
            trip('an insecure alias of a secure host proves nothing', SCRIPTED, 'encrypted', sni='alias.scripted.zz')]),
        Row('keyless.example', alias(['mx'], '_25._tcp.mx CNAME keys.unsigned.zz.'), 'nsec', [
            trip('an insecure hop of the TLSA owner: none (R46)', SCRIPTED, 'encrypted')]),
        Row('xn--bcher-kva.example', f'@ MX 10 mx\nmx A {SCRIPTED}\n_25._tcp.mx {good}\n', 'nsec3', [
            trip('the domain in its own script', SCRIPTED, 'verified', 'dane-ee', sni='mx.xn--bcher-kva.example')]),
        # ---- large answers
        Row('large.example', host + ''.join(f'_25._tcp.mx {full[:-12]}{i:012x}\n' for i in range(28)) + f'_25._tcp.mx {good}\n', 'nsec', [
            trip('28 whole certificates: over TCP (A88)', A, 'verified', 'dane-ee')]),
        Row('swollen.example', host + ''.join(f'_25._tcp.mx {other[:-12]}{i:012x}\n' for i in range(40)), 'nsec', [
            refused('more records than the bound: never "none"', A, 'dns-error')]),
        Row('middling.example', host + ''.join(f'_25._tcp.mx {other[:-12]}{i:012x}\n' for i in range(15)) + f'_25._tcp.mx {good}\n', 'nsec', [
            trip('an answer of some 900 bytes', A, 'verified', 'dane-ee')]),
        Row('crowd.example', ''.join(f'@ MX {i} m{i}\n' for i in range(300)), 'nsec', [refused('300 MX records are over the bound', A, 'dns-error')]),
        Row('huge.example', ''.join(f'@ MX {i} m{i}\n' for i in range(3000)), 'nsec', [
            refused('3000 are more than libunbound\'s buffer for a signature holds', A, 'dnssec-invalid')]),
    ]


WRITTEN = {'xn--bcher-kva.example': 'bücher.example'}


class Routes:
    """The lab of this program. `again`: Waxseal with other options."""

    def __init__(self):
        world._network(False)
        for at in (A, B, C, D, SCRIPTED, STRIPPED):
            net.address('mx', 'eth0', at + '/24')
        for at in (A6, B6, NAT64, OWN64):
            net.address('mx', 'eth0', at + '/64')
        for at in (NAT64, OWN64):
            net.ip('inet', f'route add {at}/128 dev net')
        ee, other = pki.leaf(BANNER), pki.leaf('other.example')
        with open(other.cert, encoding='ascii') as f:
            full = 'TLSA 3 0 0 ' + ssl.PEM_cert_to_DER_cert(f.read()).hex()
        self.good, self.other = pki.tlsa(3, ee), pki.tlsa(3, other)
        self.rows = rows(self.good, self.other, full)
        zones = [dns.Zone(row.name, row.records, 'nsec' if row.signed == 'lame' else row.signed) for row in self.rows if row.records]
        self.changing = dns.Zone('changing.example', f'@ 1 MX 10 mx\nmx 1 A {A}\n_25._tcp.mx 1 {self.good}\n', 'nsec')
        served = dns.build(zones + [self.changing])
        lame = [row.name for row in self.rows if row.signed == 'lame']
        served = [(at, at6, [zone for zone in some if zone.name not in lame]) for at, at6, some in served]
        tamper('broken6.example', A6, B6)
        dns.serve('dns', served)
        self.served = served
        names = [row.name for row in self.rows] + ['changing.example']
        self.postfix = mta.postfix_mx('mx', [A, B, C, D, A6, B6, NAT64, OWN64], BANNER, names, ee)
        self.asked = []                                         # the names that clients of the script asked for
        self.scripted = attack.Attacker('owncert', 'mx', SCRIPTED, ee, None)
        self.scripted.tls.sni_callback = lambda _, name, __: self.asked.append(name)
        self.stripped = attack.Attacker('strip', 'mx', STRIPPED, ee, A)
        for at in (A, B6, NAT64):
            net.until('MX host ' + at, lambda at=at: net.accepts('inet', at))
        self.seal = seal.Seal()


def tamper(zone, old, new):
    """Makes one answer bogus: what is signed is not what is served."""
    path = f'{dns.PLACE}/zones/{zone}.signed'
    with open(path, encoding='ascii') as f:
        text = f.read()
    assert old in text
    net.write(path, text.replace(old, new))


def send(lab, domain, at, says='', mailbox='bob'):
    """One recipient, brought to that address; the reply and the outcome line."""
    before = len(lab.seal.outcomes(domain=domain))
    with client.Client(at, world.OTHER6 if ':' in at else world.OTHER) as c:
        c.hello()
        answers, _ = c.mail([f'{mailbox}@{WRITTEN.get(domain, domain)}'], b'Subject: ' + says.encode() + b'\r\n\r\nHello.')
        c.say('QUIT')
    return answers[0], lab.seal.outcome(domain=domain, count=before + 1)


def judge(lab, domain, each):
    """One trip of one row."""
    asked = len(lab.asked)
    answer, line = send(lab, domain, each.at, 'route')
    found = line['outcome'], line['auth'], line['reason']
    good = found == (each.outcome, each.auth, each.reason) and (each.mx is None or line['mx'] == each.mx)
    good = good and all(line.get(key) == value for key, value in each.more.items())
    good = good and (each.sni is None or lab.asked[asked:asked + 1] == [each.sni])
    good = good and (answer.code == 451) == (each.outcome == 'refused')
    ok(good, f'{domain}: {each.says}', f'{line}\nnames {lab.asked[asked:]}\n{answer}')
    if each.reason in ('dns-error', 'dnssec-invalid', 'no-anchor'):
        ok('451' in str(answer.code) and answer.text.startswith(f'4.4.3 waxseal: {each.reason}: '), f'{domain}: the reply says 4.4.3', answer)


@test
def table(lab):
    for row in lab.rows:
        for each in row.trips:
            judge(lab, row.name, each)


@test
def client_hello(lab):
    """What leaves in the handshake for a DANE domain: R15, R17, R55, R56."""
    with capture.capture() as wire:
        send(lab, 'target.example', SCRIPTED)
    said = max(wire.to_servers(SCRIPTED), key=len)
    hello = Hello(said[said.index(b'\x16\x03'):])
    equal(hello.name, 'real.target.example', 'SNI is the base domain')
    ok(hello.versions and all(each >= 0x303 for each in hello.versions), 'no version below TLS 1.2 is offered', hello)
    ok(not hello.extensions & {19, 20}, 'no raw public keys: without a certificate type extension there is X.509 alone (RFC 7250 4.1)', hello)
    anonymous = {0x17, 0x18, 0x19, 0x1a, 0x1b, 0x34, 0x3a, 0x46, 0x6c, 0x6d, 0x89, 0x9b, 0xa6, 0xa7, *range(0xc015, 0xc01a)}
    ok(hello.suites and not hello.suites & (anonymous | {0, 1, 2, 0x3b, 0xc006, 0xc010}), 'no anonymous suite and none without encryption', hello)


class Hello:
    """A ClientHello (RFC 8446 4.1.2) from its record on."""

    def __init__(self, data):
        at = 5 + 4 + 2 + 32                                     # record, handshake header, version, random
        at += 1 + data[at]
        size = int.from_bytes(data[at:at + 2], 'big')
        self.suites = {int.from_bytes(data[i:i + 2], 'big') for i in range(at + 2, at + 2 + size, 2)}
        at += 2 + size
        at += 1 + data[at]
        end = at + 2 + int.from_bytes(data[at:at + 2], 'big')
        at += 2
        found = {}
        while at < end:
            kind, size = (int.from_bytes(data[at + i:at + i + 2], 'big') for i in (0, 2))
            found[kind] = data[at + 4:at + 4 + size]
            at += 4 + size
        self.extensions = set(found)
        self.name = found[0][5:].decode() if 0 in found else None
        versions = found.get(43, b'')[1:]
        self.versions = [int.from_bytes(versions[i:i + 2], 'big') for i in range(0, len(versions), 2)] or [int.from_bytes(data[9:11], 'big')]

    def __str__(self):
        return f'{self.name} {self.versions} {sorted(self.extensions)} {[hex(each) for each in sorted(self.suites)]}'


@test
def literals(lab):
    before = len(lab.seal.outcomes(domain='-'))
    for i, literal in enumerate((f'[{A}]', f'[IPv6:{A6}]')):
        with client.Client(A, world.OTHER) as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz>')
            c.say(f'RCPT TO:<bob@{literal}>')
            c.say('QUIT')
        line = lab.seal.outcome(domain='-', count=before + i + 1)
        ok(line['tls'] != '-' and line['auth'] == 'none' and line['reason'] != 'dns-error', f'{literal}: opportunistic, and no DNS is asked (R36, A93)', line)


@test
def one_transaction(lab):
    """A97: recipients of all kinds side by side."""
    with client.Client(A, world.OTHER) as c:
        c.hello()
        answers, final = c.mail(['bob@open.example', '"a b"@pool.example', 'jörg@pool.example', '@open.example:bob@closed.example', '@closed.example:bob@pool.example',
                                 '"x@pool.example"@closed.example', 'bob@straße.example', 'bob@pools.example'], b'Hello.')
    codes = [each.code for each in answers]
    equal((codes[0], codes[1], codes[3], codes[5], codes[6], codes[7]), (250, 250, 451, 451, 451, 451),
          'each recipient by its own domain, whatever stands in front of it')
    ok('mx.closed.example' in answers[3].text and 'mx.closed.example' in answers[5].text and 'bad-recipient' in answers[6].text,
       'refused for the domain behind the last @', answers)
    equal(final.code, 250, 'the others go on')
    with client.Client(STRIPPED, world.OTHER) as c:
        c.hello()
        answers, final = c.mail(['bob@open.example', 'bob@pool.example'], b'Hello.')
    equal(([each.code for each in answers], final.code), ([250, 451], 250), 'one in clear, and the one of a DANE domain not (STARTTLS was stripped)')


@test
def records_change(lab):
    """A86, R14: the next transaction of the same session is judged by the records of its own time."""
    def change(*tlsa):
        zone = lab.changing._replace(records=f'@ 1 MX 10 mx\nmx 1 A {A}\n' + ''.join(f'_25._tcp.mx 1 {each}\n' for each in tlsa))
        text = dns.HEAD.format(server='ns.nic.example.').replace(' 1 3600', f' {int(time.time())} 3600')
        path = net.write(f'{dns.PLACE}/zones/{zone.name}', f'$ORIGIN {zone.name}.\n' + text + zone.records)
        key = glob.glob(f'{dns.PLACE}/zones/K{zone.name}.+013+*.key')[0][:-4]
        subprocess.run(['ldns-signzone'] + dns._how('nsec') + ['-f', path + '.signed', path, key], cwd=dns.PLACE + '/zones', check=True)
        with open(f'{dns.PLACE}/nsd-{dns.LEAF}/pid', encoding='ascii') as f:
            os.kill(int(f.read()), signal.SIGHUP)
        net.until('the new zone', lambda: [each.split()[-1] in now() for each in (lab.good, lab.other)] == [each in tlsa for each in (lab.good, lab.other)])

    def now():
        return net.run('dns', ['drill', '-Q', '@' + dns.LEAF, '_25._tcp.mx.changing.example', 'TLSA'], check=False).lower()

    def once(c):
        before = len(lab.seal.outcomes(domain='changing.example'))
        c.mail(['bob@changing.example'], b'Hello.')
        c.say('RSET')
        line = lab.seal.outcome(domain='changing.example', count=before + 1)
        return line['outcome'], line['auth'], line['reason']
    with client.Client(A, world.OTHER) as c:
        c.hello()
        equal(once(c), ('verified', 'dane-ee', '-'), 'a session\'s first transaction: the TLSA match')
        change(lab.other)
        time.sleep(2)
        equal(once(c), ('refused', 'none', 'tlsa-invalid'), 'the TLSA have changed, their TTL has ended: its second is refused')
        change(lab.other, lab.good)
        time.sleep(2)
        equal(once(c), ('verified', 'dane-ee', '-'), 'they have been put right: its third is verified')
        change()
        time.sleep(2)
        equal(once(c), ('encrypted', 'none', '-'), 'and removed: its fourth is opportunistic')


@test
def small_answers_only(lab):
    """A88: what is between drops large UDP answers, the root's keys among them (which are larger than 512 bytes on the internet, smaller here)."""
    net.rules('dns', 'table inet small { chain out { type filter hook output priority 0; udp sport 53 meta length > 200 drop; }; }\n')
    lab.seal.again()
    retried(lab, 'middling.example', 'large UDP answers are lost: still validated')
    net.rules('dns', 'delete table inet small\n')


@test
def tcp_only(lab):
    """A88: no DNS by UDP at all."""
    net.rules('dns', 'table inet udp-is-lost { chain in { type filter hook input priority 0; udp dport 53 drop; }; }\n')
    lab.seal.again()
    retried(lab, 'pool.example', 'DNS over TCP alone: still validated')
    net.rules('dns', 'delete table inet udp-is-lost\n')


def retried(lab, domain, says, tries=12):
    """As a queue would: refused with 4.4.3 while the answers come in, until they are there."""
    seen = []
    for _ in range(tries):
        _, line = send(lab, domain, A)
        seen.append((line['outcome'], line['reason']))
        if line['outcome'] != 'refused':
            break
        time.sleep(2)
    ok(seen[-1] == ('verified', '-') and all(each[1] in ('dns-error', 'dns-timeout', 'no-anchor') for each in seen[:-1]), says, seen)


@test
def forwarders(lab):
    """A89, A92: what a provider's resolver may do to the answers."""
    stripping, lying = '203.0.113.58', '203.0.113.59'
    net.address('dns', 'eth0', stripping + '/24', lying + '/24')
    every = [zone for _, _, zones in lab.served for zone in zones]
    dns.serve('dns', [(stripping, None, [zone._replace(signed='') for zone in every])])
    files = {}
    for name in ('pool.example', 'unsigned.zz'):
        files[name] = name + '.lie'
        net.write(f'{dns.PLACE}/zones/{name}.lie', f'$ORIGIN {name}.\n' + dns.HEAD.format(server='ns.nic.example.') + f'@ MX 10 mx\nmx A {D}\n')
    dns.serve('dns', [(lying, None, every)], files)
    lab.seal.again(resolver={'forward': f'{{"{stripping}"}}'})
    answer, line = send(lab, 'pool.example', A)
    equal((line['outcome'], line['reason']), ('refused', 'no-anchor'), 'a forwarder that strips DNSSEC: nothing is believed (A89)')
    ok('4.4.3' in answer.text, 'and the client keeps the mail', answer)
    equal(send(lab, 'unsigned.zz', B)[1]['reason'], 'no-anchor', 'unsigned zones included')
    lab.seal.again(resolver={'forward': f'{{"{lying}"}}'})
    answer, line = send(lab, 'pool.example', D)
    equal((line['outcome'], line['reason']), ('refused', 'dnssec-invalid'), 'one that lies about a signed zone is found out (A92)')
    ok('4.4.3' in answer.text, 'and the client keeps the mail', answer)
    equal([send(lab, *each)[1]['outcome'] for each in (('union.example', A), ('unsigned.zz', D))], ['verified', 'encrypted'],
          'what it does not lie about goes on; what nobody signed is its to write')


@test
def clean(lab):
    lab.seal.remove()
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(Routes)
