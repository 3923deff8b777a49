"""
recorder - a server that takes everything and remembers it, byte for byte: the server's own view where a real one's log says too little.

It speaks as a real one would, unless a behaviour says otherwise: `greets`, `lists` (the words of its EHLO reply; STARTTLS is added in clear where it offers it,
`inside` stands for the list in TLS), `says` (verb → reply, all of its bytes; a list of them is taken one after the other; `None`: it hangs up), `slow` (its
replies leave in single bytes), `hands_over` (a function that gets the connection behind the 220 to STARTTLS). What a session was comes back from `next`: which bytes it heard in clear, which inside TLS, and the digest of each content.
"""
import collections
import contextlib
import hashlib
import queue
import socket
import ssl
import threading

import net

Heard = collections.namedtuple('Heard', 'clear sealed contents end')       # contents: (bytes, sha256) of each DATA or chunk; end: how the client left
KEPT = 1 << 20                                                             # of a longer content only the digest stays


class Behaviour:
    def __init__(self, greets=b'220 mx.diff.example ESMTP\r\n', lists=('PIPELINING', 'SIZE 200000000', '8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING', 'BINARYMIME'),
                 inside=None, tls=True, slow=False, hands_over=None, **says):
        self.hands_over = hands_over
        self.greets, self.lists, self.inside, self.tls, self.slow = greets, lists, lists if inside is None else inside, tls, slow
        self.says = {verb.replace('_', ' '): words for verb, words in says.items()}


class Recorder:
    def __init__(self, namespace, at, pair):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.chain, pair.key)
        self.behaviour, self.sessions = Behaviour(), queue.Queue()
        self.listener = net.listener(namespace, at, 25)
        threading.Thread(target=self._accept, daemon=True).start()

    def next(self):
        """The next session that has ended, of those that said anything or were greeted."""
        return self.sessions.get(timeout=60)

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(near, self.behaviour), daemon=True).start()

    def _serve(self, near, behaviour):
        near.settimeout(60)
        session = _Session(near, behaviour, self.context)
        end = 'closed'
        try:
            session.run()
        except ConnectionResetError:
            end = 'reset'
        except (OSError, ssl.SSLError) as error:
            end = type(error).__name__
        self.sessions.put(Heard(bytes(session.heard[False]), bytes(session.heard[True]), session.contents, end))
        with contextlib.suppress(OSError):
            session.near.close()


class _Session:
    def __init__(self, near, behaviour, context):
        self.near, self.behaviour, self.context = near, behaviour, context
        self.heard, self.contents, self.pending = {False: bytearray(), True: bytearray()}, [], b''
        self.counts = collections.Counter()

    def run(self):
        self._say(self.behaviour.greets)
        while (line := self._line()) is not None:
            verb = line.split()[0].upper().decode('latin-1') if line.split() else ''
            said = self.behaviour.says.get(verb)
            if isinstance(said, list):
                said = said[min(self.counts[verb], len(said) - 1)]
            self.counts[verb] += 1
            if verb in self.behaviour.says and said is None:
                return
            if verb in ('EHLO', 'LHLO'):
                self._say(said or self._list())
            elif verb == 'STARTTLS' and self.behaviour.tls and not self._sealed() and said is None:
                self._say(b'220 go ahead\r\n')
                if self.behaviour.hands_over:
                    self.behaviour.hands_over(self.near)
                    return
                self.near = self.context.wrap_socket(self.near, server_side=True)
            elif verb == 'DATA':
                self._say(said or b'354 go ahead\r\n')
                if said is None or said.startswith(b'354'):
                    self._content()
            elif verb == 'BDAT':
                self._chunk(int(line.split()[1]))
                self._say(said or b'250 chunk\r\n')
            elif verb == 'QUIT':
                self._say(said or b'221 bye\r\n')
                return
            else:
                self._say(said or b'250 ok ' + verb.encode('latin-1') + b'\r\n')
                for _ in range(2 * (verb == 'AUTH' and bool(said) and said.startswith(b'334'))):       # AUTH LOGIN: name and password
                    self._line()
                    self._say(b'334 UGFzc3dvcmQ6\r\n' if _ == 0 else b'235 authenticated\r\n')

    def _sealed(self):
        return isinstance(self.near, ssl.SSLSocket)

    def _list(self):
        words = ['mx.diff.example', *(self.behaviour.inside if self._sealed() else self.behaviour.lists)]
        if self.behaviour.tls and not self._sealed():
            words.append('STARTTLS')
        return b''.join(f'250{"-" if i + 1 < len(words) else " "}{each}\r\n'.encode() for i, each in enumerate(words))

    def _say(self, data):
        for i in range(0, len(data), 1 if self.behaviour.slow else len(data)):
            self.near.sendall(data[i:i + 1] if self.behaviour.slow else data)

    def _more(self):
        data = self.near.recv(65536)
        self.pending += data
        return bool(data)

    def _hear(self, data):
        into = self.heard[self._sealed()]
        if len(into) < KEPT:
            into += data

    def _line(self):
        while b'\n' not in self.pending:
            if not self._more():
                self._hear(self.pending)
                return None
        line, self.pending = self.pending.split(b'\n', 1)
        self._hear(line + b'\n')
        return line

    def _content(self):
        """Up to the end by the line ending of the session (here: of its own first line)."""
        first = self.heard[False] or self.heard[True]
        end = b'\r\n.\r\n' if first.split(b'\n', 1)[0].endswith(b'\r') else b'\n.\n'
        digest, size, tail = hashlib.sha256(), 0, end[:end.index(b'.')]
        while True:
            data = self.pending
            self.pending = b''
            at = (tail + data).find(end)
            if at >= 0:
                cut = at + len(end) - len(tail)
                data, self.pending = data[:cut], data[cut:]
            digest.update(data)
            self._hear(data)
            size += len(data)
            tail = (tail + data)[-len(end) + 1:]
            if at >= 0:
                self.contents.append((size, digest.hexdigest()))
                self._say(self.behaviour.says.get('.') or b'250 taken\r\n')
                return
            if not self._more():
                raise OSError('the content has no end')

    def _chunk(self, left):
        digest, size = hashlib.sha256(), left
        while left:
            data, self.pending = self.pending[:left], self.pending[left:]
            digest.update(data)
            self._hear(data)
            left -= len(data)
            if left and not self._more():
                raise OSError('the chunk has no end')
        self.contents.append((size, digest.hexdigest()))
