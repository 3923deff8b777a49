#!/usr/bin/python3 -B
"""
`waxseal probe` and `waxseal explain` against seventy servers and zones, beside Postfix's own judge of DANE (posttls-finger, level dane, over a validating
resolver) on the same: where the two differ is listed here with its reason, and nothing else may differ.

Proves R22, R25, R27, R32-R37, R40, R43-R55; A1, A2, A5, A15, A18, A19, A27, A38, A67, A70, A74-A85, A87, A93, A94, A98, A101, A119.
"""
import concurrent.futures
import json
import re
import socket
import subprocess
import threading

import client
import dns
import fleet
import net
import seal
import tap
import world
from tap import equal, ok, test

PROGRAM = seal.PROGRAMS + '/waxseal'
CONF = net.FILES + '/probe.conf'

# Where posttls-finger and Waxseal differ: what the one says, what the other, and why that is right.
DIFFERENCES = {
    'no-tlsa-no-tls.example': ('silent', 'cleartext', 'RFC 7435 3: clear text is the least of opportunistic security; posttls-finger ends where TLS is not offered'),
    'tlsa-no-tls.example': ('silent', 'refused', 'RFC 7672 2.2: usable records make TLS a must; posttls-finger ends where TLS is not offered'),
    'unusable-no-tls.example': ('silent', 'refused', 'RFC 7672 2.2: so do unusable ones; posttls-finger ends where TLS is not offered'),
}

# What posttls-finger prints, in the order in which it counts. Untrusted is said of a session whose certificate had to match and did not, and of one where
# it need not: the line in front tells them apart (`server` or `CA certificate verification failed` is said only of the first).
FINGER = [
    (r'Verified TLS connection established', 'verified'),
    (r'(server|CA) certificate verification failed', 'refused'),
    (r'(Trusted|Untrusted|Anonymous) TLS connection established', 'encrypted'),
    (r'TLSA lookup error|Host not found, try again|nullMX|STARTTLS rejected|SSL_connect error', 'refused'),
    (r'connect to \S+: Connection refused|Host found but no data record', 'unreachable'),
]


def finger_says(text):
    return next((verdict for pattern, verdict in FINGER if re.search(pattern, text)), 'silent')


def configure(path, sections='', hints=dns.hints):
    return net.write(path, f'control = "{seal.PLACE}/run/control"\nresolver {{\n    trust-anchor = "{dns.anchor}"\n    root-hints = "{hints}"\n}}\n' + sections)


class Run:
    """One run of the command: its exit, its words, and the object where those are JSON."""

    def __init__(self, *command, conf=CONF):
        done = subprocess.run(net.in_namespace('gw', [PROGRAM, '-c', conf, *command]), capture_output=True, text=True, check=False, timeout=300)
        self.exit, self.words, self.errors = done.returncode, done.stdout, done.stderr
        self.said = json.loads(done.stdout) if done.stdout.startswith('{') else {}
        self.sound = self.exit in (0, 1, 2) and not re.search(r'Sanitizer|runtime error|Assertion', self.errors)

    def visits(self):
        """The objects of all addresses; of the domain where there is none."""
        return [each for host in self.said.get('hosts', []) for each in host['addresses']] or [self.said]

    def last(self):
        """The host that a mail server would end at: the first that can be reached."""
        reached = [each for each in self.visits() if each.get('outcome') != 'unreachable']
        return (reached or self.visits())[0]


def probe(domain, **how):
    return Run('probe', '--json', domain, **how)


def explain(domain, address, **how):
    return Run('explain', '--json', domain, address, **how)


class Hostile:
    """Servers that are no mail servers, each at an address of its own."""

    def __init__(self, n, behave):
        self.domain, self.behave = f'hostile-{n}.example', behave
        self.at = f'203.0.113.{80 + n}'
        net.address('mx', 'eth0', self.at + '/24')
        self.listener = net.listener('mx', self.at, 25)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            self.behave(near)
        except OSError:
            pass                                                # the visit is over
        near.close()


def silent(near):
    while near.recv(4096):
        pass


def endless_greeting(near):
    while True:
        near.sendall(b'220-' + b'x' * 60 + b'\r\n')


def endless_line(near):
    while True:
        near.sendall(b'x' * 4096)


def endless_list(near):
    near.sendall(b'220 here\r\n')
    near.recv(4096)
    while True:
        near.sendall(b'250-KEYWORD\r\n')


def unprintable(near):
    near.sendall(b'220 here\r\n')
    near.recv(4096)
    near.sendall(b'250-here\r\n250 STARTTLS\r\n')
    near.recv(4096)
    near.sendall(b'454 \x1b[31m"red"\\\xff\r\n')
    near.recv(4096)


def turns_away(near):
    near.sendall(b'554 \x1b[2Jgo away\r\n')
    near.shutdown(socket.SHUT_WR)


def hangs_up(near):
    near.close()


def no_smtp(near):
    near.sendall(b'HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n')
    silent(near)


HOSTILE = [silent, endless_greeting, endless_line, endless_list, unprintable, turns_away, hangs_up, no_smtp]


class World(fleet.World):
    def __init__(self):
        super().__init__([dns.Zone(f'hostile-{n}.example', f'@ MX 10 mx\nmx A 203.0.113.{80 + n}\n', 'nsec') for n in range(len(HOSTILE))])
        configure(CONF)
        hostile = [Hostile(n, behave) for n, behave in enumerate(HOSTILE)]
        dead = net.write(net.FILES + '/dead.hints', f'. 3600000 NS a.dead.example.\na.dead.example. 3600000 A {fleet.DEAD}\n')
        configure(net.FILES + '/dead.conf', hints=dead)
        with concurrent.futures.ThreadPoolExecutor(len(hostile) + 5) as slow, concurrent.futures.ThreadPoolExecutor(3) as pool:
            unanchored = slow.submit(explain, 'ee311.example', fleet.at(0), conf=net.FILES + '/dead.conf')
            visits = [slow.submit(probe, each.domain) for each in hostile]
            fingers = pool.map(lambda row: self.finger.judge(row.name), self.rows)
            self.fingers = dict(zip([row.name for row in self.rows], fingers))
            self.probes = dict(zip([row.name for row in self.rows], pool.map(lambda row: probe(row.name), self.rows)))
            before = self.fleet_connections()
            self.explained = dict(zip([row.name for row in self.rows], pool.map(lambda row: explain(row.name, self.address(row)), self.rows)))
            self.explain_connected = self.fleet_connections() - before
            self.unanchored = unanchored.result()
            self.hostile = {behave.__name__: visit.result() for behave, visit in zip(HOSTILE, visits)}

    def address(self, row):
        return next((each['address'] for each in self.probes[row.name].visits() if each.get('outcome') not in (None, 'unreachable') and 'address' in each),
                    fleet.at(0))

    def fleet_log(self):
        with open(self.fleet.root + '/var/log/mail.log', encoding='utf-8', errors='replace') as f:
            return f.read()

    def fleet_connections(self):
        return self.fleet_log().count('connect from')


@test
def verdicts(lab):
    ok(len(lab.rows) >= 60, f'{len(lab.rows)} servers and zones')
    for row in lab.rows:
        done = lab.probes[row.name]
        found = done.last()
        equal((found.get('outcome'), found.get('reason') or found.get('auth'), done.exit),
              (row.outcome, row.detail, 0 if row.outcome in ('verified', 'encrypted', 'cleartext') else 1),
              f'probe {row.name}: {row.outcome} {row.detail or ""}')


@test
def replies(lab):
    for row in lab.rows:
        found = lab.probes[row.name].last()
        if row.outcome == 'refused':
            ok(re.match(rf'4[25]1 4\.\d\.\d+ waxseal: {row.detail}: ', found['reply']), f'{row.name}: the words of the refusal', found)
        elif row.outcome in ('verified', 'encrypted'):
            ok(found['tls'] == ('TLSv1.2' if row.name.startswith('tls12') else 'TLSv1.3') and found['cipher'].startswith('TLS_') and found['explanation'],
               f'{row.name}: version, cipher and why', found)


@test
def beside_postfix(lab):
    same = 0
    for row in lab.rows:
        theirs, ours = finger_says(lab.fingers[row.name]), lab.probes[row.name].last().get('outcome')
        listed = DIFFERENCES.get(row.name)
        same += theirs == ours
        if listed:
            equal((theirs, ours), listed[:2], f'{row.name}: posttls-finger {theirs}, waxseal {ours}; {listed[2]}')
        else:
            equal(theirs, ours, f'{row.name}: both say {ours}') or tap.note(lab.fingers[row.name])
    ok(same >= 40 and same == len(lab.rows) - len(DIFFERENCES), f'{same} of {len(lab.rows)} verdicts agree')


@test
def details(lab):
    """SNI is the TLSA base domain (R55), also behind an alias (R43-R45), and the record that matched is named."""
    for name, sni, record in (('alias-target', 'real.alias-target.example', '2 1 1 '), ('alias-origin', 'mx.alias-origin.example', '2 1 1 '),
                              ('ee301', 'mx.ee301.example', '3 0 1 '), ('agility-good', 'mx.agility-good.example', '3 1 2 '),
                              ('implicit', 'implicit.example', '3 1 1 '), ('no-tlsa', 'mx.no-tlsa.example', None)):
        found = lab.probes[name + '.example'].last()
        equal((found['sni'], found.get('record', '')[:6] or None), (sni, record), f'{name}: SNI {sni}, matched {record}')
    two = lab.probes['two.example']
    equal([(each['host'], each['tlsa'], each['addresses'][0]['outcome']) for each in two.said['hosts']],
          [('down.two.example', 'usable', 'unreachable'), ('mx.two.example', 'usable', 'verified')], 'each host of a domain is told, best first')
    equal(two.exit, 0, 'a host that is down is not one that would be refused')
    equal([lab.probes[f'{each}.example'].said['mx']['answer'] for each in ('ee311', 'implicit', 'null-mx')], ['list', 'implicit', 'null'], 'the MX answer is told')
    equal([lab.probes[f'{each}.example'].said['mx']['trust'] for each in ('ee311', 'unsigned', 'bogus')], ['secure', 'insecure', 'bogus'], 'and its trust')


@test
def no_envelope(lab):
    ok(lab.fleet_connections() >= 40, f'{lab.fleet_connections()} visits to real servers')
    heard = b''.join(each.heard() for each in lab.attackers)
    ok(b'EHLO' in heard and b'MAIL' not in heard and b'RCPT' not in heard, 'probe says EHLO, STARTTLS and QUIT, and never MAIL or RCPT', heard[:300])
    commands = re.findall(r'disconnect from \S+ (.*)', lab.fleet_log())
    ok(any('quit=1' in each for each in commands) and not any('mail=' in each or 'rcpt=' in each for each in commands), 'also as Postfix counts it')


@test
def explained(lab):
    """What explain foretells of each thing that a server may do is what probe saw of the server that did it."""
    kinds = {'starttls-not-supported': 'no-starttls', 'tlsa-invalid': 'not-matched', 'certificate-expired': 'not-matched', 'handshake-failed': 'handshake-failed',
             'certificate-host-mismatch': 'not-matched', 'certificate-not-trusted': 'not-matched', 'clear-after': 'handshake-failed'}
    for row in lab.rows:
        done, seen = lab.explained[row.name], lab.probes[row.name].last()
        if row.outcome == 'unreachable' or row.detail == 'early-bytes':
            continue
        if row.detail in ('dnssec-invalid', 'dns-error', 'null-mx'):
            equal((done.said['act'], done.said['reason'], done.exit), ('refuse', row.detail, 1), f'explain {row.name}: refused at once')
            continue
        case = kinds.get(row.detail) or ('no-starttls' if row.outcome == 'cleartext' else 'matched' if seen.get('auth') else 'tls')
        if row.name == 'dane-refuse.example':
            case = 'starttls-refused'
        equal((done.said['act'], done.exit, done.said['if'][case]['outcome']), ('upgrade', 0, row.outcome), f'explain {row.name}: if {case}, then {row.outcome}')
        if row.outcome == 'refused' and case != 'not-matched':
            equal(done.said['if'][case]['reason'], row.detail, f'explain {row.name}: and for that reason')
        equal(done.said.get('sni'), seen.get('sni', done.said.get('sni')), f'explain {row.name}: the name that is shown')
    equal(lab.explain_connected, 0, 'explain connects to nobody')


@test
def other_addresses(lab):
    unlisted = explain('ee311.example', '203.0.113.250').said
    equal((unlisted['found'], unlisted['act'], unlisted['if']['not-matched']['reason']), ('unlisted', 'upgrade', 'not-an-mx'), 'an address of no MX host (A94)')
    listed = explain('ee311.example', fleet.at([row.name for row in lab.rows].index('ee311.example'))).said
    equal((listed['found'], listed['candidates'], listed['tlsa'], listed['tls-floor']), ('secure', ['mx.ee311.example'], 'usable', 'TLSv1.2'),
          'an address of one, with the facts')
    gone = explain('nowhere.example', '203.0.113.250').said
    equal((gone['mx']['answer'], gone['found'], gone['act']), ('no-domain', 'no-domain', 'upgrade'), 'a domain that the world does not know')
    equal(probe('nowhere.example').exit, 1, 'and nobody to visit there')


@test
def levels(lab):
    conf = net.FILES + '/levels.conf'
    for sections, domain, outcome in (
            ('policy "default" { level = "may" }\n', 'mismatch-ee.example', 'encrypted'), ('policy "default" { level = "none" }\n', 'ee311.example', 'cleartext'),
            ('policy "default" { level = "encrypt" }\n', 'no-tlsa-no-tls.example', 'refused'), ('policy "default" { level = "dane-only" }\n', 'no-tlsa.example', 'refused'),
            ('policy "default" { level = "may" }\npolicy ".example" { level = "dane-only" }\n', 'ee311.example', 'verified')):
        done = probe(domain, conf=configure(conf, sections))
        equal((done.last()['outcome'], done.exit), (outcome, 1 if outcome == 'refused' else 0), f'{sections.strip()}: {domain} {outcome}')
    done = probe('mismatch-ee.example', conf=configure(conf, 'enforce = no\n'))
    equal((done.last()['outcome'], done.last()['would'], done.said['enforce'], done.exit), ('encrypted', 'tlsa-invalid', False, 0), 'observe mode says what it would refuse')
    done = probe('ee311.example', conf=configure(conf, 'exempt-destination = {"203.0.113.0/24"}\n'))
    ok(done.last()['outcome'] == 'unreachable' and 'untouched' in done.last()['explanation'], 'an exempt destination is not visited', done.words)


@test
def hostile(lab):
    for name, done in lab.hostile.items():
        found = done.last()
        ok(done.sound and done.exit == 1 and found.get('outcome') in ('refused', 'unreachable'), f'{name}: {found.get("outcome")} {found.get("reason") or ""}', done.words + done.errors)
        ok(all(32 <= ord(each) < 127 for each in done.words.rstrip('\n')), f'{name}: every byte of the report is printable (A119)', done.words)
    equal(lab.hostile['unprintable'].last()['said'], '454 ?[31m"red"\\?', 'the words of a server stand in the report')
    equal(lab.hostile['turns_away'].last()['said'], '554 ?[2Jgo away', 'those of its greeting, too')


@test
def unanchored(lab):
    done = lab.unanchored
    equal((done.exit, done.said['anchored'], done.said['act'], done.said['reason']), (1, False, 'refuse', 'no-anchor'), 'without a root nothing is believed (R25)')
    ok('could not be validated' in done.errors, 'and that is said', done.errors)


@test
def in_words(lab):
    done = Run('probe', 'ee311.example')
    ok(done.exit == 0 and 'mx.ee311.example, preference 10: TLSA usable' in done.words and 'verified: ' in done.words and 'TLSv1.3' in done.words, 'probe tells it in words', done.words)
    done = Run('probe', 'mismatch-ee.example')
    ok(done.exit == 1 and 'refused: 451 4.7.5 waxseal: tlsa-invalid: mx.mismatch-ee.example' in done.words, 'a refusal as the client would hear it', done.words)
    done = Run('explain', 'no-tlsa-no-tls.example', '203.0.113.1')
    ok(done.exit == 0 and 'if it does not offer STARTTLS:' in done.words and 'what the box remembers is unknown' in done.words, 'explain tells it in words', done.words)
    for command in (('probe',), ('probe', '--xml', 'a.example'), ('probe', '[203.0.113.1]'), ('probe', '203.0.113.1'), ('probe', 'b\u00fccher.example'), ('probe', 'a..b'),
                    ('explain', 'a.example'), ('explain', 'a.example', 'here'), ('explain', '[203.0.113.1]', '203.0.113.1')):
        done = Run(*command)
        ok(done.exit == 2 and done.errors and not done.words, f'waxseal {" ".join(command)}: usage', done.errors)


@test
def memory(lab):
    row = next(row for row in lab.rows if row.name == 'no-tlsa-reset.example')
    address = fleet.at(lab.rows.index(row))
    equal(explain(row.name, address).said['memory'], 'unknown', 'without a daemon its memory is unknown')
    lab.seal = seal.Seal()
    equal(explain(row.name, address).said['memory'], {'failures': [], 'more': 0}, 'with one that remembers nothing it is empty')
    with client.Client(address, world.OTHER) as c:
        c.hello()
        c.say('MAIL FROM:<alice@branch.example>')
        equal(c.say('RCPT TO:<bob@no-tlsa-reset.example>').code, 451, 'a client whose handshake failed waits')
        c.say('RSET')
        c.say('QUIT')
    said = net.until('the failure is remembered', lambda: explain(row.name, address).said['memory']['failures'])
    equal([(each['client'], each['host'], each['clear']) for each in said], [(world.OTHER, 'mx.no-tlsa-reset.example', False)], 'and is told: whose, where, and that it still waits')
    equal(probe(row.name).said['memory']['failures'][0]['client'], world.OTHER, 'probe tells it, too')
    ok(world.OTHER in Run('explain', row.name, address).words, 'also in words')
    equal(explain('no-tlsa.example', fleet.at(0)).said['memory']['failures'], [], 'of that domain alone')
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion of the daemon said anything')
    lab.seal.remove()


@test
def clean(lab):
    unsound = [done for runs in (lab.probes, lab.explained, lab.hostile) for done in runs.values() if not done.sound]
    equal([each.errors for each in unsound], [], 'no sanitizer and no assertion said anything')


tap.main(World)
