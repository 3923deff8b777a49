"""
world - the lab's map: who has which address, which domains there are and what is true of each.

    legacy 192.0.2.0/24 ── gw ── 198.51.100.0/24 ── inet ── 203.0.113.0/24: name servers, MX hosts, attackers

`gw` is where Waxseal runs. Each network has IPv6 beside it (2001:db8:1, :2, :3). A domain's row says what the world publishes of it and who answers at its
MX host's address; what must come of it is in test_domains.py.
"""
import collections

import attack
import dns
import mta
import net
import pki

LEGACY, LEGACY6 = '192.0.2.2', '2001:db8:1::2'
OTHER, OTHER6 = '192.0.2.9', '2001:db8:1::9'                    # scripted clients, so that the legacy server's sessions stay apart
GW_IN, GW_IN6, GW_OUT, GW_OUT6 = '192.0.2.1', '2001:db8:1::1', '198.51.100.1', '2001:db8:2::1'
POSTFIX, POSTFIX6, EXIM, SENDMAIL, SMTPD = '203.0.113.10', '2001:db8:3::10', '203.0.113.20', '203.0.113.30', '203.0.113.40'
DOWN = '203.0.113.45'                                           # a host that refuses connections
RECORDER = '203.0.113.50'                                       # takes everything and remembers it (recorder.py); each test starts its own
DYING = '203.0.113.46'                                          # dying.py's
# Hosts that the router of the far network has no way to, each by the kind of route that says so.
UNREACHABLE = {'prohibit': '203.0.113.47', 'unreachable': '203.0.113.48', 'blackhole': '203.0.113.49'}
ATTACK = {kind: f'203.0.113.{60 + i}' for i, kind in enumerate(attack.KINDS)}
LEGACY_DOMAIN = 'branch.zz'
TIME = '203.0.113.44'                                           # an NTP server, where a test starts one

Domain = collections.namedtuple('Domain', 'name title at tlsa signed records')


def domains(ee, ta, other):
    """Every domain of the lab. `ee`: the key that Postfix has; `ta`: the authority of Exim's certificate; `other`: a key that nobody has."""
    good = pki.tlsa(3, ee)
    rows = []

    def row(name, title, at, tlsa='', signed='nsec', records=None):
        rows.append(Domain(name, title, at, tlsa, signed, records))

    row('plain.example', 'no STARTTLS, no TLSA', SMTPD)
    row('oppo.example', 'STARTTLS, self-signed, no TLSA', SENDMAIL)
    row('dane-ee.example', 'DANE-EE', POSTFIX, good, 'nsec3')
    row('dane-ta.example', 'DANE-TA, TLSA behind a CNAME', EXIM, records=f'''
@ MX 10 mx
mx A {EXIM}
_25._tcp.mx CNAME authority
authority {pki.tlsa(2, ta)}
''')
    row('mismatch.example', 'TLSA of another key', POSTFIX, pki.tlsa(3, other))
    row('stripped.example', 'DANE; attacker strips STARTTLS', ATTACK['strip'], good)
    row('mitm.example', 'DANE; attacker with own certificate', ATTACK['owncert'], good)
    row('forged.example', 'DANE; forged DNS at the client', POSTFIX, good)
    row('bogus.example', 'signatures have expired', POSTFIX, good, 'expired')
    row('insecure.zz', 'unsigned zone, STARTTLS', POSTFIX, good, '')
    row('nullmx.zz', 'null MX', None, records='@ MX 0 .\n')
    for label, at, title in (('two', DOWN, 'down'), *((kind, at, f'behind a route of type {kind}') for kind, at in UNREACHABLE.items())):
        row(f'{label}.zz', f'two MX hosts, the first is {title}', None, signed='nsec3', records=f'''
@ MX 10 mx
@ MX 20 mx2
mx A {at}
mx2 A {POSTFIX}
_25._tcp.mx2 {good}
''')
    row('dying.example', 'STARTTLS, no TLSA; the server dies when it is told to', DYING)
    row('six.example', 'DANE-EE, IPv6 only', None, records=f'@ MX 10 mx\nmx AAAA {POSTFIX6}\n_25._tcp.mx {good}\n')
    row('diff.example', 'STARTTLS, no TLSA; the recorder', RECORDER)
    row('oppo-strip.example', 'no TLSA; attacker strips', ATTACK['strip'])
    for kind in ('refuse', 'inject', 'reset', 'hole', 'drift'):
        row(f'{kind}.example', f'no TLSA; attacker: {kind}', ATTACK[kind])
        if kind != 'drift':
            row(f'dane-{kind}.example', f'DANE; attacker: {kind}', ATTACK[kind], good)
    return rows


def _zone(domain):
    if domain.records:
        return dns.Zone(domain.name, domain.records, domain.signed)
    tlsa = f'_25._tcp.mx {domain.tlsa}\n' if domain.tlsa else ''
    return dns.Zone(domain.name, f'@ MX 10 mx\nmx A {domain.at}\n{tlsa}', domain.signed)


class World:
    """The running lab: `domains` by name, `mx` by program, `attackers` by kind, `legacy`."""

    def __init__(self, nat=False):
        _network(nat)
        ee, authority = pki.leaf('mx.dane-ee.example'), pki.leaf('Lab Authority', authority=True)
        ta, other, own = pki.leaf('mx.dane-ta.example', authority), pki.leaf('mx.mismatch.example'), pki.leaf('mx.mitm.example')
        rows = domains(ee, authority, other)
        self.domains = {each.name: each for each in rows}
        served = dns.build([_zone(each) for each in rows] + [dns.Zone(LEGACY_DOMAIN, f'@ MX 10 mail\nmail A {LEGACY}\ntime A {TIME}\n', 'nsec')])
        dns.serve('dns', served)
        dns.resolve('dns', {'mx.forged.example': ATTACK['owncert']})
        self.mx = {
            'postfix': mta.postfix_mx('mx', [POSTFIX, POSTFIX6], 'mx.dane-ee.example', list(self.domains), ee),
            'exim': mta.exim_mx('mx', [EXIM], 'mx.dane-ta.example', ta),
            'sendmail': mta.sendmail_mx('mx', [SENDMAIL], 'mx.oppo.example', pki.leaf('mx.oppo.example')),
            'opensmtpd': mta.opensmtpd_mx('mx', [SMTPD], 'mx.plain.example'),
        }
        self.attackers = {kind: attack.Attacker(kind, 'mx', at, own, POSTFIX) for kind, at in ATTACK.items()}
        self.legacy = mta.Legacy('legacy', LEGACY, LEGACY6, LEGACY_DOMAIN)
        for at in (POSTFIX, POSTFIX6, EXIM, SENDMAIL, SMTPD):
            net.until('MX host ' + at, lambda at=at: net.accepts('inet', at))

    def received(self, marker):
        """Who got the message, of MX hosts and attackers: names."""
        return [name for name, server in self.mx.items() if server.received(marker)] + \
               ['attacker ' + kind for kind, each in self.attackers.items() if marker.encode() in each.heard()]


def _network(nat):
    for name in ('legacy', 'gw', 'inet', 'dns', 'mx'):
        net.namespace(name)
    net.link('legacy', 'eth0', 'gw', 'lan')
    net.link('gw', 'wan', 'inet', 'gw')
    net.ip('inet', 'link add name net type bridge', 'link set net up')
    for name in ('dns', 'mx'):
        net.link(name, 'eth0', 'inet', 'to-' + name)
        net.ip('inet', f'link set to-{name} master net')
    net.address('legacy', 'eth0', LEGACY + '/24', OTHER + '/24', LEGACY6 + '/64', OTHER6 + '/64')
    net.address('gw', 'lan', GW_IN + '/24', GW_IN6 + '/64')
    net.address('gw', 'wan', GW_OUT + '/24', GW_OUT6 + '/64')
    net.address('inet', 'gw', '198.51.100.2/24', '2001:db8:2::2/64')
    net.address('inet', 'net', '203.0.113.1/24', '2001:db8:3::1/64')
    for at in (dns.ROOT, dns.TLD, dns.LEAF, dns.RESOLVER):
        net.address('dns', 'eth0', at + '/24')
    for at in (dns.ROOT6, dns.TLD6, dns.LEAF6):
        net.address('dns', 'eth0', at + '/64')
    for at in [POSTFIX, EXIM, SENDMAIL, SMTPD, DOWN, RECORDER, DYING, TIME, *ATTACK.values()]:
        net.address('mx', 'eth0', at + '/24')
    net.address('mx', 'eth0', POSTFIX6 + '/64')
    for kind, at in UNREACHABLE.items():
        net.ip('inet', f'route add {kind} {at}')
    _routes(nat)


def _routes(nat):
    for name, via, via6 in (('legacy', GW_IN, GW_IN6), ('gw', '198.51.100.2', '2001:db8:2::2'), ('dns', '203.0.113.1', '2001:db8:3::1'),
                            ('mx', '203.0.113.1', '2001:db8:3::1')):
        net.ip(name, f'route add default via {via}', f'route add default via {via6}')
    for name in ('gw', 'inet'):
        net.setting(name, 'net/ipv4/ip_forward', 1)
        net.setting(name, 'net/ipv6/conf/all/forwarding', 1)
    if nat:
        net.rules('gw', 'table inet lab { chain post { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }; }\n')
    else:
        net.ip('inet', f'route add 192.0.2.0/24 via {GW_OUT}', f'route add 2001:db8:1::/64 via {GW_OUT6}')
