#!/usr/bin/python3 -B
"""
The ways to set Waxseal up: observe mode, levels, clear-after, redirect, the gateway's own address, exemptions, fail = open.

Proves R54, R57, A18, A109, A110, A117.
"""
import capture
import client
import journey
import net
import seal
import tap
import world
from tap import equal, ok, test

LAN = '{"192.0.2.1:2525", "[2001:db8:1::1]:2525"}'


def summary(trip):
    return trip.line['outcome'], trip.line['auth'], trip.line['reason']


@test
def observe(lab):
    lab.seal.again(enforce='no')
    for name, outcome in (('mismatch.example', 'encrypted'), ('stripped.example', 'cleartext'), ('mitm.example', 'encrypted'), ('bogus.example', 'encrypted')):
        trip = journey.travel(lab, name)
        equal((trip.line['outcome'], trip.line.get('would'), trip.waiting), (outcome, 'refused', False), f'observe mode, {name}: {outcome}, would=refused')
    trip = journey.travel(lab, 'dane-ee.example')
    equal((summary(trip), trip.line.get('would', 'verified') != 'refused'), (('verified', 'dane-ee', '-'), True), 'what verifies is verified all the same')
    equal(journey.travel(lab, 'inject.example').line['reason'], 'early-bytes', 'what protects the protocol itself stays')


@test
def levels(lab):
    lab.seal.again(''.join(f'policy "{name}" {{ level = "{level}" }}\n' for name, level in (
        ('plain.example', 'encrypt'), ('oppo.example', 'dane-only'), ('.zz', 'none'), ('mismatch.example', 'encrypt'), ('dane-ta.example', 'dane-only'),
        ('stripped.example', 'may'))))
    for name, wanted in (('plain.example', ('refused', 'none', 'starttls-not-supported')), ('oppo.example', ('refused', 'none', 'dane-required')),
                         ('insecure.zz', ('cleartext', 'none', '-')), ('mismatch.example', ('encrypted', 'none', '-')),
                         ('dane-ta.example', ('verified', 'dane-ta', '-')), ('stripped.example', ('cleartext', 'none', '-'))):
        trip = journey.travel(lab, name)
        equal(summary(trip), wanted, f'level {trip.line["level"]}, {name}: {wanted[0]}')


@test
def clear_after(lab):
    lab.seal.again('tls { clear-after = 0 }\n')
    trip = journey.travel(lab, 'reset.example')
    equal((summary(trip), trip.received), (('cleartext', 'none', '-'), ['attacker reset']), 'clear-after = 0: a failed handshake without TLSA goes in clear at once')
    trip = journey.travel(lab, 'dane-reset.example')
    equal((trip.line['outcome'], trip.bare), ('refused', False), 'but never where TLSA exist')


@test
def gateway_address(lab):
    lab.seal.again(source='"gateway"')
    with capture.capture() as wire:
        for name in ('dane-ee.example', 'six.example'):
            equal(summary(journey.travel(lab, name)), ('verified', 'dane-ee', '-'), f'source = gateway, {name}: verified')
    equal({at for at, _ in wire.sources()}, {world.GW_OUT, world.GW_OUT6}, 'and the outer link sees the gateway\'s own addresses alone')


@test
def redirect(lab):
    lab.seal.again(intercept='"redirect"', listen=LAN)
    with capture.capture() as wire:
        for name in ('dane-ee.example', 'six.example'):
            equal(summary(journey.travel(lab, name)), ('verified', 'dane-ee', '-'), f'intercept = redirect, {name}: verified')
        equal(summary(journey.travel(lab, 'forged.example')), ('refused', 'none', 'not-an-mx'), 'the original destination is known')
    equal(wire.envelope(), [], 'nothing was to be read')
    for at in (world.GW_IN, world.GW_IN6):
        try:
            with client.Client(at, world.OTHER6 if ':' in at else world.OTHER, timeout=5) as c:
                ok(False, 'a direct connection to the listener is refused', c.reply())
        except client.Gone:
            ok(True, f'a client that aims at the box itself ({at}) gets nowhere (A117)')
    lab.seal.kill()
    with capture.capture() as wire:
        try:
            with client.Client(world.POSTFIX, world.OTHER, port=20001, timeout=5) as c:
                ok(False, 'redirect, and the daemon dead: a client gets through', c.reply())
        except (client.Gone, TimeoutError):
            ok(True, 'redirect, and the daemon dead: a client gets nowhere')
    ok((world.OTHER, 20001) not in wire.sources(), 'and none of its segments passes by')
    lab.seal.start()


@test
def exemptions(lab):
    lab.seal.again(exempt_client=f'{{"{world.OTHER}"}}', exempt_destination=f'{{"{world.EXIM}"}}')
    with capture.capture() as wire:
        with client.Client(world.POSTFIX, world.OTHER, port=20002) as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz>')
        with client.Client(world.EXIM, world.LEGACY, port=20003) as c:
            c.hello()
            c.say('MAIL FROM:<dave@branch.zz>')
    ok({(world.OTHER, 20002), (world.LEGACY, 20003)} <= wire.sources(), 'exempt client and exempt destination pass untouched')
    equal(len(wire.envelope()), 2, 'in clear, as the site said')
    equal(summary(journey.travel(lab, 'dane-ee.example')), ('verified', 'dane-ee', '-'), 'everybody else is sealed')


@test
def open_when_dead(lab):
    lab.seal.again(fail='"open"')
    equal(summary(journey.travel(lab, 'dane-ee.example')), ('verified', 'dane-ee', '-'), 'fail = open: sealed while the daemon lives')
    lab.seal.kill()
    with client.Client(world.POSTFIX, world.OTHER, timeout=5) as c:
        equal(c.reply().code, 220, 'and open when it is dead')
    lab.seal.start()


def _table(name):
    return net.run('gw', ['nft', 'list', 'table', 'inet', name])


def _policy_route():
    return ''.join(net.run('gw', ['ip', version, *what], check=False) for version in ('-4', '-6') for what in (['rule'], ['route', 'show', 'table', '22355']))


@test
def rules_are_ours_alone(lab):
    lab.seal.again()
    net.rules('gw', 'table inet mine { chain keep { type filter hook input priority 0; ct state invalid drop; }; }\n')
    before = [_table('waxseal'), _table('mine'), _policy_route()]
    lab.seal.tool('rules', 'install')
    equal([_table('waxseal'), _table('mine'), _policy_route()], before, 'rules install a second time changes nothing')
    lab.seal.tool('rules', 'check')
    ok(True, 'rules check is content')
    lab.seal.stop()
    lab.seal.tool('rules', 'remove')
    left = net.run('gw', ['nft', 'list', 'ruleset'])
    ok('table inet mine' in left and 'waxseal' not in left, 'rules remove takes our table and leaves the others', left)
    ok('0x5753' not in _policy_route() and '22355' not in _policy_route(), 'and the policy route with it', _policy_route())
    lab.seal.tool('rules', 'remove')
    ok(True, 'a second remove is content, too')
    lab.seal.tool('rules', 'install')
    lab.seal.start()


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
