"""
The appliance's rounds of breaking, a slot that does not start: does it serve again by itself, and does it still know what it knew?
"""
import re

import appliance
import journey
import net
import world
from tap import equal, ok

CONF = '/etc/waxseal/waxseal.conf'


def start(lab):
    lab.seal = box = appliance.Appliance()
    box.on()
    good(box)
    return box


def good(box):
    """Until the slot that runs is marked good; which one that is."""
    box.wait('open: rules', 900)
    found = net.until('a slot that serves', lambda: re.search('^([ab]): runs, has served; started next, tries: 3', box.run('slot'), re.M), 300, 2)
    return found.group(1)


def known(box):
    """What must survive: the configuration, and the keys of the root that the daemon follows."""
    net.until('kept keys', lambda: 'VALID' in box.run('cat /data/waxseal/state'), 120, 2)
    return box.run(f'sync; sha256sum {CONF} /etc/box.conf; grep -o "DNSKEY.*VALID" /data/waxseal/state')


def serves(lab, when):
    trip = journey.travel(lab, 'dane-ee.example')
    equal((trip.line['outcome'], trip.bare, trip.received), ('verified', False, ['postfix']), f'{when}: mail goes sealed')


# ---- a slot that does not start ------------------------------------------------------------------------------------------------------------
def flip(box, *names):
    """One bit of what lies in each of these partitions."""
    with open(box.disk, 'r+b') as f:
        for name in names:
            at = box.partition(name)[0] + 300000
            f.seek(at)
            byte, = f.read(1)
            f.seek(at)
            f.write(bytes([byte ^ 1]))


def slots(lab):
    box = start(lab)
    before = known(box)
    for wrong, whole, found in (('root_a', [], ['a', 'a', 'a', 'b']), ('kernel_b', ['root_a'], ['b', 'b', 'b', 'a'])):
        box.off()
        flip(box, wrong, *whole)
        box.on()
        equal((good(box), box.starts()), (found[-1], found), f'a flipped bit in {wrong}: three tries, then the other slot')
        equal(known(box), before, 'with the configuration, and the root\'s keys that it knew')
        serves(lab, 'on the other slot')
    box.off()
