#!/usr/bin/python3 -B
"""
What goes wrong on an ordinary day, and what must never come of it: a segment of a client that passes the box by.

The outer link shows Waxseal's own connections too, from the client's address; so the clients here use ports of a range (PORTS) that no other program takes.

Proves A19, A69, A91, A107, A109, A111.
"""
import threading
import time

import capture
import client
import net
import seal
import tap
import world
from tap import equal, ok, test

PORTS = range(10000, 32000)
ports = iter(PORTS)


def connect(to=world.POSTFIX, timeout=40):
    return client.Client(to, world.OTHER6 if ':' in to else world.OTHER, port=next(ports), timeout=timeout)


def passed(wire):
    """Client segments on the outer link that no socket of the box sent."""
    return sorted(each for each in wire.sources() if each[1] in PORTS)


def deliver(to=world.POSTFIX, name='dane-ee.example'):
    with connect(to) as c:
        c.hello()
        return c.mail(['bob@' + name], b'Subject: x\r\n\r\nwaxmarkhammer')[1].code


def works_again(what):
    def tried():
        try:
            return deliver() == 250
        except client.Gone:
            return False
    ok(net.until(what, tried), what)


class Hammer:
    """Clients that deliver as fast as they can, until told to stop; some of them sit in the middle of DATA and go on sending."""

    def __init__(self):
        self.going, self.delivered, self.lost = True, 0, 0
        self.threads = [threading.Thread(target=self._deliver) for _ in range(3)] + [threading.Thread(target=self._linger) for _ in range(3)]

    def __enter__(self):
        for each in self.threads:
            each.start()
        net.until('first deliveries', lambda: self.delivered > 3)
        return self

    def __exit__(self, *_):
        self.going = False
        for each in self.threads:
            each.join(60)

    def _deliver(self):
        while self.going:
            try:
                self.delivered += deliver() == 250
            except (client.Gone, AttributeError, ValueError):
                self.lost += 1
                time.sleep(0.05)

    def _linger(self):
        while self.going:
            try:
                with connect() as c:
                    c.hello()
                    for line in ('MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@dane-ee.example>', 'DATA'):
                        c.say(line)
                    while self.going:
                        c.send(b'waxmarkhammer waxmarkhammer waxmarkhammer\r\n')
                        time.sleep(0.01)
            except (client.Gone, ValueError):
                self.lost += 1
                time.sleep(0.05)


@test
def the_check_can_fail(lab):
    """Without rules a client passes by, and `passed` says so."""
    lab.seal.tool('rules', 'remove')
    with capture.capture() as wire:
        equal(deliver(), 250, 'without rules the client goes directly')
    ok(len(passed(wire)) == 1 and wire.envelope(), 'and the capture shows its segments and its envelope')
    lab.seal.tool('rules', 'install')
    with capture.capture() as wire:
        equal(deliver(), 250, 'with rules it goes through the box')
    equal((passed(wire), wire.envelope()), ([], []), 'and nothing passes by')


@test
def server_is_down(lab):
    try:
        with connect(world.DOWN) as c:
            ok(False, 'server down: no byte of a greeting', c.line())
    except client.Gone as gone:
        ok('reset' in str(gone), 'server down: the client is reset before any byte of a greeting', gone)


@test
def client_leaves_at_any_moment(lab):
    steps = ['EHLO client.branch.zz', 'MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@dane-ee.example>', 'DATA', 'Subject: x\r\n\r\nwaxmarkleft']
    works_again('a client is served')
    rest = net.until('the end of sessions', lambda: not net.connected('legacy', 25) and seal.descriptors())
    with capture.capture() as wire:
        for count in range(len(steps) + 1):
            for leave in ('reset', 'close'):
                with connect() as c:
                    c.reply()
                    for line in steps[:count]:
                        c.send(line + '\r\n')
                        if not line.startswith('Subject'):
                            c.reply()
                    if leave == 'reset':
                        c.reset()
    equal((passed(wire), wire.envelope()), ([], []), 'clients that reset or close after each step: nothing was to be read')
    works_again('and the next client is served')
    ok(net.until('descriptors as before', lambda: seal.descriptors() <= rest), 'no descriptor of theirs stays behind')
    equal(lab.received('waxmarkleft'), [], 'no half message was delivered')
    ok(lab.seal.outcomes(reason='client-gone'), 'the log says client-gone')


@test
def worker_is_killed(lab):
    with capture.capture() as wire, Hammer() as hammer:
        for _ in range(3):
            before = seal.pids('wax-worker')
            lab.seal.kill('wax-worker')
            net.until('a new worker', lambda before=before: set(seal.pids('wax-worker')) - set(before))
            done = hammer.delivered
            net.until('deliveries by the new worker', lambda done=done: hammer.delivered > done)
    equal(passed(wire), [], 'a worker is killed thrice under load: not one client segment passes by')
    equal((wire.envelope(), wire.shows(b'waxmarkhammer')), ([], False), 'and nothing is to be read')
    ok(hammer.lost > 0, 'its own sessions were lost, as they must')


@test
def other_roles_are_killed(lab):
    for role in ('wax-resolver', 'wax-keeper'):
        with capture.capture() as wire, Hammer() as hammer:
            before = seal.pids(role)
            lab.seal.kill(role)
            net.until('a new ' + role, lambda: set(seal.pids(role)) - set(before))
            done = hammer.delivered
            net.until('deliveries after it', lambda: hammer.delivered > done + 3)
        equal((passed(wire), wire.envelope()), ([], []), f'{role} is killed under load: it comes back, nothing passes by, nothing is to be read')


@test
def everything_is_killed(lab):
    with capture.capture() as wire, Hammer() as hammer:
        lab.seal.kill()
        done = hammer.delivered
        time.sleep(1.5)
        equal(hammer.delivered, done, 'all processes are killed under load: nobody delivers')
        for at in (world.POSTFIX, world.POSTFIX6):
            try:
                with connect(at, timeout=5) as c:
                    c.reply()
                    ok(False, 'a new client is served by nobody')
            except client.Gone as gone:
                ok('refused' in str(gone) or 'reset' in str(gone), f'a new client ({at}) is reset at once', gone)
    equal(passed(wire), [], 'not one client segment passes by, of new sessions or old')
    equal((wire.envelope(), wire.shows(b'waxmarkhammer')), ([], False), 'and nothing is to be read')
    lab.seal.start()
    works_again('after a new start clients are served again')


@test
def sigterm_drains(lab):
    with connect() as c:
        c.hello()
        c.say('MAIL FROM:<carol@branch.zz>')
        c.say('RCPT TO:<bob@dane-ee.example>')
        c.say('DATA')
        lab.seal.process.terminate()
        net.until('no new clients', _refuses)
        c.send(b'Subject: x\r\n\r\nwaxmarkdrained\r\n.\r\n')
        equal(c.reply().code, 250, 'SIGTERM in the middle of DATA: the message is still taken')
        c.say('QUIT')
    equal(lab.seal.process.wait(60), 0, 'and the daemon ends with 0')
    net.until('it', lambda: lab.received('waxmarkdrained'))
    equal([each for role in seal.ROLES for each in seal.pids(role)], [], 'no process of it is left')
    lab.seal.start()


def _refuses():
    try:
        with connect(timeout=5) as c:
            return c.reply().code == 421
    except client.Gone:
        return True


@test
def sighup_reloads(lab):
    with connect() as c:
        c.hello()
        c.say('MAIL FROM:<carol@branch.zz>')
        equal(c.say('RCPT TO:<bob@dane-ee.example>').code, 250, 'a session is open')
        lab.seal.configure('policy "insecure.zz" { level = "dane-only" }\n')
        lab.seal.reload()
        net.until('the new policy', lambda: _code('bob@insecure.zz') == 451)
        ok(True, 'SIGHUP: a new session is judged by the new policy')
        equal(c.say('DATA').code, 354, 'the open one goes on')
        c.send(b'Subject: x\r\n\r\nwaxmarkreload\r\n.\r\n')
        equal(c.reply().code, 250, 'to its end')
    before = len(lab.seal.log())
    lab.seal.configure('policy "insecure.zz" { level = "no-such-level" }\n')
    lab.seal.reload()
    net.until('a word about it', lambda: len(lab.seal.log()) > before)
    equal(_code('bob@insecure.zz'), 451, 'changes nothing, and the log says so')
    lab.seal.configure()
    lab.seal.reload()
    net.until('the first policy', lambda: _code('bob@insecure.zz') == 250)


def _code(who):
    try:
        with connect() as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz>')
            return c.say(f'RCPT TO:<{who}>').code
    except client.Gone:
        return 0


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
