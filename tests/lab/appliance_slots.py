"""
The appliance's rounds of breaking: a slot that does not start, updates good and bad, a daemon that hangs, the mains cut in the middle of a message. What is
asked each time: does it serve again by itself, and does it still know what it knew?
"""
import hashlib
import json
import os
import re

import appliance
import client
import journey
import net
import world
from tap import equal, ok

CONF = '/etc/waxseal/waxseal.conf'
UPDATES = net.FILES + '/updates'


def start(lab):
    lab.seal = box = appliance.Appliance()
    box.on()
    good(box)
    return box


def good(box):
    """Until the slot that runs is marked good, which it may have been before, and the box serves; which one that is."""
    box.wait('open: rules', 900)
    box.anchored()
    found = net.until('a slot that serves', lambda: re.search('^([ab]): runs, has served; started next, tries: 3', box.run('slot'), re.M), 300, 2)
    return found.group(1)


def known(box):
    """What must survive: the configuration, and the keys of the root that the daemon follows."""
    net.until('kept keys', lambda: 'VALID' in box.run('cat /data/waxseal/state'), 120, 2)
    return box.run(f'sync; sha256sum {CONF} /etc/box.conf; grep -o "DNSKEY.*VALID" /data/waxseal/state')


def serves(lab, when):
    trip = journey.travel(lab, 'dane-ee.example')
    equal((trip.line['outcome'], trip.bare, trip.received), ('verified', False, ['postfix']), f'{when}: mail goes sealed')


def restart(box):
    box.restarted()
    box.line.sendall(b'\rreboot\r')


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


# ---- updates -----------------------------------------------------------------------------------------------------------------------------------
def files(box):
    """The update that was built, and what else might come; name -> why it is refused, '' for one that only a start can tell from a good one."""
    with open(os.environ['UPDATE'], 'rb') as f:
        built = f.read()
    word, board, kernel, root = built[:512].rstrip(b'\0').split(b'\n')[:4]
    content = bytearray(built[512:])
    content[-600000] ^= 1
    size = int(root.split()[0])

    def made(*lines):
        return b'\n'.join(lines).ljust(512, b'\0')

    beyond = box.partition('kernel_b')[1] + 1
    large = b'%d %s' % (beyond, kernel.split()[1])
    bad = {
        'noise': (os.urandom(100000), 'is no update'),
        'foreign': (made(word, b'other-board', kernel, root) + content, 'is for another board, other-board'),
        'cut': (built[:-1], 'is cut short'),
        'large': (made(word, board, large, b'1 0') + bytes(beyond + 1), 'the kernel is too large'),
        'damaged': (built[:512] + content, 'the root is damaged'),
        'hollow': (made(word, board, kernel, b'%d %s' % (size, hashlib.sha256(content[-size:]).hexdigest().encode())) + content, ''),
        'good': (built, ''),
    }
    for name, (data, _) in bad.items():
        with open(f'{UPDATES}/{name}', 'wb') as f:
            f.write(data)
    return {name: why for name, (_, why) in bad.items()}


def write(box, name):
    """What the box says of that update."""
    return box.run(f'wget -q -O /data/update http://{world.LEGACY}/{name} && slot write /data/update; rm /data/update')


def update(lab):
    box = start(lab)
    os.makedirs(UPDATES)
    refused = files(box)
    net.spawn('legacy', ['python3', '-m', 'http.server', '--bind', world.LEGACY, '--directory', UPDATES, '80'], UPDATES + '.log')
    net.until('the updates', lambda: net.accepts('legacy', world.LEGACY, 80))
    before = known(box)
    for name, why in refused.items():
        if why:
            said = write(box, name)
            ok(why in said, f'refused: {why}', said)
    equal((good(box), box.run('slot').count('has served')), ('a', 1), 'and nothing has changed')

    ok('slot b is started next' in write(box, 'good'), 'an update is written')
    ok('b: has not served yet; started next' in box.run('slot good; slot'), 'and is still next when the slot that runs is once more found good')
    restart(box)
    equal((good(box), known(box)), ('b', before), 'and runs, with the configuration and the keys')
    serves(lab, 'on the updated slot')

    ok('slot a is started next' in write(box, 'hollow'), 'an update whose parts do not belong together is written')
    restart(box)
    equal((good(box), box.starts()[-4:]), ('b', ['a', 'a', 'a', 'b']), 'does not start, three times, and the slot before it serves again')

    ok('slot a is started next' in write(box, 'good'), 'an update is written')
    box.run(f'echo "clients = nonsense {{" >>{CONF}; sync')
    restart(box)
    for _ in range(3):
        box.wait('health: this slot is on trial')
        box.restarted()
    box.wait('CLOSED: the interception rules')
    equal((box.starts()[-4:], box.run('slot').count('runs, has served')), (['a', 'a', 'a', 'b'], 1), 'it refuses the configuration: the slot before it is back')
    outwait_dog(box)
    equal(box.starts()[-4:], ['a', 'a', 'a', 'b'], 'which refuses it too, and stays, shut, with its console')
    box.off()


# ---- a daemon that hangs -------------------------------------------------------------------------------------------------------------------------
def up(box):
    return float(box.run('cat /proc/uptime').split()[0])


def outwait_dog(box):
    """More than the watchdog's minute passes."""
    end = up(box) + 75
    net.until("more than the watchdog's time", lambda: up(box) > end, 240, 2)


def dog(lab):
    box = start(lab)
    with client.Client(world.POSTFIX, world.OTHER, timeout=60) as c:
        c.hello()
        box.run('kill $(pidof wax-broker)')
        outwait_dog(box)
        equal((box.starts(), c.say('NOOP').code), (['a'], 250), 'a daemon in an orderly drain is left to it')
    net.until('the next daemon', lambda: re.search('^draining +no', box.run('waxseal status'), re.M), 120, 2)
    serves(lab, 'when it is over')
    box.restarted()
    box.line.sendall(b'\rkill -STOP $(pidof wax-broker wax-keeper wax-worker wax-resolver)\r')
    good(box)
    equal(box.starts(), ['a', 'a'], 'a daemon that hangs, and so is not started again: the watchdog resets the box')
    serves(lab, 'and afterwards')
    box.off()


def halved(lab):
    """An interface is gone, on a box that has not served yet: nothing that a restart would mend."""
    lab.seal = box = appliance.Appliance()
    box.on(ends=['lan'])
    box.wait('there is no interface wan', 900)
    outwait_dog(box)
    ok('a: runs, has not served yet' in box.run('slot') and box.starts() == ['a'], 'without its outer interface a slot is not good, and is not restarted for it',
       box.said(0))
    box.off()


# ---- the mains -----------------------------------------------------------------------------------------------------------------------------------
def passed(so_far=0):
    """Bytes that the box has sent on its outer side."""
    link, = json.loads(net.run('gw', ['ip', '-s', '-j', 'link', 'show', 'tap-wan']))
    return link['stats64']['rx']['bytes'] - so_far


def power(lab):
    box, who, markers = start(lab), 'bob@dane-ee.example', []
    for cut in (100000, 300000, 2000000):                       # of the content: who waits for a reply is told by nobody that the box is gone
        box.line.sendall(b'\r(while :; do date >>/data/etc/scratch; sync; done) &\r')
        with client.Client(world.POSTFIX, world.OTHER) as c:
            c.hello()
            said = [c.say(line).code for line in ('MAIL FROM:<carol@branch.zz>', f'RCPT TO:<{who}>', 'DATA')]
            c.send(b'Subject: half\r\n\r\nwaxhalf\r\n' * 100)
            before = passed()
            marker = lab.legacy.send(who, body='0123456789abcdef\n' * 500000)
            net.until('bytes on their way', lambda: passed(before) > cut, 60, 0.01)
            box.off()
        waits, got = who in lab.legacy.queue(), lab.mx['postfix'].received(marker)
        equal((said, waits, got), ([250, 250, 354], True, []),
              f'the mains are cut after {cut} bytes, another content half sent: the message waits, and nobody has a part of it')
        box.on()
        good(box)
        said = box.run('grep /data /proc/mounts; dmesg | grep EXT4-fs')
        ok('/data ext4 rw' in said and 'EXT4-fs error' not in said, 'the box is there again, and so is its file system', said)

        def delivered():
            lab.legacy.flush()
            return lab.mx['postfix'].received(marker) and lab.legacy.queue() == {}
        net.until('the delivery', delivered, 300, 2)
        markers.append(marker)
    found = [[len(got) > 8000000 for got in lab.mx['postfix'].received(each)] for each in markers]
    equal(found, [[True]] * 3, 'and each message arrives afterwards, once and whole')
    equal(lab.mx['postfix'].received('waxhalf'), [], 'of the messages that were half sent nothing has arrived')
    box.off()
