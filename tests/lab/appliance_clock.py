"""
The appliance's rounds of time: a clock on the board that knows nothing, and one that is years ahead.
"""
import re
import time

import appliance
import clocks
import dns
import journey
import net
import world
from tap import equal, ok


def clock_is(box, state):
    return net.until(f'a clock that is {state}', lambda: f'clock {state}' in box.run('waxseal status'), 300, 1)


def kept_floor(box):
    return int(box.run("sed -n 's/^floor //p' /data/waxseal/state").strip() or 0)


def clock(lab):
    """The RTC of the board knows nothing: the network tells the time, by a name, and what was known of it outlives a power cut."""
    lab.seal = box = appliance.Appliance(more=f'NTP=time.{world.LEGACY_DOMAIN}\nDNS={dns.RESOLVER}\n')
    box.on('1970-01-01')
    box.wait('open: rules')
    clock_is(box, 'unsynced')
    net.until('a try of the time client', lambda: 'no time: ' in box.run('logread | grep sntp'), 120, 1)
    who = 'bob@dane-ee.example'
    marker = lab.legacy.send(who)
    why = lab.legacy.settled([who]).get(who, '')
    ok('clock-unsynced' in why, 'an RTC of 1970, and no time server: what needs DNS waits', why)
    pids = box.run('pidof wax-broker wax-keeper wax-resolver wax-worker')
    server = clocks.chrony('mx', world.TIME)
    clock_is(box, 'synced')
    ok(abs(int(box.run('date +%s')) - time.time()) < 10, 'a time server that appears: the box has its time, and the kernel says synchronised')
    box.anchored()
    lab.legacy.flush()
    equal(net.until('the delivery', lambda: lab.received(marker), 90, 1), ['postfix'], 'and what has waited is delivered')
    equal(box.run('pidof wax-broker wax-keeper wax-resolver wax-worker'), pids, 'without a restart of the daemon')
    said = re.findall(r'daemon\.\w+ sntp: (.*)', box.run('logread'))
    ok(len(said) == 2 and 'no time: ' in said[0] and 'the clock is set by +' in said[1], 'the log has two lines of it', said)
    equal(box.run("sed -n 's/^CapPrm:.//p;s/^Uid:.\\([0-9]*\\).*/\\1/p' /proc/$(pidof sntp)/status").split(), ['101', f'{1 << 25:016x}'],
          'the time client is a user of its own that may set the clock and nothing else')
    box.run('kill $(pidof wax-broker)')                         # whoever ends in good order keeps the time that he knew; else it is kept every six hours
    net.until('the floor on data', lambda: kept_floor(box) > time.time() - 120, 120, 1)
    floor = kept_floor(box)
    doubt = [int(re.search(r'maxerror: *(\d+)', box.run(f'sleep {pause}; adjtimex'))[1]) for pause in (0, 4)]
    ok(doubt[1] >= doubt[0] + 3 * 500, "between two answers the kernel's own doubt grows by 500 us a second: past 16 s, in nine hours, it is not synchronised",
       doubt)

    server.terminate()
    server.wait(20)
    box.off()
    liar = clocks.Liar('early', 'mx', world.TIME, '')
    box.on('1970-01-01')
    box.wait('open: rules')
    clock_is(box, 'unsynced')
    net.until('the liar\'s time', lambda: 'before the floor' in box.run('logread | grep sntp'), 120, 1)
    ok(f'clock-floor {time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(floor))}' in box.run('waxseal status'), 'after a power cut the floor is what was known')
    ok('1970' in box.run('date') and liar.asked, 'and a server whose time lies before it sets no clock')
    liar.end()
    box.off()


def years_ahead(lab):
    """The RTC is years ahead: the network sets it back."""
    clocks.chrony('mx', world.TIME)
    lab.seal = box = appliance.Appliance(more=f'NTP={world.TIME}\n')
    box.on('2034-05-06')
    box.wait('open: rules')
    clock_is(box, 'synced')
    ok('sntp: the clock is set by -2' in box.run('logread'), 'an RTC of 2034 is set back')
    box.anchored()
    equal(journey.travel(lab, 'dane-ee.example').line['outcome'], 'verified', 'and mail goes')
    box.off()
