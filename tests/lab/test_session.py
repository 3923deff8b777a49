#!/usr/bin/python3 -B
"""
Sessions that a well-behaved mail server seldom has, from scripted clients through Waxseal to real MX hosts.

Proves R1, R2, R5, A16, A17, A24, A26, A32, A55, A56, A58-A61, A97, and that bytes of messages arrive identical.
"""
import hashlib
import os
import threading

import capture
import client
import net
import seal
import tap
import world
from tap import equal, ok, test


def connect(to=world.POSTFIX):
    return client.Client(to, world.OTHER)


def message(body, marker):
    return f'From: <carol@branch.zz>\r\nSubject: {marker}\r\n\r\n'.encode() + body


def mark():
    return 'waxmark' + os.urandom(8).hex()


def arrived(server, marker):
    return net.until('the message', lambda: server.body(marker))


@test
def greeting_is_the_servers(lab):
    with connect() as c:
        text = c.reply().text
        ok(text.startswith('mx.dane-ee.example'), 'the greeting is the server\'s own', text)
        words = c.say('EHLO client.branch.zz').text.split('\n')
        ok({'PIPELINING', 'STARTTLS', '8BITMIME', 'CHUNKING'} <= set(words), 'and so is the EHLO reply, STARTTLS included', words)


@test
def helo_only(lab):
    marker = mark()
    with capture.capture() as wire, connect() as c:
        c.reply()
        equal(c.say('HELO old.branch.zz').code, 250, 'HELO is answered by the server')
        _, final = c.mail(['bob@dane-ee.example'], message(b'from an old one', marker))
        c.say('QUIT')
    equal((final.code, wire.envelope()), (250, []), 'a client that says HELO is sealed too (A16)')
    equal(lab.seal.outcome(domain='dane-ee.example')['auth'], 'dane-ee', 'and its peer verified')
    arrived(lab.mx['postfix'], marker)


@test
def pipelining(lab):
    marker = mark()
    with capture.capture() as wire, connect() as c:
        c.hello()
        c.send('MAIL FROM:<carol@branch.zz>\r\nRCPT TO:<bob@dane-ee.example>\r\nRCPT TO:<eve@dane-ee.example>\r\nDATA\r\n')
        equal([c.reply().code for _ in range(4)], [250, 250, 250, 354], 'MAIL, RCPT, RCPT, DATA in one segment are answered in order (A32)')
        second = mark()
        c.send(message(b'one', marker) + b'\r\n.\r\nMAIL FROM:<carol@branch.zz>\r\nRCPT TO:<bob@dane-ee.example>\r\nDATA\r\n')
        equal([c.reply().code for _ in range(4)], [250, 250, 250, 354], 'the next transaction may stand behind the end of the last (A61)')
        c.send(message(b'two', second) + b'\r\n.\r\nQUIT\r\n')
        equal([c.reply().code for _ in range(2)], [250, 221], 'and QUIT behind that')
    equal(wire.envelope(), [], 'nothing of it was to be read')
    equal((arrived(lab.mx['postfix'], marker), arrived(lab.mx['postfix'], second)), (b'one\n', b'two\n'), 'both messages arrived')


@test
def blind_pipeliner_is_refused(lab):
    """A client that does not wait: its body must not leak when the recipient is refused."""
    marker = mark()
    with capture.capture() as wire, connect(world.ATTACK['strip']) as c:
        c.hello()
        c.send(b'MAIL FROM:<carol@branch.zz>\r\nRCPT TO:<bob@stripped.example>\r\nDATA\r\n' + message(b'secret', marker) + b'\r\n.\r\nQUIT\r\n')
        codes = [c.reply().code for _ in range(2)]
        try:
            while True:
                codes.append(c.reply().code)
        except client.Gone:
            pass
    ok(codes[:2] == [250, 451] and 354 not in codes and codes[2:].count(250) == 0, 'refused, and no reply looks like a delivery', codes)
    equal((wire.envelope(), wire.shows(marker.encode()), lab.received(marker)), ([], False, []), 'and nothing of it left the box (A60)')


@test
def recipients_of_several_domains(lab):
    marker = mark()
    with capture.capture() as wire, connect() as c:
        c.hello()
        answers, final = c.mail(['a@dane-ee.example', 'b@mismatch.example', 'c@insecure.zz', 'd@bogus.example', 'e@dane-ee.example'], message(b'for some', marker))
    equal([each.code for each in answers], [250, 451, 250, 451, 250], 'each recipient is judged by its own domain (A97)')
    equal((final.code, wire.envelope()), (250, []), 'the others go on, sealed')
    equal([lab.seal.outcome(domain=name)['outcome'] for name in ('mismatch.example', 'insecure.zz', 'bogus.example')], ['refused', 'encrypted', 'refused'],
          'and each domain has its line')
    equal(lab.seal.outcomes(domain='dane-ee.example')[-1].get('rcpt'), '2/2', 'the line counts a domain\'s recipients')
    arrived(lab.mx['postfix'], marker)


@test
def rset_and_another(lab):
    marker = mark()
    with connect() as c:
        c.hello()
        equal((c.say('NOOP').code, c.say('MAIL FROM:<carol@branch.zz>').code, c.say('RSET').code), (250, 250, 250), 'NOOP, MAIL, RSET')
        equal(c.say('RCPT TO:<bob@dane-ee.example>').code, 503, 'RCPT without MAIL: 503')
        equal(c.say('DATA').code, 503, 'DATA without a recipient: 503')
        equal(c.mail(['bob@dane-ee.example'], message(b'after all', marker))[1].code, 250, 'and a whole transaction behind that')
        equal(c.mail(['bob@two.zz'], message(b'elsewhere', marker))[1].code, 250, 'another domain of the same host in the same session')
        equal(c.say('QUIT').code, 221, 'QUIT is answered')
    net.until('both messages', lambda: len(lab.mx['postfix'].received(marker)) == 2)


@test
def refused_session_goes_on(lab):
    with connect(world.ATTACK['refuse']) as c:
        c.hello()
        answers, _ = c.mail(['bob@dane-refuse.example'], b'')
        equal(answers[0].code, 451, 'refused')
        equal((c.say('RSET').code, c.say('NOOP').code, c.say('QUIT').code), (250, 250, 221), 'then RSET, NOOP and QUIT are still answered')


@test
def bodies_arrive_identical(lab):
    odd = [b'', b'.', b'..', b'.x', b'x' * 997, bytes(range(128, 256)), b'\ttab and trailing blanks   ', b'From the start', b'.' * 70]
    lines = odd + [os.urandom(60).hex().encode() for _ in range(2000)] + [b'', b'end.']
    for name, server, at in (('dane-ee.example', 'postfix', world.POSTFIX), ('dane-ta.example', 'exim', world.EXIM), ('oppo.example', 'sendmail', world.SENDMAIL),
                             ('plain.example', 'opensmtpd', world.SMTPD)):
        marker = mark()
        with connect(at) as c:
            c.hello()
            stuffed = b'\r\n'.join(b'.' + each if each.startswith(b'.') else each for each in lines)
            _, final = c.mail(['bob@' + name], message(stuffed, marker))
        equal(final and final.code, 250, f'{name}: {server} takes lone dots, long lines and 8-bit bytes (A55, A58)')
        equal(_sha(arrived(lab.mx[server], marker)), _sha(b'\n'.join(lines) + b'\n'), f'{name}: sha256 of the body is the same')


def _sha(data):
    return hashlib.sha256(data).hexdigest()


@test
def what_only_looks_like_an_end(lab):
    for i, odd in enumerate((b'\n.\n', b'\n.\r\n', b'\r.\r\n', b'\r\n.\n', b'\r\n.\r\r\n')):
        marker = mark()
        with connect() as c:
            c.hello()
            c.say('MAIL FROM:<carol@branch.zz>')
            c.say('RCPT TO:<bob@dane-ee.example>')
            c.say('DATA')
            c.send(message(b'first' + odd + b'MAIL FROM:<not@a.command>\r\n', marker))
            answer = c.reply()
            ok(answer.code == 421 and 'ambiguous-end-of-data' in answer.text, f'{odd!r} inside DATA: 421 (A{39 + i})', answer)
        equal(lab.received(marker), [], 'and no server takes it for a message')


@test
def line_feeds_alone(lab):
    """A client that ends its lines with LF from the first command on (A53); Postfix takes it, today's sendmail would not."""
    marker = mark()
    with connect() as c:
        c.reply()
        for line in ('EHLO old.branch.zz', 'MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@dane-ee.example>', 'DATA'):
            c.send(line + '\n')
            code = c.reply().code
        c.send(message(b'unix lines', marker).replace(b'\r\n', b'\n') + b'\n.\n')
        answer = c.reply()
        ok((code, answer.code) == (354, 250), 'a session of bare line feeds works as it does without Waxseal', answer)
    arrived(lab.mx['postfix'], marker)


@test
def big_message(lab):
    marker = mark()
    lines = [os.urandom(36).hex().encode() for _ in range(20_000_000 // 74)]
    with capture.capture() as wire, connect() as c:
        c.hello()
        _, final = c.mail(['bob@dane-ee.example'], message(b'\r\n'.join(lines), marker))
        c.say('QUIT')
    equal((final.code, wire.envelope(), wire.shows(lines[1000])), (250, [], False), 'a message of 20 MB goes through, sealed')
    equal(_sha(arrived(lab.mx['postfix'], marker)), _sha(b'\n'.join(lines) + b'\n'), 'its sha256 is the same')
    row = lab.seal.outcomes(domain='dane-ee.example')[-1]
    ok(int(row.get('bytes', 0)) >= 20_000_000, 'and the line says how much it was', row)


@test
def bdat(lab):
    marker = mark()
    first, last = message(b'chunk one\r\n.\r\nMAIL FROM:<not@a.command>\r\n', marker), b'chunk two\r\n'
    with capture.capture() as wire, connect() as c:
        c.hello()
        c.send(b'MAIL FROM:<carol@branch.zz>\r\nRCPT TO:<bob@dane-ee.example>\r\nBDAT %d\r\n' % len(first) + first + b'BDAT %d LAST\r\n' % len(last) + last + b'QUIT\r\n')
        equal([c.reply().code for _ in range(5)], [250, 250, 250, 250, 221], 'BDAT in two chunks, all in one go (A56)')
    equal(wire.envelope(), [], 'nothing of it was to be read')
    equal(arrived(lab.mx['postfix'], marker), b'chunk one\n.\nMAIL FROM:<not@a.command>\nchunk two\n', 'what looks like an end inside a chunk is none')


@test
def bdat_is_not_used_where_it_was_only_promised(lab):
    """The list in clear is the attacker's to write (A21)."""
    with connect(world.ATTACK['drift']) as c:
        c.hello()
        c.say('MAIL FROM:<carol@branch.zz>')
        c.say('RCPT TO:<bob@drift.example>')
        c.send(b'BDAT 22 LAST\r\nMAIL FROM:<x@y.zz>\r\n\r\n')
        answer = c.reply()
        equal(c.say('NOOP').code // 100, 2, 'the octets of the refused chunk are no commands')
    ok(answer.code == 451 and 'waxseal: capability-drift: ' in answer.text, 'BDAT that the server does not offer inside TLS: 451', answer)
    equal(lab.seal.outcome(domain='drift.example', reason='capability-drift')['outcome'], 'failed', 'and its outcome is failed')
    ok(b'BDAT' not in lab.attackers['drift'].heard(), 'the server never saw it')


@test
def other_verbs_first(lab):
    with capture.capture() as wire, connect(world.SENDMAIL) as c:
        c.hello()
        ok(c.say('VRFY postmaster').code in (250, 252, 502, 550), 'VRFY before MAIL is answered by the server (A17)')
        answer = c.say('AUTH PLAIN AGFsaWNlAHNlY3JldA==')
        ok(answer.code >= 400, 'AUTH is answered', answer)
    equal((wire.shows(b'VRFY'), wire.shows(b'AUTH PLAIN')), (False, False), 'and neither left in clear')
    with capture.capture() as wire, connect(world.SMTPD) as c:
        c.hello()
        equal(c.say('AUTH PLAIN AGFsaWNlAHNlY3JldA==').code, 454, 'AUTH where no TLS is offered: 454')
    ok(not wire.shows(b'AGFsaWNl'), 'and the credentials stay on the box')


@test
def the_clients_own_tls(lab):
    marker = mark()
    with connect() as c:
        c.hello()
        equal(c.starttls() is not None, True, 'a client\'s own STARTTLS reaches the server (A24)')
        c.say('EHLO client.branch.zz')
        equal(c.mail(['bob@mismatch.example'], message(b'by tunnel', marker))[1].code, 250, 'and its mail is its own affair')
    equal(lab.seal.outcome(outcome='tunnel')['domain'], '-', 'the line says tunnel')
    arrived(lab.mx['postfix'], marker)


@test
def byte_by_byte(lab):
    """A person at a terminal, one byte a segment (A73)."""
    marker = mark()
    with connect() as c:
        c.socket.setsockopt(6, 1, 1)                            # TCP_NODELAY
        c.hello()
        for line in ('MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@dane-ee.example>', 'DATA'):
            for each in line + '\r\n':
                c.send(each)
            code = c.reply().code
        for each in message(b'slowly', marker) + b'\r\n.\r\n':
            c.send(bytes([each]))
        equal((code, c.reply().code), (354, 250), 'one byte at a time is taken')
    arrived(lab.mx['postfix'], marker)


@test
def many_at_once(lab):
    marker, codes = mark(), []

    def one(i):
        with connect((world.POSTFIX, world.EXIM)[i % 2]) as c:
            c.hello()
            codes.append(c.mail([('bob@dane-ee.example', 'bob@dane-ta.example')[i % 2]], message(b'%d' % i, marker))[1].code)
            c.say('QUIT')
    threads = [threading.Thread(target=one, args=(i,)) for i in range(40)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    equal(codes, [250] * 40, '40 sessions at once')
    net.until('40 messages', lambda: sum(len(lab.mx[name].received(marker)) for name in ('postfix', 'exim')) == 40)


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
