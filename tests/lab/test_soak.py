#!/usr/bin/python3 -B
"""
Everything at once, for SOAK_S seconds (`make soak`: an hour): clients that deliver, are refused, break off, talk nonsense or do their own TLS, while the
configuration is read anew all the time; in the last quarter processes are killed, too. Who was told 250 has his message there, once; what was not is not
there twice; what must be refused is nowhere; and the box holds no more at its end than it did when it was warm.

The order of things comes from SOAK_SEED, which is printed. Proves A36, A69.
"""
import collections
import os
import random
import re
import ssl
import threading
import time

import client
import net
import seal
import tap
import world
from tap import equal, note, ok, test

SECONDS, SEED = int(os.environ.get('SOAK_S', 40)), int(os.environ.get('SOAK_SEED', time.time_ns() % 1_000_000))
CLIENTS = 12
GOOD = {'dane-ee.example': world.POSTFIX, 'dane-ta.example': world.EXIM, 'oppo.example': world.SENDMAIL, 'plain.example': world.SMTPD}
BAD = {'mismatch.example': world.POSTFIX, 'stripped.example': world.ATTACK['strip'], 'mitm.example': world.ATTACK['owncert'], 'bogus.example': world.POSTFIX}
MORE_KB = 3072                                                  # what all processes together may have gained behind the first quarter


class Customer(threading.Thread):
    """One client after the other. `sent`: the markers of its messages; `told`: of those that were taken; `odd`: what must never be said; `ours`: what
    we refused although nothing is wrong with the domain, as we may while processes die."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.random, self.stop = number, random.Random(f'{SEED} {number}'), threading.Event()
        self.told, self.sent, self.odd, self.ours, self.seen = [], [], [], [], collections.Counter()

    def run(self):
        ways = ([self.deliver] * 10 + [self.refused] * 4 + [self.breaks] * 4 + [self.own_tls] * 2 + [self.nonsense, self.rests])
        while not self.stop.is_set():
            way = self.random.choice(ways)
            try:
                way()
                self.seen[way.__name__] += 1
            except (client.Gone, OSError, ssl.SSLError) as error:       # of a session whose worker was killed, or a server that has had enough
                self.seen[f'{way.__name__}: {type(error).__name__}'] += 1

    def to(self, at):
        return client.Client(at, self.random.choice((world.LEGACY, world.OTHER)))

    def begin(self):
        self.sent.append(f'waxsoak{self.number}x{len(self.sent)}end')
        large = self.random.random() < 0.03
        return self.sent[-1], f'Subject: {self.sent[-1]}\r\n\r\n'.encode() + b'All at once.\r\n' * (self.random.randrange(50_000) if large else 3)

    def transaction(self, c, domain):
        marker, content = self.begin()
        answers, final = c.mail(['bob@' + domain], content)
        if final and final.code == 250:
            self.told.append(marker)
        for each in (*answers, final):
            if each and 'waxseal:' in each.text:
                (self.ours if each.code // 100 == 4 else self.odd).append(f'{domain}: {each}')

    def deliver(self):
        domain = self.random.choice(list(GOOD))
        with self.to(GOOD[domain]) as c:
            c.hello()
            for _ in range(self.random.choice((1, 1, 3))):
                self.transaction(c, domain)
            c.say('QUIT')

    def refused(self):
        domain = self.random.choice(list(BAD))
        with self.to(BAD[domain]) as c:
            c.hello()
            answers, _ = c.mail(['bob@' + domain], self.begin()[1])
            self.odd += [f'{domain}: {each}' for each in answers if each.code // 100 != 4]

    def breaks(self):
        """Content that nobody ends, or less than that."""
        domain = self.random.choice(list(GOOD))
        lines = ['EHLO client.branch.zz', 'MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@' + domain + '>', 'DATA', 'Subject: waxhalf\r\n\r\nwaxhalf']
        with self.to(GOOD[domain]) as c:
            c.reply()
            for line in lines[:self.random.randrange(len(lines) + 1)]:
                c.send(line + '\r\n')
                if not line.startswith('Subject'):
                    c.reply()
            if self.random.random() < 0.5:
                c.reset()

    def own_tls(self):
        with self.to(world.POSTFIX) as c:
            c.hello()
            c.starttls()
            c.say('EHLO client.branch.zz')
            self.transaction(c, 'dane-ee.example')
            c.say('QUIT')

    def nonsense(self):
        with self.to(self.random.choice(list(GOOD.values()))) as c:
            c.reply()
            c.send(self.random.randbytes(self.random.randrange(1, 3000)) + b'\r\n')
            c.reply()

    def rests(self):
        with self.to(world.POSTFIX) as c:
            c.hello()
            self.stop.wait(self.random.random() * 5)
            c.say('QUIT')


def held():
    """Descriptors, and kB of memory (PSS): of all processes together."""
    pids = [pid for role in seal.ROLES for pid in seal.pids(role)]
    memory = 0
    for pid in pids:
        with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
            memory += int(re.search(r'^Pss: *(\d+)', f.read(), re.M)[1])
    return sum(len(os.listdir(f'/proc/{pid}/fd')) for pid in pids), memory


def at_rest():
    """What the box holds when all sessions have ended."""
    net.until('the end of all sessions', lambda: not net.connected('legacy', 25) and not net.connected('gw', 25), 120, 0.5)
    time.sleep(2)
    return held()


def crowd(lab, seconds, deaths=False):
    customers = [Customer(crowd.next + i) for i in range(CLIENTS)]
    crowd.next += CLIENTS
    for each in customers:
        each.start()
    end, rng = time.monotonic() + seconds, random.Random(SEED)
    while time.monotonic() < end:
        time.sleep(1)
        if deaths and rng.random() < 0.2:
            lab.seal.kill(rng.choice(seal.ROLES[1:]))
        else:
            lab.seal.reload()
    for each in customers:
        each.stop.set()
    for each in customers:
        each.join(120)
    lab.customers += customers
    note(dict(sum((each.seen for each in customers), collections.Counter())))
    return [text for each in customers for text in each.odd + ([] if deaths else each.ours)]


crowd.next = 0


@test
def crowds(lab):
    note(f'SOAK_S={SECONDS} SOAK_SEED={SEED}')
    lab.customers = []
    equal(crowd(lab, SECONDS // 4), [], 'clients of all kinds, and the configuration read anew: nobody is told what is not so')
    warm = at_rest()
    equal(crowd(lab, SECONDS // 2), [], 'and so it goes on')
    full = at_rest()
    note(f'descriptors and kB (PSS) of all processes: {warm} warm, {full} later')
    ok(full[0] <= warm[0], 'no descriptor has stayed behind', (warm, full))
    ok(full[1] <= warm[1] + MORE_KB, f'and no more memory than {MORE_KB // 1024} MB', (warm, full))


@test
def deaths(lab):
    before = at_rest()[0]
    equal(crowd(lab, SECONDS // 4, deaths=True), [], 'processes are killed: nobody is told more than to come again')
    equal(net.until('as many descriptors as before', lambda: at_rest()[0] <= before, 120), True, 'and no descriptor has stayed behind')


@test
def accounts(lab):
    told = {marker for each in lab.customers for marker in each.told}
    sent = {marker for each in lab.customers for marker in each.sent}

    def found():
        inbox = b'\n'.join(each for server in lab.mx.values() for each in server.inbox())
        return collections.Counter(each.decode() for each in re.findall(rb'^Subject: (waxsoak\w+end)', inbox, re.M))
    net.until('all deliveries', lambda: told <= found().keys(), 120, 1)
    copies = found()
    note(f'{len(sent)} messages begun, {len(told)} taken, {len(copies)} delivered')
    ok(len(told) > SECONDS, f'{len(told)} messages were taken, and each of them is there')
    equal(set(copies) - sent, set(), 'nothing is there that nobody sent')
    equal({marker: n for marker, n in copies.items() if n > 1}, {}, 'nothing is there twice')
    equal(lab.received('waxhalf'), [], 'of what was not ended nothing is there')
    equal([kind for kind, each in lab.attackers.items() if b'waxsoak' in each.heard()], [], 'and no attacker has read a word')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


if __name__ == '__main__':
    tap.main(seal.sealed_world())
