#!/usr/bin/python3 -B
"""
Servers and clients that die, at each step of a session: nobody believes in a delivery that did not happen, none happens twice, and no half message is one.

Two real clients, Postfix and Exim, and a server that dies by FIN or RST, or stands still while the client is killed (dying.py). The one window in which a message
may come twice is SMTP's own (RFC 1047): the server has it and the client has not heard so.

Proves A36, A69 (from either side in every state; no descriptor stays behind).
"""
import socket
import threading
import time

import dying
import mta_clients
import net
import pki
import seal
import tap
import world
from client import Client
from tap import equal, ok, test

NAME = 'dying.example'
WINDOW = ('dot', 'reply')                                       # from here on the server has the message
ABRUPT = (('reply', 'rst'),)                                    # a reset may overtake the reply in front of it
LONG = b'\n' + (b'0123456789' * 7 + b'\n') * 40_000 + b'waxend\n'   # more than all buffers on the way hold
BUFFER = '4096 65536 131072'


def raise_lab():
    lab = seal.sealed_world()()
    for space in ('legacy', 'gw', 'mx'):
        for key in ('tcp_rmem', 'tcp_wmem'):
            net.setting(space, 'net/ipv4/' + key, BUFFER)
    lab.server = dying.Dying('mx', world.DYING, pki.leaf('mx.' + NAME))
    lab.clients = [mta_clients.Postfix(lab.legacy), mta_clients.Exim('legacy')]
    for client in lab.clients:                                  # everybody has answered once, so that what is open now is what is open at rest
        equal(client.send('bob@' + NAME, message('waxmarkwarm')), mta_clients.SENT, f'{client.name} delivers to the server while it lives')
    lab.rest = seal.descriptors()
    return lab


def message(marker, body=b'\nHello.\n'):
    return f'From: alice@branch.zz\nTo: bob@{NAME}\nSubject: {marker}\n'.encode() + body


def die(lab, client, step, how):
    """The server dies there; what the client believes, and how often the message was taken by then and after its next try."""
    marker = f'waxmark{client.name}{how}{step.replace(" ", "")}'
    client.forget()
    lab.server.die(step, how)
    sent = client.believes().count(mta_clients.SENT)
    verdict = client.send('bob@' + NAME, message(marker))
    first = lab.server.copies(marker)
    lab.server.live()
    if verdict != mta_clients.SENT:
        client.until_sent(sent)
    return verdict, first, lab.server.copies(marker)


@test
def server_dies(lab):
    for client in lab.clients:
        for how in dying.HOWS:
            for step in dying.STEPS:
                verdict, first, last = die(lab, client, step, how)
                what = f'{client.name}, the server dies at {step} by {how}'
                ok(verdict == mta_clients.LATER or step == 'reply', f'{what}: the client keeps the mail', verdict)
                equal(first, int(step in WINDOW), f'{what}: the server has it {"" if step in WINDOW else "not "}by then')
                ok(verdict == mta_clients.SENT or last == first + 1, f'{what}: the next try delivers it once', last)
                if step == 'reply' and (step, how) not in ABRUPT:
                    equal((verdict, last), (mta_clients.SENT, 1), f'{what}: it is delivered, and not again')


def slow(lab, left):
    """What a client hears that stops reading when so many bytes of the server's answers are still to come, until the server has ended."""
    marker = f'waxmarkslow{left}'
    body = message(marker).replace(b'\n', b'\r\n')
    lab.server.die('reply', 'fin')
    with Client(world.DYING, world.OTHER) as c:
        c.hello()
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.send(b'MAIL FROM:<carol@branch.zz>\r\n' + b'RCPT TO:<bob@dying.example>\r\n' * 50 + b'BDAT %d LAST\r\n' % len(body) + body)        # pipelined, whatever it offers
        heard = b''
        while data := c.socket.recv(500):
            heard += data
            if left is not None and len(heard) > 50 * lab.server.wordy - left:
                lab.server.there.wait(60)
                time.sleep(1)                                   # for its FIN to come to the box
                left = None
    lab.server.live()
    return heard.count(b'250 2.'), heard.endswith(b'250 2.0.0 taken\r\n'), lab.server.copies(marker)


@test
def server_leaves_a_slow_client(lab):
    """It answers for the message and ends; its answers fill everything between it and the client."""
    net.setting('gw', 'net/ipv4/tcp_wmem', '4096 4096 8192')    # what the kernel holds for a client is little beside our own buffer
    lab.server.wordy = 4000
    for left in (24_000, 32_000, 40_000):
        equal(slow(lab, left), (51, True, 1), f'the server is gone when {left} bytes of its answers are still to be read: the client hears them all, the last too')
    net.setting('gw', 'net/ipv4/tcp_wmem', BUFFER)
    lab.server.wordy = 0


def killed(lab, client, step, body, network=False):
    """The client is killed while the server stands still there (and the network with it); copies by then, and after the next try."""
    marker = f'waxmark{client.name}kill{"net" if network else ""}{step.replace(" ", "")}{len(body)}'
    client.forget()
    lab.server.die(step, 'stall')
    sent = client.believes().count(mta_clients.SENT)
    sender = threading.Thread(target=client.hand_over, args=('bob@' + NAME, message(marker, body)))
    sender.start()
    if not lab.server.there.wait(60):
        raise TimeoutError(f'{client.name} did not come to {step}')
    if network:
        net.rules('legacy', 'table inet lab { chain out { type filter hook output priority 0; tcp dport 25 drop; }; }\n')
    client.kill()
    sender.join(60)
    if network:
        net.rules('legacy', 'delete table inet lab\n')
    if step not in ('content', *WINDOW):                        # else its end stands behind bytes that nobody takes, or behind its QUIT
        net.until('the end of the session', lambda: seal.descriptors() <= lab.rest, 60)
    lab.server.live()
    net.until('the end of the server\'s session', lambda: lab.server.open == 0, 60)
    first = lab.server.copies(marker)
    client.until_sent(sent)
    return first, lab.server.copies(marker)


@test
def client_is_killed(lab):
    for client in lab.clients:
        for step in ('banner', 'ehlo', 'handshake', 'mail', 'rcpt', 'data'):
            equal(killed(lab, client, step, b'\nHello.\n'), (0, 1), f'{client.name} is killed while the server is at {step}: nothing is delivered, and once by the next try')
        equal(killed(lab, client, 'content', LONG), (0, 1), f'{client.name} is killed in the middle of a long message: no half message, and the whole one once')
        equal(killed(lab, client, 'content', LONG, network=True), (0, 1), f'{client.name} and its network die in the middle of a long message: the same')
        equal(killed(lab, client, 'dot', b'\nHello.\n'), (1, 2), f'{client.name} is killed before it hears the reply: SMTP\'s own window, and no more than that')
    ok(all(each.endswith(b'waxend\r\n') for each in lab.server.taken if len(each) > 1000), 'every long message that was taken is whole')


@test
def nothing_stays(lab):
    net.until('descriptors as before', lambda: seal.descriptors() <= lab.rest, 60)
    ok(True, 'every descriptor of those sessions is given back')
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(raise_lab)
