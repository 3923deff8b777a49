"""
says - DESIGN.md, 'What Waxseal itself says', as data: every difference between a direct conversation and one through Waxseal is one row of LIST, or a fault.

`Comparison` walks both conversations command by command. Where the client hears something else, exactly one row must allow it, and the row also says what the
server then hears. From that comes what the server must have heard, byte for byte; `with_upgrade` adds what the box says to it in front of the first verb that
needs a verdict. What it did hear is held against that.
"""
import collections
import re

import talks

CLEAR = (b'EHLO', b'HELO', b'NOOP', b'RSET', b'HELP', b'QUIT')  # may leave before a verdict
BAD_SEQUENCE = rb'503 (5\.5\.1 )?Bad sequence of commands\r\n'
CONTENT = b'(content)'

# kind: verbs of the command that is answered, or CONTENT; None: any. direct, says: what the client hears directly, and from us; a function makes it of Now.
# when: a function of Now. server: what it hears in consequence: SAME, NOTHING, LATER (MAIL, in front of the next RCPT that leaves), or a BEGINNING of it
# or the session is over, behind this (LAST) or without it (END)
SAME, NOTHING, LATER, BEGINNING, LAST, END = 'same', 'nothing', 'later', 'a beginning', 'the last', 'the end'
Row = collections.namedtuple('Row', 'name kind direct says when server')
# where in the conversation: mail: the line that is open; rcpt: one of its recipients was taken; mail_reply: what the server said directly to MAIL; hello, sealed:
# an EHLO or HELO was said, a verb needed a verdict; inside: the EHLO reply inside TLS; quit, refused: behind QUIT, a refused DATA
Now = collections.namedtuple('Now', 'command kind mail rcpt mail_reply hello sealed inside quit refused')
ALWAYS, ANY, NEGATIVE = (lambda now: True), rb'.*', rb'[45].*'


def _odd(now):
    """Bytes that servers read differently, or an address from which not exactly one domain can be read."""
    line = now.command.rstrip(b'\r\n')
    if re.search(rb'[\0-\x08\x0a-\x1f\x7f]', line):
        return True
    if now.kind not in (b'MAIL', b'RCPT'):
        return False
    path = re.search(rb':\s*(<?)("[^"]*"@[^<>\s]*|[^<>\s"]*)(>?)', line)
    if not path or bool(path[1]) != bool(path[3]):
        return True
    return now.kind == b'RCPT' and not re.fullmatch(rb'("[^"]*"|[^@"]+)@[\w.-]+', path[2])


def _ambiguous(now):
    """A dot alone between line ends of which one is not the session's."""
    return re.search(rb'(^|[^\r])\n\.[\r\n]|\r\.[\r\n]|\n\.(\n|\r[^\n])|\r\n(\0\.\r|\.\0\r)', now.command) is not None


LIST = (
    Row('MAIL is held', b'MAIL', ANY, rb'250 (2\.1\.0 )?Ok\r\n', lambda now: not now.mail and not _odd(now), LATER),
    Row('a negative answer to MAIL is given to every RCPT, 552 as 554', b'RCPT', NEGATIVE, lambda now: re.escape(re.sub(rb'(?m)^552', b'554', now.mail_reply)),
        lambda now: now.mail and now.mail_reply[:1] in (b'4', b'5'), NOTHING),
    Row('a nested MAIL', b'MAIL', NEGATIVE, BAD_SEQUENCE, lambda now: now.mail and not _odd(now), NOTHING),
    Row('RCPT without a MAIL held', b'RCPT', NEGATIVE, BAD_SEQUENCE, lambda now: not now.mail, NOTHING),
    Row('DATA or BDAT with no recipient out', (b'DATA', b'BDAT'), NEGATIVE, BAD_SEQUENCE, lambda now: not now.rcpt, NOTHING),
    Row('a line that cannot be delimited', None, ANY, rb'451 4\.7\.0 waxseal: (validation-failure|bad-recipient): .*', _odd, NOTHING),
    Row('AUTH in clear', b'AUTH', ANY, rb'454 4\.7\.0 waxseal: auth-in-clear: .*', ALWAYS, NOTHING),
    Row('REQUIRETLS towards a server that cannot be verified', b'RCPT', ANY, rb'451 4\.7\.30 waxseal: validation-failure: .*',
        lambda now: b' REQUIRETLS' in now.mail.upper(), NOTHING),
    Row('EHLO again is answered by the list that the server has inside TLS', b'EHLO', rb'250-.*', lambda now: re.escape(now.inside), lambda now: now.sealed, SAME),
    Row('a server that wants to be greeted had our EHLO', None, rb'503 .*', rb'250 .*', lambda now: not now.hello and now.kind not in CLEAR[:2] + (b'MAIL',), SAME),
    Row('commands wait for what the server has to say first: it sees no pipelining', b'QUIT', rb'500 .*Pipelining not supported\r\n', rb'221 .*', ALWAYS, SAME),
    Row('an ambiguous end of data', CONTENT, ANY, rb'421 4\.7\.0 waxseal: ambiguous-end-of-data: .*', _ambiguous, BEGINNING),
    Row('content behind a refused DATA', None, ANY, rb'421 4\.7\.0 waxseal: ambiguous-end-of-data: .*', lambda now: now.refused and now.kind != CONTENT, END),
    Row('an answer that is none', None, rb'(?!\d\d\d[ \r\n-]).*|[016-9].*', rb'421 4\.4\.2 waxseal: upstream-lost: .*', ALWAYS, LAST),
    Row('an answer in clear on a sealed connection', None, rb'500 Too many unrecognized commands\r\n', rb'421 4\.4\.2 waxseal: upstream-lost: .*',
        lambda now: now.sealed, LAST),
    Row('an answer that nobody asked for', None, ANY, rb'421 4\.7\.0 waxseal: early-bytes: .*', ALWAYS, END),
    Row('what stands behind QUIT goes nowhere', None, ANY, rb'', lambda now: now.quit, NOTHING),
)


def verb_of(line):
    words = line.split(None, 1)
    return words[0].upper() if words else b''


def masked(reply):
    """Without what differs between any two sessions: dates, queue and session ids."""
    reply = re.sub(rb'(queued as |id=)[\w-]+', rb'\1*', reply)
    reply = re.sub(rb'(250 2\.0\.0 )\w{8,}( Message accepted)', rb'\1*\2', reply)
    return re.sub(rb'\w{3}, +\d+ \w{3} \d{4} [\d:]+ ([+-]\d{4}|GMT)( \(\w+\))?', b'(date)', reply)


def _allows(row, now, direct, sealed):
    kinds = row.kind if isinstance(row.kind, tuple) else (row.kind,)
    if row.kind is not None and now.kind not in kinds or not row.when(now) or not re.fullmatch(row.direct, direct, re.S):
        return False
    return re.fullmatch(row.says(now) if callable(row.says) else row.says, sealed, re.S) is not None


class Comparison:
    """`faults`: what no row explains; `used`: the rows; `heard`: (kind, bytes) that the server must have heard; `cut`: of this it may have heard a beginning."""

    def __init__(self, direct, sealed, inside=b''):
        self.faults, self.used, self.heard, self.cut = [], [], [], None
        self.mail, self.held, self.rcpt, self.mail_reply = b'', b'', False, b''
        self.hello = self.sealed = self.quit = self.refused = False
        self.inside = masked(inside)
        ones, others = talks.exchanges(direct), talks.exchanges(sealed)
        kind = b''
        for i in range(max(len(ones), len(others))):
            one = ones[i] if i < len(ones) else talks.Exchange(b'', b'')
            other = others[i] if i < len(others) else talks.Exchange(b'', b'')
            content = kind == b'DATA' and others[i - 1].reply[:1] == b'3'
            kind = CONTENT if content else verb_of(other.command)
            if not other.reply and sealed.end != 'open' and not self.quit:          # the server is gone: whether it heard this is chance
                break
            if not self._step(kind, one, other):
                return
        if (masked(direct.rest), direct.end == 'open') != (masked(sealed.rest), sealed.end == 'open'):     # a server's reset is the client's close
            self.faults.append(f'it ends with {sealed.rest!r}, {sealed.end}; directly with {direct.rest!r}, {direct.end}')

    def _step(self, kind, one, other):
        """One command; False: nothing more can be compared."""
        if one.command != other.command and not _ambiguous(Now(other.command, *[None] * 9)):
            self.faults.append(f'the client got as far as {one.command!r} directly, and to {other.command!r} through Waxseal')
            return False
        now = Now(other.command, kind, self.mail, self.rcpt, self.mail_reply, self.hello, self.sealed, self.inside, self.quit, self.refused)
        direct, sealed, server = masked(one.reply), masked(other.reply), SAME
        if direct != sealed or self.quit or (kind == b'MAIL' and not self.mail and sealed[:1] == b'2'):
            rows = [row for row in LIST if _allows(row, now, direct, sealed)]
            if len(rows) != 1:
                self.faults.append(f'to {now.command[:200]!r} the client hears {other.reply!r}, directly {one.reply!r}: {[row.name for row in rows]}')
                return False
            self.used.append(rows[0].name)
            server = rows[0].server
            if server == BEGINNING:
                self.cut = now.command
            if server == LAST:
                self.heard.append((kind, now.command))
            if server in (BEGINNING, LAST, END):
                return False
        self._follow(now, one.reply, other.reply, server)
        return True

    def _follow(self, now, direct, reply, server):
        kind = now.kind
        if server == LATER:
            self.mail, self.held, self.rcpt, self.mail_reply = now.command, now.command, False, direct
            return
        if kind == b'RCPT' and self.held and not _odd(now) and not reply.startswith(b'451 4.7.30 '):
            self.heard.append((b'MAIL', self.held))
            self.held = b''
        if server == SAME and now.command:
            self.heard.append((kind, now.command))
        self.sealed |= bool(self.heard) and self.heard[-1][0] not in CLEAR
        self.hello |= kind in (b'EHLO', b'HELO')
        self.quit |= kind == b'QUIT'
        self.refused = kind == b'DATA' and reply[:1] != b'3'
        self.rcpt |= kind == b'RCPT' and reply[:1] == b'2'
        if kind in (CONTENT, b'EHLO', b'HELO', b'RSET', b'QUIT') or (kind == b'BDAT' and server == SAME and (b'LAST' in now.command.split(b'\n')[0] or reply[:1] != b'2')):
            self.mail, self.held, self.rcpt, self.mail_reply = b'', b'', False, b''


def with_upgrade(heard, name, offered):
    """(clear, sealed): what the server hears where TLS comes in front of the first verb that needs a verdict; behind HELO, or nothing, one EHLO more."""
    first = next((i for i, (kind, _) in enumerate(heard) if kind not in CLEAR), None)
    if first is None:
        return heard, []
    greeted = [line for kind, line in heard[:first] if kind in (b'EHLO', b'HELO')][-1:]
    hello = (b'EHLO', b'EHLO ' + (greeted[0].split()[1] if greeted else name) + b'\r\n')
    own = [] if greeted and greeted[0][:4].upper() == b'EHLO' else [hello]
    if not offered:
        return heard[:first] + own + heard[first:], []
    return heard[:first] + own + [(b'STARTTLS', b'STARTTLS\r\n')], [hello] + heard[first:]
