#!/usr/bin/python3 -B
"""
What Waxseal does, shown on real mail servers: `make demo`, or this program as root (`--shell`: and then a shell in the lab, to look around).

A legacy Postfix with TLS off sends one message to each domain. A row says what it sent, what a capture of the gateway's outer link shows of it, how the peer was
authenticated, and what became of the mail. The program fails when the capture shows what it must not.
"""
import os
import subprocess
import sys

import journey
import net
import seal

# domain: may envelope and content be readable on the wire?
DOMAINS = {
    'plain.example': True, 'oppo.example': False, 'dane-ee.example': False, 'dane-ta.example': False, 'six.example': False, 'two.zz': False,
    'mismatch.example': False, 'stripped.example': False, 'mitm.example': False, 'forged.example': False, 'bogus.example': False,
}
COLUMNS = '{:17} {:35} {:38} {:38} {:8} {:8} {}'


def row(lab, name):
    trip = journey.travel(lab, name, body='The quarterly figures, for your eyes only.')
    line = trip.line
    peer = line['auth'] if line['auth'] != 'none' else '-'
    print(COLUMNS.format(name, lab.domains[name].title, trip.sent, trip.crossed, line['tls'] if not trip.waiting else '-', peer,
                         'waits in the legacy queue' if trip.waiting else 'delivered' + ('' if line['outcome'] != 'cleartext' else ', IN CLEAR')))
    if trip.waiting:
        print('    ' + _reply(trip.why), flush=True)
    return trip


def _reply(why):
    """Postfix wraps the reply in words of its own."""
    text = ' '.join(why.split())
    return text.split(' said: ', 1)[-1].split(' (in reply to ')[0]


def main():
    net.enter()
    print('Raising a small internet in network namespaces: signed DNS, Postfix, Exim, sendmail, OpenSMTPD, attackers …', flush=True)
    lab = seal.sealed_world()()
    print(f'Waxseal is on the gateway ({", ".join(seal.ROLES)}). The legacy Postfix has TLS off; here is what it sends, and what comes of it.\n')
    print(COLUMNS.format('domain', 'what is true of it', 'sent by the legacy server', 'crossed the wire', 'TLS', 'peer', 'mail'))
    print(COLUMNS.format(*('-' * width for width in (17, 35, 38, 38, 8, 8, 25))), flush=True)
    trips = [row(lab, name) for name in DOMAINS]

    bare = [trip.domain for trip in trips if trip.bare]
    stolen = [trip.domain for trip in trips for who in trip.received if who.startswith('attacker')]
    print(f'\nIn the capture of the outer link, envelope and content can be read of: {", ".join(bare) or "none"} (which offers no TLS, and publishes that it needs none).')
    print(f'Messages in the hands of an attacker: {", ".join(stolen) or "none"}.')
    print('\nThe outcome lines of the gateway:')
    for trip in trips:
        print('  ' + ' '.join(f'{key}={value}' for key, value in list(trip.line.items())[:11]))
    print('''
To look further:
  tests/lab/demo.py --shell          the same, and then a shell in the lab
  tests/lab/run                      what the lab's tests prove; V=1 shows every line
  tests/lab/test_direct.py           the same internet without Waxseal: everything is to be read
  build/waxseal                      the command, and what it can do''')
    if '--shell' in sys.argv:
        shell(lab)
    wrong = [name for name in bare if not DOMAINS[name]] + stolen
    if wrong:
        sys.exit(f'demo: to be read on the wire, or stolen, against the promise: {", ".join(wrong)}')


def shell(lab):
    print(f'''
A shell on the gateway; the lab ends with it. The log: {seal.LOG}; captures: {net.FILES}/wire-*.pcap
  waxseal -c {seal.CONF} status
  nft list ruleset
  legacy postqueue -p                (runs a command on the legacy server)''')
    net.write(net.FILES + '/bin/legacy', f'#!/bin/sh\nexec nsenter --net=/run/netns/legacy chroot {lab.legacy.root} "$@"\n', mode=0o755)
    path = ':'.join([seal.PROGRAMS, net.FILES + '/bin', os.environ['PATH']])
    subprocess.run(net.in_namespace('gw', ['bash', '--norc']), env=os.environ | {'PATH': path, 'PS1': 'gateway# '}, check=False)


main()
