"""
dying - a mail server that dies when it is told to: at `step`, by FIN or by RST, or that stands still there until it is told to go on.

It offers STARTTLS, without a certificate that anyone knows. `taken` is every message that it answered for or was about to: what it would have delivered. `open`: sessions now. `wordy`: so
much it says behind each answer to MAIL and RCPT.
"""
import contextlib
import socket
import ssl
import struct
import threading

import net

# In the order of a session. `content` is its first bytes; `dot` is before the reply to it, when the message is whole and taken; `reply` is behind it.
STEPS = ('banner', 'ehlo', 'starttls', 'handshake', 'ehlo inside', 'mail', 'rcpt', 'data', 'content', 'dot', 'reply')
HOWS = ('fin', 'rst')
LIST = ('mx.dying.example', 'PIPELINING', 'SIZE 60000000', '8BITMIME')


class Death(Exception):
    pass


class Dying:
    def __init__(self, namespace, at, pair):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pair.chain, pair.key)
        self.listener = net.listener(namespace, at, 25)
        self.taken, self.step, self.how, self.open, self.wordy = [], None, None, 0, 0
        self.there, self.on = threading.Event(), threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self, step, how):
        """From now on every session ends there; `how` 'stall': it stands still until `go_on`, after which it lives."""
        self.there.clear()
        self.on.clear()
        self.step, self.how = step, how

    def live(self):
        self.step = None
        self.on.set()

    go_on = live

    def copies(self, marker):
        return sum(marker.encode() in each for each in self.taken)

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            near.settimeout(60)
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        sockets, self.open = [near], self.open + 1
        try:
            with contextlib.suppress(OSError, ssl.SSLError):
                self._session(near, sockets)
        except Death:
            if self.how == 'rst':
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        sockets[-1].close()
        self.open -= 1

    def _at(self, step):
        if step != self.step:
            return
        self.there.set()
        if self.how != 'stall':
            raise Death
        self.on.wait(60)

    def _session(self, near, sockets):
        self._at('banner')
        near.sendall(b'220 mx.dying.example ESMTP\r\n')
        lines, sealed = _lines(near), False
        while (line := next(lines, None)) is not None:
            verb = line[:4].upper().decode('ascii', 'replace')
            if verb == 'EHLO':
                self._at('ehlo inside' if sealed else 'ehlo')
                words = LIST if sealed else LIST + ('STARTTLS',)
                near.sendall(''.join(f'250{" " if each is words[-1] else "-"}{each}\r\n' for each in words).encode())
            elif verb == 'STAR':
                near = self._starttls(near)
                sockets.append(near)
                lines, sealed = _lines(near), True
            elif not self._command(near, verb, line, lines):
                return

    def _starttls(self, near):
        self._at('starttls')
        near.sendall(b'220 go ahead\r\n')
        near.recv(1, socket.MSG_PEEK)
        self._at('handshake')
        return self.tls.wrap_socket(near, server_side=True)

    def _command(self, near, verb, line, lines):
        """What is the same in clear and inside TLS; False at the end."""
        if verb in ('MAIL', 'RCPT'):
            self._at(verb.lower())
            near.sendall(b'250 2.0.0 ok' + b'.' * self.wordy + b'\r\n')
        elif verb == 'DATA':
            self._at('data')
            near.sendall(b'354 go on\r\n')
            return self._content(near, lines)
        elif verb == 'BDAT':                                    # one chunk of whole lines
            return self._content(near, lines, int(line.split()[1]))
        else:
            near.sendall(b'221 bye\r\n' if verb == 'QUIT' else b'250 2.0.0 ok\r\n')
        return verb != 'QUIT'

    def _content(self, near, lines, octets=None):
        message = []
        for line in lines:
            if octets is None and line == b'.\r\n':
                break
            self._at('content')
            message.append(line)
            if octets is not None and sum(map(len, message)) >= octets:
                break
        else:
            return False                                        # it ended before its dot: nothing was taken
        self.taken.append(b''.join(message))
        self._at('dot')
        near.sendall(b'250 2.0.0 taken\r\n')
        self._at('reply')
        return True


def _lines(near):
    pending = b''
    while data := near.recv(65536):
        pending += data
        while b'\n' in pending:
            line, pending = pending.split(b'\n', 1)
            yield line + b'\n'
