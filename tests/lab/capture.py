"""
capture - what crossed a wire: tcpdump writes it, and a reader of its own judges it.

The claim that matters is negative (no envelope and no content in clear), so the reader is simple enough to be believed: each TCP direction is put together
by sequence number, and its bytes are searched. It is proved able to find something by the run without Waxseal (test_direct.py).
"""
import collections
import contextlib
import itertools
import os
import re
import signal
import socket
import struct

import net

ENVELOPE = re.compile(rb'(MAIL FROM|RCPT TO) *:', re.I)
Segment = collections.namedtuple('Segment', 'source sport target dport seq flags data')
SYN = 2
END = b'\r\n.\r\n'
serial = itertools.count()
SENTINEL = {'wan': '198.51.100.2', 'lan': '192.0.2.2', 'eth0': '203.0.113.1'}     # on the other end of the link; nobody listens there
SENTINEL_PORTS = range(900, 1000)


@contextlib.contextmanager
def capture(namespace='gw', end='wan', port=25):
    """Everything of that port on the link while the block runs; segments are read when it has ended."""
    wire = Wire(f'{net.FILES}/wire-{next(serial)}.pcap')
    log = wire.path + '.log'
    process = net.spawn(namespace, ['tcpdump', '-Z', 'root', '--immediate-mode', '-B', '65536', '-U', '-n', '-i', end, '-w', wire.path, 'tcp', 'port', str(port)], log)
    net.until('tcpdump', lambda: 'listening on' in _text(log))
    try:
        yield wire
    finally:
        _flush(wire, namespace, end)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        if ' 0 packets dropped by kernel' not in ' ' + _text(log).replace('\n', ' '):
            raise RuntimeError('the capture lost packets: ' + _text(log))


def _flush(wire, namespace, end):
    """tcpdump forgets what it has not read when it is told to end: a segment of our own goes last, and it is waited for."""
    port, before = SENTINEL_PORTS[next(serial) % len(SENTINEL_PORTS)], os.path.getsize(wire.path)
    with net.tcp(namespace) as s:
        s.settimeout(5)
        s.bind(('', port))
        s.connect_ex((SENTINEL[end], 25))

    def written():
        with open(wire.path, 'rb') as f:
            f.seek(before)
            return struct.pack('>HH', port, 25) in f.read()
    net.until('the end of the capture', written)


def _text(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


class Wire:
    def __init__(self, path):
        self.path = path

    def segments(self):
        with open(self.path, 'rb') as f:
            data = f.read()
        magic, = struct.unpack_from('<I', data)
        kind, = struct.unpack_from('<I', data, 20)
        if magic != 0xa1b2c3d4 or kind != 1:
            raise ValueError('not an Ethernet capture of this machine')
        at = 24
        while at + 16 <= len(data):
            size, whole = struct.unpack_from('<II', data, at + 8)
            if size != whole:
                raise ValueError('a packet was cut')
            if at + 16 + size > len(data):
                break                                           # it is being written while we read
            segment = _segment(data[at + 16:at + 16 + size])
            if segment and segment.sport not in SENTINEL_PORTS and segment.dport not in SENTINEL_PORTS:
                yield segment
            at += 16 + size

    def streams(self):
        """{(source, sport, target, dport): bytes}, a row a direction of a connection."""
        pieces = collections.defaultdict(dict)
        for each in self.segments():
            if each.data:
                pieces[each[:4]].setdefault(each.seq, b'')
                if len(each.data) > len(pieces[each[:4]][each.seq]):
                    pieces[each[:4]][each.seq] = each.data
        return {way: _join(found) for way, found in pieces.items()}

    def connections(self, server):
        """What clients sent to port 25 of that server, in the order of their SYNs, also where one port was used twice."""
        found, now = [], {}
        for each in self.segments():
            if (each.target, each.dport) != (server, 25):
                continue
            if each.flags & SYN and now.get(each[:4], [None])[0] != each.seq:
                now[each[:4]] = (each.seq, {})
                found.append(now[each[:4]][1])
            elif each.data and len(each.data) > len(now[each[:4]][1].get(each.seq, b'')):
                now[each[:4]][1][each.seq] = each.data
        return [_join(pieces) if pieces else b'' for pieces in found]

    def to_servers(self, server=None):
        """What clients sent to port 25 (of that server alone, where given), one item a connection."""
        return [data for (_, _, target, dport), data in self.streams().items() if dport == 25 and server in (None, target)]

    def shows(self, needle, server=None):
        """Whether these bytes are to be read in either direction."""
        return any(needle in data for way, data in self.streams().items() if server in (None, way[0], way[2]))

    def envelope(self, server=None):
        """The envelope commands that are to be read in it."""
        return [found.group().decode() for data in self.to_servers(server) for found in ENVELOPE.finditer(data)]

    def sources(self):
        """{(address, port)} that sent a segment to port 25."""
        return {(each.source, each.sport) for each in self.segments() if each.dport == 25}


def summary(data):
    """In words: the verbs that went in clear, and how many bytes of TLS followed."""
    verbs = []
    while data and data[0] != 0x16:
        line, _, data = data.partition(b'\n')
        word = re.match(rb'[A-Za-z]{4,8}', line)
        verbs.append(word.group().decode().upper() if word else '…')
        if verbs[-1] == 'DATA' and END in data:        # else it was refused, and commands follow
            verbs.append(f'message, {data.index(END)} bytes')
            break
    else:
        if data:
            verbs.append(f'TLS, {len(data)} bytes')
    return ' '.join(verbs)


def _segment(frame):
    kind, at = struct.unpack_from('>H', frame, 12)[0], 14
    if kind == 0x0800 and frame[at + 9] == 6:
        head, length = (frame[at] & 15) * 4, struct.unpack_from('>H', frame, at + 2)[0]
        source, target = frame[at + 12:at + 16], frame[at + 16:at + 20]
    elif kind == 0x86dd and frame[at + 6] == 6:
        head, length = 40, 40 + struct.unpack_from('>H', frame, at + 4)[0]
        source, target = frame[at + 8:at + 24], frame[at + 24:at + 40]
    else:
        return None
    tcp = frame[at + head:at + length]
    sport, dport, seq, _, offset, flags = struct.unpack_from('>HHIIBB', tcp)
    family = socket.AF_INET if kind == 0x0800 else socket.AF_INET6
    return Segment(socket.inet_ntop(family, source), sport, socket.inet_ntop(family, target), dport, seq, flags, tcp[(offset >> 4) * 4:])


def _join(pieces):
    """Segments by sequence number to bytes. A stream that wraps within a capture sorts wrongly only past 2 GiB, which the lab never sends."""
    first = min(pieces)
    if max(pieces) - first > 1 << 31:
        pieces = {(seq if seq > 1 << 31 else seq + (1 << 32)): data for seq, data in pieces.items()}
        first = min(pieces)
    joined = bytearray()
    for seq in sorted(pieces):
        have = first + len(joined) - seq
        joined += pieces[seq][max(have, 0):]
    return bytes(joined)
