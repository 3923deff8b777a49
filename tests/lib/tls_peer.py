#!/usr/bin/env python3
"""The far end of a TLS test: certificates to show, and a server that can also misbehave on the wire.

  tls_peer.py make DIR                       leaves NAME.pem (key and chain) and NAME.der (the chain's bytes) for each name
  tls_peer.py serve PEM VERSIONS CIPHERS STEP...    speaks on descriptor 3; PEM - for none
  tls_peer.py call PEM VERSIONS CIPHERS STEP...     the same as a client, which trusts PEM's certificates alone

VERSIONS is MIN-MAX of 1.0 1.1 1.2 1.3, CIPHERS is OpenSSL's list. A STEP is a word, perhaps with =ARGUMENT:
  clear=TEXT   before anything else, and again wherever it stands: these bytes, not sealed
  asks         it will ask for a client certificate, and take none but its own
  hello        reads the client's first flight and makes our answer ready, unsent
  handshake    goes on to its end
  send=N       N sealed bytes of the pattern
  echo=N       gives N bytes back as they came, slowly
  expect=N     reads N bytes, which must be the pattern
  notify       close_notify
  wait         until the client's close_notify (exit 0) or bare end (exit 3)
  fin          end of stream, as it is
  again        (call) the next connection, on the next descriptor, with the session of this one
  resumed=N    (call) whether the server took it: 0 or 1
"""
import os
import socket
import ssl
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)  # old versions on purpose
VERSION = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
           "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def pattern(n):
    return bytes((i * 31 + (i >> 8)) & 255 for i in range(n))


def make(folder):
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, cwd=folder, stderr=subprocess.DEVNULL)

    def certificate(name, key, padding):
        with open(f"{folder}/{name}.cnf", "w", encoding="ascii") as out:
            out.write(f"[req]\ndistinguished_name=dn\nx509_extensions=e\n[dn]\n[e]\n"
                      f"1.3.6.1.4.1.32473.1=ASN1:UTF8String:{'x' * padding}\n")
        openssl("req", "-new", "-x509", "-key", key, "-config", f"{name}.cnf", "-subj", f"/CN={name}.test",
                "-days", "2", "-out", f"{name}.crt")
        with open(f"{folder}/{name}.crt", encoding="ascii") as text:
            return text.read()

    def chain(name, key, certificates):
        with open(f"{folder}/{key}", encoding="ascii") as text, open(f"{folder}/{name}.pem", "w", encoding="ascii") as out:
            out.write(text.read() + "".join(certificates))
        with open(f"{folder}/{name}.der", "wb") as out:
            out.write(b"".join(ssl.PEM_cert_to_DER_cert(c) for c in certificates))

    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key")
    openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "dh")
    openssl("genrsa", "-out", "rsa.key", "2048")
    small = certificate("small", "ec.key", 10)
    chain("ec", "ec.key", [small])
    chain("rsa", "rsa.key", [certificate("rsaleaf", "rsa.key", 10)])
    chain("leaf3k", "ec.key", [certificate("three", "ec.key", 3000), small])
    chain("leaf60k", "ec.key", [certificate("sixty", "ec.key", 60000)])
    chain("ten", "ec.key", [certificate(f"n{i}", "ec.key", 10 + i) for i in range(10)])


class Peer:
    def __init__(self, how, pem, versions, ciphers):
        self.server, self.descriptor = how == "serve", 3
        self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if self.server else ssl.PROTOCOL_TLS_CLIENT)
        low, high = versions.split("-")
        context.set_ciphers(ciphers + ":@SECLEVEL=0")
        context.minimum_version, context.maximum_version = VERSION[low], VERSION[high]
        if not self.server:
            context.check_hostname = False
            context.load_verify_locations(pem)
        elif pem != "-":
            context.load_cert_chain(pem)
            context.load_dh_params(os.path.join(os.path.dirname(pem), "dh"))
        self.begin(None)

    def begin(self, session):
        self.sock = socket.socket(fileno=self.descriptor)
        self.sock.settimeout(20)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.into, self.out, server_side=self.server, session=session)

    def flush(self):
        if self.out.pending:
            self.sock.sendall(self.out.read())

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            sys.exit(3)
        self.into.write(data)

    def pump(self, call, *args):
        while True:
            try:
                done = call(*args)
                self.flush()
                return done
            except ssl.SSLWantReadError:
                self.flush()
                self.more()
            except ssl.SSLError:  # with an alert
                self.flush()
                raise

    def read(self, n):
        data = b""
        while len(data) < n:
            data += self.pump(self.tls.read, min(n - len(data), 16384))
        return data

    def write(self, data):
        for at in range(0, len(data), 16384):
            self.pump(self.tls.write, data[at:at + 16384])

    def step(self, word, argument):
        if word == "clear":
            self.sock.sendall(argument.encode("ascii").decode("unicode_escape").encode("latin-1"))
        elif word == "asks":
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.tls = self.context.wrap_bio(self.into, self.out, server_side=True)
        elif word == "hello":
            self.more()
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
        elif word == "handshake":
            self.pump(self.tls.do_handshake)
        elif word == "send":
            self.write(pattern(int(argument)))
        elif word == "expect":
            assert self.read(int(argument)) == pattern(int(argument)), "not the pattern"
        elif word == "echo":
            left = int(argument)
            while left:
                data = self.pump(self.tls.read, min(left, 16384))
                left -= len(data)
                time.sleep(0.0005)
                self.write(data)
        elif word == "notify":
            try:
                self.tls.unwrap()
            except ssl.SSLWantReadError:
                pass
            self.flush()
        elif word == "wait":
            try:
                while self.pump(self.tls.read, 16384):
                    pass
            except ssl.SSLZeroReturnError:
                pass
        elif word == "fin":
            self.sock.shutdown(socket.SHUT_WR)
        elif word == "again":
            self.descriptor += 1
            self.begin(self.tls.session)
        elif word == "resumed":
            assert self.tls.session_reused == bool(int(argument)), "resumed, or not, against expectation"
        else:
            sys.exit(f"no step {word}")


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2])
        return
    peer = Peer(*sys.argv[1:5])
    for step in sys.argv[5:]:
        word, _, argument = step.partition("=")
        peer.step(word, argument)
    peer.sock.close()


try:
    main()
except (ssl.SSLError, ConnectionError) as trouble:
    if os.environ.get("V"):
        print(f"# tls_peer: {trouble}", file=sys.stderr)
    sys.exit(4)
