#!/usr/bin/python3 -B
"""
Every domain of the lab, through Waxseal, from a real Postfix to real MX hosts: the outcome, its line, what crossed the wire, and the reply in the queue.

Proves R13, R21, R25-R28, R32, R35, R40, R44, R47, R50, R55; A1-A5, A7, A18, A19, A27, A74, A80, A82-A84, A92, A94.
"""
import re

import capture
import client
import journey
import seal
import tap
import world
from tap import equal, ok, test

# domain: outcome, auth, reason, code of the reply; who has the message in the end
DELIVERED = {
    'plain.example': ('cleartext', 'none', 'opensmtpd'),
    'oppo.example': ('encrypted', 'none', 'sendmail'),
    'dane-ee.example': ('verified', 'dane-ee', 'postfix'),
    'dane-ta.example': ('verified', 'dane-ta', 'exim'),
    'insecure.zz': ('encrypted', 'none', 'postfix'),
    'two.zz': ('verified', 'dane-ee', 'postfix'),
    'six.example': ('verified', 'dane-ee', 'postfix'),
    'drift.example': ('encrypted', 'none', 'attacker drift'),
    'oppo-strip.example': ('cleartext', 'none', 'postfix'),
}
REFUSED = {
    'mismatch.example': ('tlsa-invalid', '4.7.5'),
    'stripped.example': ('starttls-not-supported', '4.7.4'),
    'mitm.example': ('tlsa-invalid', '4.7.5'),
    'forged.example': ('not-an-mx', '4.7.5'),
    'bogus.example': ('dnssec-invalid', '4.4.3'),
    'refuse.example': ('clear-after', '4.7.10'),
    'dane-refuse.example': ('starttls-not-supported', '4.7.4'),
    'inject.example': ('early-bytes', '4.7.0'),
    'dane-inject.example': ('early-bytes', '4.7.0'),
    'reset.example': ('clear-after', '4.7.10'),
    'dane-reset.example': ('handshake-failed', '4.7.5'),
    'hole.example': ('clear-after', '4.7.10'),
    'dane-hole.example': ('handshake-failed', '4.7.5'),
}
KEYS = 'outcome domain mx server client level auth tls cipher resumed reason session'.split()
LINE = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) waxseald\[\d+\]: outcome=')


@test
def delivered(lab):
    for name, (outcome, auth, receiver) in DELIVERED.items():
        trip = journey.travel(lab, name)
        line = trip.line
        equal((line['outcome'], line['auth'], line['reason'], trip.waiting), (outcome, auth, '-', False), f'{name}: {outcome}, auth={auth}, delivered')
        ok(receiver in trip.received, f'{name}: {receiver} has it', trip)
        equal(trip.bare, outcome == 'cleartext', f'{name}: the wire {"shows it, as it must" if trip.bare else "shows neither envelope nor content"}')
        equal((line['client'], line['level']), (world.LEGACY6 if ':' in line['server'] else world.LEGACY, 'dane'), f'{name}: client and level are named')
        ok((line['tls'] in ('TLSv1.2', 'TLSv1.3') and line['cipher'].startswith('TLS_')) if outcome != 'cleartext' else line['tls'] == '-',
           f'{name}: tls={line["tls"]} cipher={line["cipher"]}')


@test
def refused(lab):
    for name, (reason, code) in REFUSED.items():
        trip = journey.travel(lab, name)
        line = trip.line
        equal((line['outcome'], line['reason'], trip.received), ('refused', reason, []), f'{name}: refused, {reason}, and nobody has it')
        ok(not trip.bare, f'{name}: neither envelope nor content crossed the wire', trip)
        ok(f'451 {code} waxseal: {reason}: ' in trip.why or f'421 {code} waxseal: {reason}: ' in trip.why, f'{name}: the queue says why: {code} {reason}', trip.why)
        ok(name in trip.why or reason == 'early-bytes', f'{name}: and names the domain', trip.why)


@test
def null_mx(lab):
    """A sender that ignores the null MX and goes to some host all the same (A93)."""
    with capture.capture() as wire, client.Client(world.POSTFIX, world.OTHER) as c:
        c.hello()
        c.say('MAIL FROM:<carol@branch.zz>')
        answer = c.say('RCPT TO:<bob@nullmx.zz>')
        c.say('QUIT')
    ok(answer.code == 451 and '4.7.5 waxseal: null-mx: ' in answer.text, 'a secure null MX is refused', answer)
    equal(wire.envelope(), [], 'and the envelope stays on the box')
    lab.seal.outcome(domain='nullmx.zz', reason='null-mx')


@test
def line_format(lab):
    lines = [each for each in lab.seal.log().splitlines() if 'outcome=' in each]
    ok(all(LINE.match(each) for each in lines), 'each outcome line stands behind time, name and process id', lines)
    rows = lab.seal.outcomes()
    ok(rows and all(list(row)[:len(KEYS)] == KEYS for row in rows), 'its keys are the documented ones in their order', rows)
    ok(all(row['resumed'] in '01' and row['session'] != '-' for row in rows), 'resumed and session have values')
    ok(not any('bob' in each or 'alice' in each for each in lines), 'no mailbox is named (A121)')


@test
def hosts(lab):
    for name, host, server in (('two.zz', 'mx2.two.zz', world.POSTFIX), ('dane-ta.example', 'mx.dane-ta.example', world.EXIM),
                               ('six.example', 'mx.six.example', world.POSTFIX6), ('mitm.example', 'mx.mitm.example', world.ATTACK['owncert'])):
        row = lab.seal.outcomes(domain=name)[-1]
        equal((row['mx'], row['server']), (host, server), f'{name}: the line names the host and its address')
    equal(lab.seal.outcomes(domain='forged.example')[-1]['server'], world.ATTACK['owncert'], 'forged.example: it names the address that the client was sent to')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
