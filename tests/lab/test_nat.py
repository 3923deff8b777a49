#!/usr/bin/python3 -B
"""
Behind a gateway that masquerades on its outer side: `source = "client"` works, and a dead box still lets nothing by, old sessions included.

Proves A109, A110, A116.
"""
import capture
import client
import journey
import net
import seal
import tap
import world
from tap import equal, ok, test


@test
def sealed(lab):
    for source in ('client', 'gateway'):
        lab.seal.again(source=f'"{source}"')
        with capture.capture() as wire:
            for name in ('dane-ee.example', 'six.example', 'dane-ta.example'):
                trip = journey.travel(lab, name)
                equal((trip.line['outcome'], trip.bare), ('verified', False), f'masquerade, source = {source}, {name}: verified, and nothing to be read')
        equal({at for at, _ in wire.sources()}, {world.GW_OUT, world.GW_OUT6}, 'the outer link shows the gateway\'s addresses alone')


@test
def dead(lab):
    lab.seal.again()
    with capture.capture() as before, client.Client(world.POSTFIX, world.OTHER) as old:
        old.hello()
        old.say('MAIL FROM:<carol@branch.zz>')
        old.say('RCPT TO:<bob@dane-ee.example>')
        old.say('DATA')
        old.send(b'waxmarkbefore\r\n')
        net.until('TLS on the wire', lambda: any(capture.summary(each).count('TLS, ') for each in before.to_servers()))
        with capture.capture() as after:
            lab.seal.kill()
            for _ in range(2):
                try:
                    old.send(b'waxmarkafter\r\n')
                    old.reply()
                    ok(False, 'an old session goes on without the box')
                except client.Gone:
                    pass
            for at, mine in ((world.POSTFIX, world.OTHER), (world.POSTFIX6, world.OTHER6)):
                try:
                    with client.Client(at, mine, timeout=5) as new:
                        ok(False, 'a new client is served without the box', new.reply())
                except client.Gone:
                    ok(True, f'a new client ({mine}) is reset at once')
    said = [each.data for each in after.segments() if each.dport == 25 and each.data]
    equal((said, after.shows(b'waxmark')), ([], False), 'masquerade, all killed: nothing that a client says passes by, of old sessions or new')
    ok(not any(each.flags & capture.SYN for each in after.segments()), 'and no new connection leaves')
    lab.seal.start()
    equal(journey.travel(lab, 'dane-ee.example').line['outcome'], 'verified', 'after a new start clients are served again')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world(nat=True))
