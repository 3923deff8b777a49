"""
talks - conversations as data, and who has them: each is played once directly and once through Waxseal, and recorded for tests/replay.

A step is what the client sends and how many replies it then waits for: text is a line (CRLF is added) and one reply; bytes are sent as they are, with one
reply; a pair says both. The first reply is always the greeting, unless the first step is EARLY, which is sent before it.
`{to}` and `{mark}` stand for the recipient's domain and for the word by which the message is found.
"""
import collections
import re

import client

# needs: keyword that the server's list must have; typed: one byte a segment; where: the servers to which it makes sense; waits: seconds for a reply, few where
# a server may directly wait for an end that it does not see, so that none comes
Talk = collections.namedtuple('Talk', 'name steps needs typed where waits', defaults=('', False, (), 40))
Chunk = collections.namedtuple('Chunk', 'content last', defaults=(False,))  # a step: BDAT with its octets, one reply
Exchange = collections.namedtuple('Exchange', 'command reply')            # reply: b'' where none came
Played = collections.namedtuple('Played', 'sent replies rest end')        # rest: what came unasked at the end; end: closed, reset, open
EARLY = '(before the greeting)'

HEAD = (b'X-Diff: {mark}\r\nFrom: <carol@branch.zz>\r\nTo: <bob@{to}>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{mark}@branch.zz>\r\n'
        b'Subject: x\r\n\r\n')
END = b'\r\n.\r\n'
EHLO, MAIL, RCPT = 'EHLO client.branch.zz', 'MAIL FROM:<carol@branch.zz>', 'RCPT TO:<bob@{to}>'
REAL = ('postfix', 'exim', 'sendmail', 'opensmtpd')
BEGIN = (EHLO, MAIL, RCPT, 'DATA')


def _lines(*lines):
    return b''.join(each.encode() + b'\r\n' for each in lines)


def message(body, name, **more):
    return Talk(name, (*BEGIN, HEAD + body + END, 'QUIT'), **more)


ODD_LINES = b'\r\n'.join([b'..', b'...x', b'..QUIT', b'x' * 900, bytes(range(128, 256)), b'\ttabs, blanks   ', b'From the start', b'',
                           b'MAIL FROM:<not@a.command>', b'end'])
CHUNK = HEAD + b'one\r\n.\r\nQUIT\r\nMAIL FROM:<not@a.command>\r\n'

TALKS = (
    message(b'Hello.', 'a message'),
    message(ODD_LINES, 'dots, long lines, eight bits, what looks like commands (A55, A58)'),
    Talk('an empty message', (*BEGIN, b'.\r\n', 'QUIT')),
    Talk('HELO (A16)', ('HELO client.branch.zz', MAIL, RCPT, 'DATA', HEAD + b'old' + END, 'QUIT')),
    Talk('MAIL with no HELO (A17)', ('NOOP', MAIL, RCPT, 'RSET', 'QUIT')),
    Talk('everything pipelined (A32, A61)', (EHLO, (_lines(MAIL, RCPT, 'RCPT TO:<eve@{to}>', 'DATA'), 4),
                                              (HEAD + b'one' + END + _lines(MAIL, RCPT, 'DATA'), 4), (HEAD + b'two' + END + b'QUIT\r\n', 2)), needs='PIPELINING'),
    Talk('two transactions and RSET between', (EHLO, MAIL, RCPT, 'RSET', MAIL, RCPT, 'DATA', HEAD + b'after RSET' + END, MAIL, RCPT, 'DATA',
                                               HEAD + b'again' + END, 'QUIT')),
    Talk('EHLO again in the middle', (EHLO, MAIL, EHLO, MAIL, RCPT, 'EHLO other.branch.zz', MAIL, RCPT, 'DATA', HEAD + b'x' + END, 'QUIT'),
         where=('postfix', 'exim', 'sendmail', 'recorder')),
    message(b'typed', 'typed byte by byte (A73)', typed=True),
    Talk('chunks, also one of nothing, and what looks like commands in them (A56)', (EHLO, MAIL, RCPT, Chunk(CHUNK), 'BDAT 0', Chunk(b'end\r\n', last=True), 'RSET',
                                                                                     'QUIT'),
         needs='CHUNKING', where=('postfix', 'recorder')),         # Exim takes the octets behind a refused BDAT for commands
    Talk('chunks pipelined (A56)', (EHLO, (_lines(MAIL, RCPT) + b'BDAT 6\r\nX: y\r\nBDAT 9 LAST\r\n\r\nhello\r\nQUIT\r\n', 5)), needs='CHUNKING'),
    Talk('BDAT 0 LAST alone (A56)', (EHLO, MAIL, RCPT, 'BDAT 0 LAST', 'QUIT'), needs='CHUNKING'),
    Talk('a chunk without a recipient', (EHLO, MAIL, Chunk(b'QUIT\r\n', last=True), 'NOOP', 'QUIT'), needs='CHUNKING', where=REAL),
    Talk('SIZE that is too big', (EHLO, MAIL + ' SIZE=9999999999', RCPT, 'RCPT TO:<eve@{to}>', 'RSET', 'QUIT'), needs='SIZE'),
    Talk('SIZE and 8BITMIME', (EHLO, MAIL + ' SIZE=1000 BODY=8BITMIME', RCPT, 'DATA', HEAD + b'\xc3\xa9' + END, 'QUIT'), needs='8BITMIME'),
    Talk('SMTPUTF8', (EHLO, 'MAIL FROM:<caröl@branch.zz> SMTPUTF8 BODY=8BITMIME', 'RCPT TO:<bób@{to}>', 'RSET', 'QUIT'), needs='SMTPUTF8'),
    Talk('DSN', (EHLO, MAIL + ' RET=HDRS ENVID=QQ314159', RCPT + ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@{to}', 'RSET', 'QUIT'), needs='DSN'),
    Talk('parameters that nobody knows', (EHLO, MAIL + ' FOO=bar', RCPT, 'RSET', MAIL, RCPT + ' FOO', 'RSET', 'QUIT')),
    Talk('REQUIRETLS', (EHLO, MAIL + ' REQUIRETLS', RCPT, 'QUIT')),
    Talk('verbs without a transaction', (EHLO, 'NOOP', 'NOOP with words', 'HELP', 'VRFY bob@{to}', 'VRFY bob', 'EXPN list@{to}', 'ETRN {to}', 'RSET', 'QUIT')),
    Talk('verbs that few know (A63)', (EHLO, 'XFOO bar', 'XCLIENT NAME=x', 'XFORWARD NAME=x', 'QUIT')),
    # Exim's last word behind the third, `500 Too many unrecognized commands`, goes out in clear, inside TLS too: no TLS client can take it
    Talk('more unknown verbs than a server bears (A37, A63)', (EHLO, 'XFOO', 'XFOO', 'XFOO', 'XFOO'), where=('exim',)),
    Talk('out of order', (EHLO, RCPT, MAIL, MAIL, 'QUIT'), where=REAL),
    Talk('content without a recipient', (EHLO, 'DATA', MAIL, 'DATA', 'RSET', 'QUIT'), where=REAL),
    Talk('one recipient is refused', (EHLO, MAIL, 'RCPT TO:<bob@elsewhere.zz>', RCPT, 'DATA', HEAD + b'x' + END, 'QUIT')),
    Talk('every recipient is refused', (EHLO, MAIL, 'RCPT TO:<bob@elsewhere.zz>', 'DATA', 'RSET', 'QUIT'), where=('postfix',)),
    Talk('sender and recipient written oddly', (EHLO, 'mail from: <carol@branch.zz> ', 'rcpt  to:<bob@{to}>', 'RSET', 'MAIL FROM:<>', 'RCPT TO:<"bob b"@{to}>',
                                                'RSET', 'Mail From:carol@branch.zz', 'Rcpt To:bob@{to}', 'QUIT')),
    Talk('addresses that are none', (EHLO, MAIL, 'RCPT TO:<bob@{to}@x.zz>', 'RCPT TO:<bob@>', 'RSET', 'QUIT')),
    Talk('addresses that are none either', (EHLO, 'MAIL FROM:<carol@branch.zz', MAIL, 'RCPT TO:<@{to}>', 'QUIT')),
    Talk('AUTH', (EHLO, 'AUTH PLAIN AGFsaWNlAHNlY3JldA==', 'QUIT')),
    Talk('lines that are odd (A57)', (EHLO, b'NOOP \xe9\xff\r\n', b'NO\0OP\r\n', b'NOOP\rNOOP\r\n', b'\r\n', b'NOOP ' + b'x' * 600 + b'\r\n', 'QUIT')),
    Talk('lines that end in LF alone (A53)',
         tuple(each.encode() + b'\n' for each in BEGIN) + ((HEAD + b'unix' + END).replace(b'\r\n', b'\n'), b'QUIT\n'), where=('postfix', 'exim', 'opensmtpd', 'recorder')),
    Talk('it does not wait for the greeting', (EARLY, EHLO, MAIL, RCPT, 'DATA', HEAD + b'early' + END, 'QUIT')),
    Talk('it leaves without QUIT', (EHLO, MAIL, RCPT)),
    Talk('it leaves in the middle of a message (A36)', (*BEGIN, (HEAD + b'half', 0))),
    Talk('what stands behind QUIT', (EHLO, (b'QUIT\r\nNOOP\r\n', 1))),
)
# A39-A51: what some server takes for the end
AMBIGUOUS = tuple(Talk(f'{odd!r} inside DATA ({number})',
                       (*BEGIN, HEAD + b'x' + odd + b'MAIL FROM:<not@a.command>\r\nrest' + END, 'QUIT'), waits=4)
                  for odd, number in ((b'\n.\n', 'A39'), (b'\n.\r\n', 'A40'), (b'\r.\r', 'A41'), (b'\r.\r\n', 'A42'), (b'\r\n.\n', 'A43'), (b'\r\n.\r', 'A44'),
                                      (b'\r\n\0.\r\n', 'A46'), (b'\r\n.\0\r\n', 'A48'), (b'\r\n.\r\0\n', 'A49'),
                                      (b'\n.\r', 'A50'), (b'\r.\n', 'A50'), (b'\r\n.\r\r\n', 'A51'), (b'\r\r\n.\r\r\n', 'A51')))
# what looks like the end and is none by any server's rule
HARMLESS = tuple(message(b'x' + odd + b'rest', f'{odd!r} inside DATA ({number})', waits=15)
                 for odd, number in ((b'\r\0\n.\r\n', 'A47'), (b'a\rb', 'A54'), (b'a\nb', 'A54'), (b'\0', 'A45')))


def steps_of(talk, to, mark):
    """(bytes, replies) of each step; the first stands for the greeting."""
    def filled(data):
        return data.replace(b'{to}', to.encode()).replace(b'{mark}', mark.encode())
    steps = []
    for each in talk.steps:
        if isinstance(each, Chunk):
            octets = filled(each.content)
            steps.append((b'BDAT %d%s\r\n' % (len(octets), b' LAST' if each.last else b'') + octets, 1))
        elif isinstance(each, tuple):
            steps.append((filled(each[0]), each[1]))
        elif each != EARLY:
            steps.append((filled(each.encode() + b'\r\n' if isinstance(each, str) else each), 1))
    if talk.steps[0] == EARLY:
        return [(steps[0][0], steps[0][1] + 1)] + steps[1:]
    return [(b'', 1)] + steps


def play(talk, connect, to, mark):
    """Has the conversation with whom `connect` reaches. A client that meets the end stops there."""
    sent, replies, rest, end = [], [], b'', 'open'
    with connect(timeout=talk.waits) as c:
        if talk.typed:
            c.socket.setsockopt(6, 1, 1)                        # TCP_NODELAY
        try:
            for data, wanted in steps_of(talk, to, mark):
                sent.append(data)
                for i in range(0, len(data), 1 if talk.typed else max(len(data), 1)):
                    c.send(data[i:i + 1] if talk.typed else data)
                for _ in range(wanted):
                    replies.append(raw_reply(c))
            if any(data.upper().startswith(b'QUIT') or b'\r\nQUIT\r\n' in data for data in sent[-1:]):
                while True:
                    rest += c.line().encode() + b'\n'
        except client.Gone as gone:
            end = 'closed' if str(gone) == 'closed' else 'reset'
    return Played(b''.join(sent), replies, rest, end)


def raw_reply(c):
    """One reply, every byte of it."""
    whole = b''
    while True:
        while b'\n' not in c.pending:
            try:
                data = c.socket.recv(65536)
            except OSError as error:
                raise client.Gone(str(error)) from error
            if not data:
                raise client.Gone('closed')
            c.pending += data
        line, c.pending = c.pending.split(b'\n', 1)
        whole += line + b'\n'
        if line[3:4] != b'-':
            return whole


def exchanges(played):
    """The commands, each with its reply; the greeting stands in front with the command b''. Content is one command, a chunk belongs to its BDAT."""
    replies, sent, found = list(played.replies), played.sent, []
    lf = sent.split(b'\n', 1)[0][-1:] != b'\r'
    end = b'\n.\n' if lf else END

    def answered(command):
        found.append(Exchange(command, replies.pop(0) if replies else b''))
        return found[-1].reply
    answered(b'')
    while sent:
        line, _, sent = sent.partition(b'\n')
        line += b'\n'
        if size := re.match(rb'BDAT (\d+)', line, re.I):
            line, sent = line + sent[:int(size[1])], sent[int(size[1]):]
        if answered(line)[:1] == b'3' and line[:4].upper() == b'DATA':
            before = end[:end.index(b'.')]                     # an end may be the first line
            at = (before + sent).find(end)
            cut = len(sent) if at < 0 else at + len(end) - len(before)
            answered(sent[:cut])
            sent = sent[cut:]
    return found
