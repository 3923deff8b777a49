"""
dns - the lab's domain name system: a root, two TLDs and the zones below them, signed by keys of this run; and a resolver that does not validate.

NSD serves the root, the TLDs and the zones from three addresses, as three operators would. `anchor` and `hints` are what a validating resolver of the lab
starts from. The resolver (Unbound, no validation: what a branch office gets from its provider) is the legacy mail server's; answers can be forged there,
which is how an attacker who owns it, or the path to it, looks to the legacy server.
"""
import collections
import glob
import os
import subprocess
import time

import net

PLACE = net.FILES + '/dns'
ROOT, TLD, LEAF, RESOLVER = '203.0.113.53', '203.0.113.54', '203.0.113.55', '203.0.113.57'
ROOT6, TLD6, LEAF6 = '2001:db8:3::53', '2001:db8:3::54', '2001:db8:3::55'

# signed: '' (no keys, insecure delegation), 'nsec', 'nsec3' (and 'nsec3 N': with N iterations), or 'expired' (every signature ended yesterday: bogus)
Zone = collections.namedtuple('Zone', 'name records signed')
HEAD = '$TTL 60\n@ SOA {server} admin.{server} 1 3600 900 86400 60\n@ NS {server}\n'


def build(zones, delegations_of_example=''):
    """Writes and signs all zones; returns what `serve` takes. `zones` are those below the TLDs; the other: more text for `example`."""
    os.makedirs(PLACE + '/zones')
    tlds = sorted({zone.name.rsplit('.')[-1] for zone in zones})
    delegations = {tld: f'$ORIGIN {tld}.\n' for tld in tlds}
    work = [(zone, _zone_file(zone, 'ns.nic.example.')) for zone in zones]
    _sign_all(work)
    for zone in zones:
        tld = zone.name.rsplit('.')[-1]
        delegations[tld] += f'{zone.name}. NS ns.nic.example.\n' + _ds(zone)
    delegations['example'] += delegations_of_example + _glue('ns.nic.example.', LEAF, LEAF6) + _glue('ns.example.', TLD, TLD6)
    tops = [Zone(tld, delegations[tld], 'nsec3' if tld == 'zz' else 'nsec') for tld in tlds]
    _sign_all([(zone, _zone_file(zone, 'ns.example.')) for zone in tops])
    text = _glue('ns.example.', TLD, TLD6) + _glue('a.root-servers.example.', ROOT, ROOT6)
    text += ''.join(f'{zone.name}. NS ns.example.\n' + _ds(zone) for zone in tops)
    root = Zone('', text, 'nsec')
    _sign_all([(root, _zone_file(root, 'a.root-servers.example.'))])
    net.write(PLACE + '/root.hints', f'. 3600000 NS a.root-servers.example.\na.root-servers.example. 3600000 A {ROOT}\n'
              f'a.root-servers.example. 3600000 AAAA {ROOT6}\n')
    with open(_key(root) + '.key', encoding='ascii') as f:
        net.write(PLACE + '/root.key', f.read())
    return [(ROOT, ROOT6, [root]), (TLD, TLD6, tops), (LEAF, LEAF6, zones)]


anchor, hints = PLACE + '/root.key', PLACE + '/root.hints'


def _glue(name, a, aaaa):
    return f'{name} A {a}\n{name} AAAA {aaaa}\n'


def _path(zone):
    return f'{PLACE}/zones/{zone.name or "root"}'


def _zone_file(zone, server):
    origin = zone.name + '.'
    return net.write(_path(zone), f'$ORIGIN {origin}\n' + HEAD.format(server=server) + zone.records)


def _key(zone):
    return glob.glob(f'{PLACE}/zones/K{zone.name}.+013+*.key')[0][:-4]


def _sign_all(work):
    """One key a zone (it signs keys and records alike), both steps of all zones side by side."""
    signed = [(zone, path) for zone, path in work if zone.signed]
    _side_by_side(['ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', zone.name + '.'] for zone, _ in signed)
    _side_by_side(['ldns-signzone'] + _how(zone.signed) + ['-f', path + '.signed', path, _key(zone)] for zone, path in signed)


def _how(signed):
    day = 86400
    begin, end = (-30, -1) if signed == 'expired' else (-1, 30)
    stamps = [time.strftime('%Y%m%d%H%M%S', time.gmtime(time.time() + days * day)) for days in (begin, end)]
    return ['-i', stamps[0], '-e', stamps[1]] + (['-n', '-t', (signed.split() + ['1'])[1]] if signed.startswith('nsec3') else [])


def _side_by_side(commands):
    started = [subprocess.Popen(each, cwd=PLACE + '/zones', stdout=subprocess.DEVNULL) for each in commands]
    for each in started:
        if each.wait() != 0:
            raise RuntimeError(f'{each.args}: exit {each.returncode}')


def _ds(zone):
    if not zone.signed:
        return ''
    done = subprocess.run(['ldns-key2ds', '-n', '-2', _key(zone) + '.key'], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


# ---- servers ---------------------------------------------------------------------------------------------------------------------------
def serve(name, served, files=None):
    """Starts the name servers in a namespace that has their addresses. `files`: zones whose file is another than the one that was built."""
    for at, at6, zones in served:
        place = f'{PLACE}/nsd-{at}'
        os.makedirs(place)
        text = f'''server:
    ip-address: {at}
{f"    ip-address: {at6}" if at6 else ""}
    username: ""
    zonesdir: "{PLACE}/zones"
    database: ""
    pidfile: "{place}/pid"
    xfrdfile: "{place}/xfrd"
    xfrdir: "{place}"
    zonelistfile: "{place}/list"
    server-count: 1
    verbosity: 1
remote-control:
    control-enable: no
'''
        for zone in zones:
            file = (files or {}).get(zone.name) or os.path.basename(_path(zone)) + ('.signed' if zone.signed else '')
            text += f'zone:\n    name: "{zone.name or "."}"\n    zonefile: "{file}"\n'
        conf = net.write(place + '/nsd.conf', text)
        net.spawn(name, [net.PACKAGES + '/nsd/usr/sbin/nsd', '-d', '-c', conf], place + '/log')
    for at, _, _ in served:
        net.until('name server ' + at, lambda at=at: net.accepts(name, at, 53))


def validate(name):
    """Starts a validating resolver at 127.0.0.1 of the namespace, from the lab's own anchor."""
    place = PLACE + '/validator'
    os.makedirs(place)
    conf = net.write(place + '/unbound.conf', f'''server:
    interface: 127.0.0.1
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{place}"
    pidfile: ""
    use-syslog: no
    root-hints: "{hints}"
    trust-anchor-file: "{anchor}"
remote-control:
    control-enable: no
''')
    net.spawn(name, [net.PACKAGES + '/unbound/usr/sbin/unbound', '-d', '-c', conf], place + '/log')
    net.until('the validating resolver', lambda: net.accepts(name, '127.0.0.1', 53))


def resolve(name, forged):
    """Starts the provider's resolver; `forged` maps names to the IPv4 address that it lies about."""
    place = PLACE + '/unbound'
    os.makedirs(place)
    lies = ''.join(f'    local-data: "{host}. 60 A {at}"\n' for host, at in forged.items())
    conf = net.write(place + '/unbound.conf', f'''server:
    interface: {RESOLVER}
    access-control: 0.0.0.0/0 allow
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{place}"
    pidfile: ""
    use-syslog: no
    root-hints: "{hints}"
    module-config: "iterator"
{lies}remote-control:
    control-enable: no
''')
    net.spawn(name, [net.PACKAGES + '/unbound/usr/sbin/unbound', '-d', '-c', conf], place + '/log')
    net.until('the provider\'s resolver', lambda: net.accepts(name, RESOLVER, 53))
