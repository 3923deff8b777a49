#!/usr/bin/python3 -B
"""
A first MX host that cannot be reached: refused, prohibited, unreachable or silent. Through Waxseal, as directly, each real client goes on to the second host at
once, in the same run of its queue; nullmailer, which descends from qmail, has the two hosts in its list. The silent one costs what the kernel's patience with a SYN
costs (DESIGN.md: the far side's end reaches the client before any byte of a banner); the lab makes that patience short.

Proves A69: an end of the far side in the first state.
"""
import capture
import mta_clients
import net
import seal
import tap
import world
from tap import equal, ok, test

FIRST = {'two.zz': world.DOWN} | {f'{kind}.zz': at for kind, at in world.UNREACHABLE.items()}
SAYS = {'two.zz': 'refused', 'prohibit.zz': 'prohibited', 'unreachable.zz': 'unreachable', 'blackhole.zz': 'silent'}

PATIENCE = {'legacy': 1, 'gw': 2}                               # SYNs behind the first


def clients(lab):
    return [mta_clients.Postfix(lab.legacy)] + [each('legacy') for each in (mta_clients.Exim, mta_clients.Sendmail, mta_clients.Nullmailer)]


def deliver(lab, client, name, way):
    """One message; how often the first host's address was called, and what became of it."""
    marker = f'waxmark{way}{client.name}{name.replace(".", "")}'
    text = f'From: alice@branch.zz\nTo: bob@{name}\nSubject: {marker}\n\n{marker}\n'.encode()
    with capture.capture() as wire:
        verdict = client.send('bob@' + name, text, [FIRST[name], world.POSTFIX])
        if verdict == mta_clients.SENT:
            net.until('the delivery', lambda: lab.received(marker))
    calls = sum(each.target == FIRST[name] and each.flags & capture.SYN != 0 for each in wire.segments())
    return calls, verdict, len(lab.mx['postfix'].received(marker))


@test
def the_next_host_is_tried_at_once(lab):
    for space, retries in PATIENCE.items():
        net.setting(space, 'net/ipv4/tcp_syn_retries', retries)
    net.setting('inet', 'net/ipv4/icmp_ratelimit', 0)           # every SYN gets its answer
    everyone = clients(lab)
    for way in ('direct', 'sealed'):
        lab.seal.tool('rules', 'remove' if way == 'direct' else 'install')
        for client in everyone:
            for name, how in SAYS.items():
                client.forget()
                calls, *end = deliver(lab, client, name, way)
                if way == 'sealed':                             # directly it is a matter of luck: a blocking connect ignores an ICMP error that comes at once
                    ok((calls > PATIENCE['gw']) == (how == 'silent'), f'{client.name}: {how} is known {"when patience ends" if how == "silent" else "before"}', calls)
                else:
                    ok(calls > 0, f'direct: {client.name} calls the first host, which is {how}')
                equal(end, [mta_clients.SENT, 1],
                      f'{way}: {client.name}, {how}: it delivers to the second host in the same run, once')
                if way == 'sealed':
                    line = lab.seal.outcomes(domain=name)[-1]
                    equal((line['outcome'], line['mx']), ('verified', 'mx2.' + name), f'{client.name}, {how}: verified as the second host')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')
    ok(not [each for each in lab.seal.outcomes() if each['outcome'] not in ('verified',)], 'a host that cannot be reached is no outcome: nobody spoke yet')


tap.main(seal.sealed_world())
