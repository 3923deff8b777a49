"""
clocks - NTP servers: Debian's chrony with the machine's own time (it never touches that: -x), and liars, each of which does one thing wrong.
"""
import contextlib
import socket
import struct
import threading
import time

import net

UNIX = 2208988800                                               # from 1900 to 1970
LIARS = ('good', 'nonce', 'mode', 'version', 'short', 'leap', 'stratum', 'vague', 'early', 'ahead', 'rate', 'deny', 'late', 'port', 'address', 'twice',
         'silent')


def chrony(namespace, *addresses):
    place = net.FILES + '/chrony-' + addresses[0]
    conf = net.write(place + '/conf', ''.join(f'bindaddress {each}\n' for each in addresses) + f'''local stratum 3
allow
cmdport 0
bindcmdaddress /
pidfile {place}/pid
''')
    return net.spawn(namespace, [net.PACKAGES + '/chrony/usr/sbin/chronyd', '-x', '-d', '-u', 'root', '-f', conf], place + '/log')


class Liar:
    """A server of its own kind at one address; `asked` is every question that it got, with the port that it came from."""

    def __init__(self, kind, namespace, at, elsewhere):
        assert kind in LIARS
        self.kind, self.asked, self.shift = kind, [], {'early': -3650 * 86400, 'ahead': 365 * 86400}.get(kind, 0)
        with net.inside(namespace):
            self.socket, self.other = (socket.socket(net.family_of(at), socket.SOCK_DGRAM) for _ in range(2))
        self.socket.bind((at, 123))
        self.other.bind((at if kind == 'port' else elsewhere, 0 if kind == 'port' else 123) if kind in ('port', 'address') else (at, 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _answer(self, nonce):
        now = time.time() + self.shift + UNIX
        stamp = struct.pack('>II', int(now) & 0xffffffff, int(now % 1 * 2**32))
        first, stratum, doubt, code = 0x24, 2, 0x100, b'LIAR'
        if self.kind == 'nonce':
            nonce = bytes(8)
        elif self.kind in ('rate', 'deny'):
            first, stratum, code = 0xe4, 0, self.kind.upper().encode()
        elif self.kind == 'stratum':
            stratum = 16
        elif self.kind == 'vague':
            doubt = 0x30000
        else:
            first = {'mode': 0x23, 'version': 0x1c, 'leap': 0xe4}.get(self.kind, first)
        packet = struct.pack('>BBbbII4s8x', first, stratum, 6, -20, 0x100, doubt, code) + nonce + stamp + stamp
        return packet[:47] if self.kind == 'short' else packet

    def end(self):
        with contextlib.suppress(OSError):                      # it is not connected, and wakes up all the same
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _serve(self):
        while True:
            question, who = self.socket.recvfrom(512)
            if not question:
                return
            self.asked.append((question, who[1]))
            answer = self._answer(question[40:48])
            if self.kind == 'late':
                threading.Timer(6, self.socket.sendto, (answer, who)).start()
            elif self.kind == 'twice':                          # somebody else's guess is there first
                self.socket.sendto(answer[:24] + bytes(8) + answer[32:40] + bytes(8), who)
                self.socket.sendto(answer, who)
            elif self.kind in ('port', 'address'):
                self.other.sendto(answer, who)
            elif self.kind != 'silent':
                self.socket.sendto(answer, who)
