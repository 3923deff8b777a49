"""
fleet - some sixty MX hosts and zones, one for each kind of certificate, TLSA record and DNS trouble, for whoever judges servers.

Most hosts are services of one real Postfix, each with an address, a key and a chain of its own; some are attackers. A row says what the world publishes and
what a judge of DANE must make of it: `verified`, `encrypted`, `cleartext`, `refused` with its reason, or `unreachable`.
"""
import collections

import attack
import dns
import mta
import net
import pki
import world

Row = collections.namedtuple('Row', 'name outcome detail records signed server')     # detail: auth or reason; server: (address, pair, options) or an attack's kind
DEAD = '203.0.113.45'                                            # no name server, no mail server
FIRST = 100
TLD = 'example'


def at(n):
    return f'203.0.113.{FIRST + n}'


def at6(n):
    return f'2001:db8:3::{FIRST + n}'


class Rows:
    def __init__(self):
        self.rows, self.pairs = [], {}

    def add(self, name, outcome, detail, pair, *tlsa, records=None, signed='nsec', options=(), attacker=None, six=False):
        """`records`: the zone instead of an MX host with these TLSA records; {a}, {aaaa}, {tlsa} stand for what this row has."""
        n = len(self.rows)
        domain = f'{name}.{TLD}'
        lines = '\n'.join('_25._tcp.mx ' + each for each in tlsa)
        text = records or '@ MX 10 mx\nmx ' + ('AAAA {aaaa}' if six else 'A {a}') + '\n{tlsa}\n'
        text = text.replace('{a}', at(n)).replace('{aaaa}', at6(n)).replace('{tlsa}', lines)
        self.rows.append(Row(domain, outcome, detail, text, signed, attacker or (at6(n) if six else at(n), pair, options)))


def rows():
    r = Rows()
    root, other = pki.leaf('Fleet Root', authority=True), pki.leaf('Fleet Other', authority=True)
    middle = pki.leaf('Fleet Middle', root, authority=True)
    stranger = pki.leaf('stranger.example')

    def host(name, *more, **how):
        return pki.leaf(f'mx.{name}.{TLD}', *more, **how)

    # RFC 6698 2.1: each selector and matching type, of the server's own key and of its authority's
    for selector in (0, 1):
        for matching in (0, 1, 2):
            name = f'ee3{selector}{matching}'
            pair = host(name)
            r.add(name, 'verified', 'dane-ee', pair, pki.tlsa(3, pair, selector, matching))
            name = f'ta2{selector}{matching}'
            pair = host(name, root)
            r.add(name, 'verified', 'dane-ta', pair, pki.tlsa(2, root, selector, matching))
    pair = pki.sends(host('ta-in-dns', root))                       # RFC 7671 5.2.2, 5.2.3: the authority stands in the record, not in the chain
    r.add('ta-in-dns', 'verified', 'dane-ta', pair, pki.tlsa(2, root, 0, 0))
    pair = pki.sends(host('ta-absent', root))
    r.add('ta-absent', 'refused', 'tlsa-invalid', pair, pki.tlsa(2, root))

    # sets of records
    pair = host('mixed-ta', root)
    r.add('mixed-ta', 'verified', 'dane-ta', pair, pki.tlsa(3, stranger), pki.tlsa(2, root))
    pair = host('mixed-ee', root)
    r.add('mixed-ee', 'verified', 'dane-ee', pair, pki.tlsa(2, other), pki.tlsa(3, pair))
    pair = host('with-unusable')
    r.add('with-unusable', 'verified', 'dane-ee', pair, pki.tlsa(1, stranger), pki.tlsa(3, pair))
    pair = host('usages-0-1', root)
    r.add('usages-0-1', 'encrypted', None, pair, pki.tlsa(0, root), pki.tlsa(1, pair))
    pair = host('unassigned')
    r.add('unassigned', 'encrypted', None, pair, 'TLSA 3 1 9 abcd', 'TLSA 3 7 1 ' + 'ab' * 32, 'TLSA 9 1 1 ' + 'ab' * 32)
    pair = host('short-digest')
    r.add('short-digest', 'encrypted', None, pair, 'TLSA 3 1 1 abcd')
    pair = host('mismatch-ee')
    r.add('mismatch-ee', 'refused', 'tlsa-invalid', pair, pki.tlsa(3, stranger))
    pair = host('mismatch-ta', root)
    r.add('mismatch-ta', 'refused', 'tlsa-invalid', pair, pki.tlsa(2, other))
    pair = host('agility-good')                                     # RFC 7671 9: the strongest digest of a usage and selector alone counts
    r.add('agility-good', 'verified', 'dane-ee', pair, pki.tlsa(3, stranger, 1, 1), pki.tlsa(3, pair, 1, 2))
    pair = host('agility-bad')
    r.add('agility-bad', 'refused', 'tlsa-invalid', pair, pki.tlsa(3, pair, 1, 1), pki.tlsa(3, stranger, 1, 2))

    # dates and names
    pair = host('expired-ee', expired=True)
    r.add('expired-ee', 'verified', 'dane-ee', pair, pki.tlsa(3, pair))
    pair = host('expired-ta', root, expired=True)
    r.add('expired-ta', 'refused', 'certificate-expired', pair, pki.tlsa(2, root))
    pair = host('name-ee', names=['elsewhere.example'])
    r.add('name-ee', 'verified', 'dane-ee', pair, pki.tlsa(3, pair))
    pair = host('name-ta', root, names=['elsewhere.example'])
    r.add('name-ta', 'refused', 'certificate-host-mismatch', pair, pki.tlsa(2, root))
    pair = host('name-nexthop', root, names=[f'name-nexthop.{TLD}'])
    r.add('name-nexthop', 'verified', 'dane-ta', pair, pki.tlsa(2, root))
    pair = host('name-cn', root, names=[])
    r.add('name-cn', 'verified', 'dane-ta', pair, pki.tlsa(2, root))
    pair = host('name-cn-ignored', root, names=['elsewhere.example'])
    r.add('name-cn-ignored', 'refused', 'certificate-host-mismatch', pair, pki.tlsa(2, root))
    pair = host('wildcard', root, names=[f'*.wildcard.{TLD}'])
    r.add('wildcard', 'verified', 'dane-ta', pair, pki.tlsa(2, root))
    pair = host('wildcard-deep', root, names=[f'*.wildcard-deep.{TLD}'])
    r.add('wildcard-deep', 'refused', 'certificate-host-mismatch', pair,
          records=f'@ MX 10 mx.deep\nmx.deep A {{a}}\n_25._tcp.mx.deep {pki.tlsa(2, root)}\n')

    # chains
    pair = pki.sends(host('middle', middle), middle, root)
    r.add('middle', 'verified', 'dane-ta', pair, pki.tlsa(2, root))
    pair = host('middle-anchor', middle)
    r.add('middle-anchor', 'verified', 'dane-ta', pair, pki.tlsa(2, middle))
    pair = pki.sends(host('middle-missing', middle), root)
    r.add('middle-missing', 'refused', 'certificate-not-trusted', pair, pki.tlsa(2, root))
    pair = pki.sends(host('extra-ee', root), other, stranger)
    r.add('extra-ee', 'verified', 'dane-ee', pair, pki.tlsa(3, pair))
    pair = pki.sends(host('extra-ta', middle), other, root, stranger, middle)
    r.add('extra-ta', 'verified', 'dane-ta', pair, pki.tlsa(2, root))

    # keys and versions
    for kind in ('rsa', 'p384', 'ed25519'):
        pair = host('key-' + kind, key_kind=kind)
        r.add('key-' + kind, 'verified', 'dane-ee', pair, pki.tlsa(3, pair))
    pair = host('tls12', root)
    r.add('tls12', 'verified', 'dane-ta', pair, pki.tlsa(2, root), options=['smtpd_tls_protocols=TLSv1.2'])

    # aliases
    pair = pki.leaf(f'real.alias-target.{TLD}', root)
    r.add('alias-target', 'verified', 'dane-ta', pair, records=f'@ MX 10 mx\nmx CNAME real\nreal A {{a}}\n_25._tcp.real {pki.tlsa(2, root)}\n')
    pair = host('alias-origin', root)
    r.add('alias-origin', 'verified', 'dane-ta', pair, records=f'@ MX 10 mx\nmx CNAME real\nreal A {{a}}\n_25._tcp.mx {pki.tlsa(2, root)}\n')
    pair = host('alias-tlsa')
    r.add('alias-tlsa', 'verified', 'dane-ee', pair, records=f'@ MX 10 mx\nmx A {{a}}\n_25._tcp.mx CNAME keys\nkeys {pki.tlsa(3, pair)}\n')

    # trust in the DNS
    pair = host('nsec3')
    r.add('nsec3', 'verified', 'dane-ee', pair, pki.tlsa(3, pair), signed='nsec3')
    pair = host('unsigned')
    r.add('unsigned', 'encrypted', None, pair, pki.tlsa(3, stranger), signed='')
    pair = pki.leaf('unsigned-mx')
    r.add('unsigned-mx', 'encrypted', 'dane-ee', pair, records=f'@ MX 10 mx.ee311.{TLD}.\n', signed='')
    r.add('unsigned-mx-bad', 'refused', 'tlsa-invalid', pair, records=f'@ MX 10 mx.mismatch-ee.{TLD}.\n', signed='')
    pair = host('bogus')
    r.add('bogus', 'refused', 'dnssec-invalid', pair, pki.tlsa(3, pair), signed='expired')
    pair = host('servfail')
    r.add('servfail', 'refused', 'dns-error', pair, records=f'@ MX 10 mx\nmx A {{a}}\n_tcp.mx NS lame\nlame A {DEAD}\n')
    pair = host('no-tlsa')
    r.add('no-tlsa', 'encrypted', None, pair)
    r.add('no-tlsa-no-tls', 'cleartext', None, None)
    r.add('tlsa-no-tls', 'refused', 'starttls-not-supported', None, pki.tlsa(3, stranger))
    r.add('unusable-no-tls', 'refused', 'starttls-not-supported', None, pki.tlsa(1, stranger))

    # hosts and addresses
    pair = host('six')
    r.add('six', 'verified', 'dane-ee', pair, pki.tlsa(3, pair), six=True)
    pair = host('two')
    r.add('two', 'verified', 'dane-ee', pair,
          records=f'@ MX 10 down\n@ MX 20 mx\ndown A {DEAD}\nmx A {{a}}\n_25._tcp.down {pki.tlsa(3, stranger)}\n_25._tcp.mx {pki.tlsa(3, pair)}\n')
    pair = host('implicit')
    r.add('implicit', 'verified', 'dane-ee', pair, records=f'@ A {{a}}\n_25._tcp {pki.tlsa(3, pair)}\n')
    r.add('null-mx', 'refused', 'null-mx', None, records='@ MX 0 .\n')
    r.add('nothing', 'unreachable', None, None, records='www A 203.0.113.1\n')
    r.add('loop', 'unreachable', None, None, records='@ MX 10 mx\nmx A 127.0.0.1\n')
    r.add('down', 'unreachable', None, None, records=f'@ MX 10 mx\nmx A {DEAD}\n')

    # attackers, and servers that fail
    for kind, outcome, reason in (('refuse', 'refused', 'starttls-not-supported'), ('reset', 'refused', 'handshake-failed'),
                                  ('hole', 'refused', 'handshake-failed'), ('inject', 'refused', 'early-bytes'), ('owncert', 'refused', 'tlsa-invalid')):
        r.add('dane-' + kind, outcome, reason, None, pki.tlsa(3, stranger), attacker=kind)
    for kind, outcome, reason in (('refuse', 'refused', 'clear-after'), ('reset', 'refused', 'clear-after'), ('drift', 'encrypted', None)):
        r.add('no-tlsa-' + kind, outcome, reason, None, attacker=kind)
    return r.rows


class World:
    """The running fleet: `rows`, seen from the gateway `gw`, where a validating resolver of Postfix's judge is, too."""

    def __init__(self, more_zones=()):
        world._network(False)
        self.rows = rows()
        for n in range(len(self.rows)):
            net.address('mx', 'eth0', at(n) + '/24', at6(n) + '/64')
        served = dns.build([dns.Zone(row.name, row.records, row.signed) for row in self.rows] + list(more_zones))
        dns.serve('dns', served)
        dns.validate('gw')
        self.fleet = mta.Fleet('mx', [row.server for row in self.rows if not isinstance(row.server, str)])
        own = pki.leaf('mx.attacker.zz')
        self.attackers = [attack.Attacker(row.server, 'mx', at(n), own, at(0)) for n, row in enumerate(self.rows) if isinstance(row.server, str)]
        self.finger = mta.Finger('gw')
        for n, row in enumerate(self.rows):
            net.until('MX host ' + row.name, lambda n=n, row=row: net.accepts('inet', at(n) if isinstance(row.server, str) else row.server[0]))
