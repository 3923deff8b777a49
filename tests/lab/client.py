"""
client - a scripted SMTP client, for what no well-behaved mail server would do: it says exactly what it is told, and reads whole replies.
"""
import collections
import socket
import ssl
import struct

import net

Reply = collections.namedtuple('Reply', 'code text')            # text: all lines, without the codes


class Gone(Exception):
    """The other side closed or reset the connection."""


class Client:
    def __init__(self, to, at, namespace='legacy', port=0, timeout=40):
        """Connects from the address `at` (and that local port, where given); the greeting is not read yet."""
        self.socket = net.tcp(namespace, net.family_of(to))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((at, port))
        self.socket.settimeout(timeout)
        self.pending, self.raw = b'', b''
        try:
            self.socket.connect((to, 25))
        except OSError as error:
            raise Gone(str(error)) from error
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        except OSError as error:
            raise Gone(str(error)) from error

    def line(self):
        while b'\n' not in self.pending:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:
                raise Gone(str(error)) from error
            if not data:
                raise Gone('closed')
            self.raw += data
            self.pending += data
        line, self.pending = self.pending.split(b'\n', 1)
        return line.rstrip(b'\r').decode('utf-8', 'replace')

    def reply(self):
        texts = []
        while True:
            line = self.line()
            texts.append(line[4:])
            if line[3:4] != '-':
                return Reply(int(line[:3]), '\n'.join(texts))

    def say(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def hello(self, name='client.branch.zz'):
        """Reads the greeting and says EHLO; its reply comes back."""
        self.reply()
        return self.say('EHLO ' + name)

    def mail(self, recipients, body, sender='carol@branch.zz'):
        """One transaction; replies to RCPTs, and the final one (None where no recipient was taken)."""
        self.say(f'MAIL FROM:<{sender}>')
        answers = [self.say(f'RCPT TO:<{each}>') for each in recipients]
        if not any(each.code == 250 for each in answers) or self.say('DATA').code != 354:
            return answers, None
        self.send(body + b'\r\n.\r\n')
        return answers, self.reply()

    def starttls(self):
        """The client's own TLS; the certificate is taken as it is and comes back as DER."""
        answer = self.say('STARTTLS')
        if answer.code != 220:
            return None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        return self.socket.getpeercert(binary_form=True)

    def reset(self):
        """Leaves with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()
