"""
hostile - signed zones that are made to be expensive, each in its own way; NSD serves them like any other.

    trap     names whose records carry many worthless signatures by a tag that many worthless keys have (KeyTrap, CVE-2023-50387); RSA with exponents as long
             as the modulus, which is the most that one check can cost
    deep     denials by NSEC3 with 2500 iterations (CVE-2023-50868; RFC 9276), `deep150` with as many as validators still take
    chain    aliases without end: across two zones, a hundred hops
    loop     two zones whose name servers are each in the other; `nxns`: a hundred name servers whose names lead nowhere
"""
import base64
import random
import re

import dns
import net

KEYS, SIGNATURES, NAMES = 40, 40, 60
BITS = 3072                                                     # above, OpenSSL takes no long exponent
HOPS = 100


def zones(at, good):
    """The zones, for dns.build; `at`: the address of an MX host with the key of the TLSA record `good`."""
    rng = random.Random(1)
    trap = ''.join(f'd{i} MX 10 mx\n' for i in range(NAMES)) + f'mx A {at}\n'
    trap += ''.join(f'@ DNSKEY 256 3 8 {base64.b64encode(_key(rng)).decode()}\n' for _ in range(KEYS))
    hop = {here: ''.join(f'h{i} CNAME h{i + (here == "b")}.chain-{"a" if here == "b" else "b"}.example.\n' for i in range(HOPS)) for here in 'ab'}
    deep = ''.join(f'd{i} MX 10 mx{i}\nmx{i} A {at}\n' for i in range(NAMES)) + f'sealed MX 10 mx\nmx A {at}\n_25._tcp.mx {good}\n'
    return [dns.Zone('trap.example', trap, 'nsec'), dns.Zone('deep.example', deep, 'nsec3 2500'), dns.Zone('deep150.example', deep, 'nsec3 150'),
            dns.Zone('chain-a.example', f'@ MX 10 h0\n{hop["a"]}', 'nsec'), dns.Zone('chain-b.example', hop['b'], 'nsec')]


# Delegations that lead nowhere, for the zone above.
DELEGATIONS = 'loop-a.example. NS ns.loop-b.example.\nloop-b.example. NS ns.loop-a.example.\n' + \
    ''.join(f'nxns.example. NS n{i}.trap.example.\n' for i in range(100))


def spoil():
    """Behind dns.build: takes the signatures of the MX sets of `trap` away and puts many worthless ones in their place."""
    rng = random.Random(2)
    path = f'{dns.PLACE}/zones/trap.example.signed'
    lines = []
    with open(path, encoding='ascii') as f:
        for line in f:
            found = re.match(r'(d\d+\.trap\.example\.\t\d+\tIN\tRRSIG\tMX) 13 (\d+ \d+ \d+ \d+) \d+ (\S+) ', line)
            if not found:
                lines.append(line)
                continue
            for _ in range(SIGNATURES):
                junk = base64.b64encode(bytes([1]) + rng.randbytes(BITS // 8 - 1)).decode()
                lines.append(f'{found[1]} 8 {found[2]} {TAG} {found[3]} {junk}\n')
    net.write(path, ''.join(lines))


TAG = 4711


def _key(rng):
    """RFC 3110: an exponent and a modulus of full length, whose key tag (RFC 4034 B) is TAG."""
    size = BITS // 8
    while True:
        key = bytes([0]) + size.to_bytes(2, 'big') + bytes([0x7f]) + rng.randbytes(size - 2) + b'\1' + bytes([0xff]) + rng.randbytes(size - 3)
        head = b'\1\0\3\x08' + key
        for last in rng.sample(range(1, 0x10000, 2), 4096):
            data = head + last.to_bytes(2, 'big')
            if _tag(data, head, last) == TAG:
                return data[4:]


def _tag(data, head, last, known={}):
    """The sum over everything but the last two bytes is taken once."""
    if head not in known:
        known.clear()
        known[head] = sum(each << (0 if i & 1 else 8) for i, each in enumerate(head))
    total = known[head] + (last if len(head) % 2 == 0 else (last >> 8) + ((last & 255) << 8))
    return (total + (total >> 16)) & 0xffff
