#!/usr/bin/python3 -B
"""
Zones that are made to be expensive (hostile.py) cost their own routes only: while sessions ask for them, sessions for other domains are verified as ever, and
every hostile route ends, with what the RFC says of it. The comments of the output tell what it cost: CPU of the resolver, and replies to RCPT beside it.

Proves A90, R27, R28, R30.
"""
import os
import statistics
import threading
import time

import attack
import client
import dns
import hostile
import net
import pki
import seal
import tap
import world
from tap import equal, note, ok, test

A = '203.0.113.110'
HONEST, BESIDE = 40, 12


class Hostile:
    def __init__(self):
        world._network(False)
        net.address('mx', 'eth0', A + '/24')
        ee = pki.leaf('mx.honest.example')
        good = pki.tlsa(3, ee)
        honest = ''.join(f'h{i} MX 10 mx{i}\nmx{i} A {A}\n_25._tcp.mx{i} {good}\n' for i in range(HONEST))
        served = dns.build([dns.Zone('honest.example', honest, 'nsec')] + hostile.zones(A, good), hostile.DELEGATIONS)
        hostile.spoil()
        dns.serve('dns', served)
        self.mx = attack.Attacker('owncert', 'mx', A, ee, None)
        self.fresh = iter(range(HONEST))
        self.seal = seal.Seal()


def rcpt(domain):
    """One RCPT: what was answered, and after how many seconds."""
    with client.Client(A, world.OTHER) as c:
        c.hello()
        c.say('MAIL FROM:<carol@branch.zz>')
        begin = time.monotonic()
        answer = c.say(f'RCPT TO:<bob@{domain}>')
        took = time.monotonic() - begin
        c.say('QUIT')
        return answer, took


def cpu():
    """Seconds that the resolver has used."""
    with open(f'/proc/{seal.pids("wax-resolver")[0]}/stat', encoding='ascii') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def honest(lab, n):
    """n routes that are in no cache."""
    replies = [rcpt(f'h{next(lab.fresh)}.honest.example') for _ in range(n)]
    return [each.code for each, _ in replies], [took for _, took in replies]


@test
def one_by_one(lab):
    """What each costs, and how it ends."""
    rcpt('h0.honest.example')                                   # the root and the TLD are in the cache
    next(lab.fresh)
    for domain, wanted in (('d0.trap.example', ('dnssec-invalid', 'dns-error', 'dns-timeout')), ('chain-a.example', ('dns-error', 'dns-timeout')),
                           ('loop-a.example', ('dns-error', 'dns-timeout')), ('nxns.example', ('dns-error', 'dns-timeout', 'dnssec-invalid')),
                           ('d0.deep.example', ()), ('sealed.deep.example', ()), ('d0.deep150.example', ()), ('sealed.deep150.example', ())):
        before = cpu()
        answer, took = rcpt(domain)
        note(f'{domain}: {answer.code} after {took:.2f} s, {cpu() - before:.2f} s of the resolver\'s CPU')
        if not wanted:
            equal(answer.code, 250, f'{domain}: goes on')
        else:
            ok(answer.code == 451 and answer.text.startswith('4.4.3 waxseal: ') and any(each in answer.text for each in wanted), f'{domain}: refused, 4.4.3', answer)
    line = {name: lab.seal.outcomes(domain=name)[-1] for name in ('d0.deep.example', 'sealed.deep.example', 'sealed.deep150.example')}
    equal({name: each['auth'] for name, each in line.items()}, {'d0.deep.example': 'none', 'sealed.deep.example': 'dane-ee', 'sealed.deep150.example': 'dane-ee'},
          '2500 iterations prove no denial and take nothing from what is signed')


@test
def beside(lab):
    """The same domains, many sessions at once, and honest ones beside them."""
    codes, alone = honest(lab, BESIDE)
    equal(codes, [250] * BESIDE, 'honest domains alone: verified')
    for kind, names in (('trap', [f'd{i}.trap.example' for i in range(10, hostile.NAMES)]), ('deep', [f'd{i}.deep150.example' for i in range(10, hostile.NAMES)]),
                        ('the rest', ['chain-a.example', 'loop-a.example', 'nxns.example', 'loop-b.example'] * 8)):
        answers, before, begin = [], cpu(), time.monotonic()
        threads = [threading.Thread(target=lambda name=name, answers=answers: answers.append(rcpt(name)), daemon=True) for name in names]
        for each in threads:
            each.start()
        time.sleep(0.3)
        codes, took = honest(lab, 8)
        for each in threads:
            each.join(60)
        equal(codes, [250] * 8, f'beside {len(names)} sessions for {kind}: honest domains are verified')
        equal((len(answers), {each.code for each, _ in answers} <= {250, 451}), (len(names), True), f'{kind}: every session has its answer')
        if codes != [250] * 8:
            note('\n'.join(each for each in lab.seal.log().splitlines() if 'honest' in each)[-3000:])
        note(f'{kind}: honest RCPT median {statistics.median(took) * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms (alone {statistics.median(alone) * 1000:.0f} and '
             f'{max(alone) * 1000:.0f}); hostile worst {max(took for _, took in answers):.1f} s; resolver {cpu() - before:.2f} s of CPU in {time.monotonic() - begin:.1f} s')
    equal(len(seal.pids('wax-resolver')), 1, 'the resolver lives')
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(Hostile)
