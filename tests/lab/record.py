#!/usr/bin/python3 -B
"""
record - dialogues of real clients with real servers, in clear and without Waxseal, written as scripts of tests/replay/recorded: `tests/lab/record.py`

What each end said is the capture's, byte for byte and in its segments; what the box must make of it follows from DESIGN.md, 'What Waxseal itself says'. Each
dialogue becomes two cases: in clear at level none, and sealed behind STARTTLS with the list that the server has inside TLS. The result is kept in the
repository, and this program is no test: it is run again when a server's next version is of interest.
"""
import functools
import os
import re
import smtplib
import sys

import capture
import client
import net
import says
import talks
import world

PLACE = net.TREE + '/tests/replay/recorded/'
SERVERS = {'postfix': (world.POSTFIX, 'dane-ee.example'), 'exim': (world.EXIM, 'dane-ta.example'), 'sendmail': (world.SENDMAIL, 'oppo.example'),
           'opensmtpd': (world.SMTPD, 'plain.example')}
# of talks.py, by the beginnings of their names; those in which the box has the word itself are test_differential.py's
CHOSEN = ('a message', 'an empty message', 'HELO', 'everything pipelined', 'two transactions', 'typed', 'chunks pipelined', 'BDAT 0 LAST', 'SIZE', 'SMTPUTF8', 'DSN',
          'parameters', 'verbs', 'one recipient', 'every recipient')


# ---- what is said
class Dialogue:
    """`runs`: what the client said without hearing anything in between; `replies`; both as bytes."""

    def __init__(self, segments):
        self.runs, said, heard = [], b'', b''
        expected = {}
        for each in segments:
            fresh = each.data[max(expected.get(each.dport == 25, each.seq) - each.seq, 0):]
            expected[each.dport == 25] = each.seq + len(each.data)
            if not fresh:
                continue
            if each.dport != 25:
                heard += fresh
                said = b''
            elif said:
                self.runs[-1] += fresh
            else:
                self.runs.append(fresh)
                said = fresh
        self.replies = re.findall(rb'(?:\d\d\d-.*\n)*\d\d\d(?: .*|\r)?\n', heard)
        self.exchanges = talks.exchanges(talks.Played(b''.join(self.runs), self.replies, b'', 'closed'))


def take(action):
    """The connection to port 25 that `action` makes, from the inner link."""
    with capture.capture(end='lan') as wire:
        action()
    found = {}
    for each in wire.segments():
        way = each[:4] if each.dport == 25 else (each.target, each.dport, each.source, each.sport)
        found.setdefault(way, []).append(each)
    return Dialogue(list(found.values())[-1])


# ---- as a script
def quoted(data):
    """Words of the language: a line a word, lines that are text with their CRLF left out."""
    words = []
    for line in data.splitlines(keepends=True) if b'\r' not in data.replace(b'\r\n', b'') else [data]:
        text = ''.join(chr(c) if 32 <= c < 127 and chr(c) not in '\\"\'' else {13: '\\r', 10: '\\n'}.get(c, f'\\x{c:02x}') for c in line)
        words.append(f'"{text[:-4]}"' if line.endswith(b'\r\n') else f"'{text}'")
    return ' '.join(words)


class Script:
    def __init__(self, dialogue, listed, inside):
        """`inside`: the list in TLS, b'' for a dialogue in clear."""
        self.lines, self.inside, self.listed = [], inside, inside or listed
        self.sealed, self.held, self.awaited, self.domains, self.name = False, None, [], [], b'[192.168.1.10]'
        self.begun, self.content, self.greeted = False, False, b''
        self.enhanced = b'ENHANCEDSTATUSCODES' in listed
        exchanges = list(dialogue.exchanges)
        self._add('back ' + quoted(exchanges[0].reply))
        del exchanges[0]
        for run in dialogue.runs:
            self._add('near ' + quoted(run))
            while run and exchanges:
                one = exchanges.pop(0)
                run = run[len(one.command):]
                self._command(one)
            self._flush()
        self._add('far ends ; near ends')
        self._add('end')

    def _add(self, line):
        self.lines.append(line)

    def _out(self, data):
        self._add(f'expect {"sealed" if self.sealed else "far"} {quoted(data)}')

    def _flush(self):
        """The server answers what it was sent; what ends a transaction ends its lines."""
        for one in self.awaited:
            self._add('back ' + quoted(one.reply))
            if says.verb_of(one.command) == b'BDAT' and (b'LAST' in one.command.split(b'\n')[0] or one.reply[:1] != b'2'):
                self._over()
        self.awaited = []

    def _over(self):
        for each in self.domains:
            self._add('log domain=' + each)
        self.held, self.domains, self.begun = None, [], False

    def _upgrade(self):
        if not self.inside or self.sealed:
            return
        self._flush()
        if self.greeted != b'EHLO':
            self._add(f'expect far "EHLO {self.name.decode()}" ; far "250-mx" "250 STARTTLS"')
        self._add(f'expect far "STARTTLS" ; far "220 go ahead" ; expect handshake ; far tls ; expect sealed "EHLO {self.name.decode()}"')
        self._add('far ' + quoted(self.inside))
        self.sealed = True

    def _command(self, one):
        verb = says.verb_of(one.command)
        content, self.content = self.content, verb == b'DATA' and one.reply[:1] == b'3' and not self.content
        if content or verb not in (b'RCPT', b'DATA', b'BDAT', b'NOOP', b'VRFY', b'EXPN') or (b'PIPELINING' not in self.listed and self.awaited):
            self._flush()
        if content:
            self._out(one.command)
            self._add('back ' + quoted(one.reply))
            self._over()
            return
        if verb in (b'EHLO', b'HELO'):
            self._over()
            self.greeted, self.name = verb, one.command.split()[1]
        if verb in (b'RSET', b'QUIT'):
            ended, self.domains, self.held = self.domains, [], None
        if verb == b'MAIL':
            self._add('expect near "250 2.1.0 Ok"' if self.enhanced else 'expect near "250 Ok"')
            self.held = one
            return
        if verb not in says.CLEAR:
            self._upgrade()
        if verb == b'RCPT':
            domain = re.search(rb'@([\w.-]+)', one.command)[1].decode()
            self.domains += [domain] * (domain not in self.domains)
            if self.held and not self.begun:
                self._out(self.held.command)
                self._add('far ' + quoted(self.held.reply))
                self.begun = True
            if self.held.reply[:1] != b'2':
                self._add('expect near ' + quoted(re.sub(rb'(?m)^552', b'554', self.held.reply)))
                return
        self._out(one.command)
        self.awaited.append(one)
        if verb in (b'RSET', b'QUIT'):
            self._flush()
            for each in ended:
                self._add('log domain=' + each)
            self.begun = False


def cases(name, dialogue, inside, offered):
    listed = next((one.reply for one in dialogue.exchanges if says.verb_of(one.command) == b'EHLO'), b'')
    found = [f'case    {name}', 'level   default none', *Script(dialogue, listed, b'').lines, '']
    if offered:
        found += [f'case    {name}, sealed', 'level   default encrypt', 'option  only-sealed', *Script(dialogue, listed, inside).lines, '']
    return found


# ---- who says it
def inside_of(at):
    """The list inside TLS; a server without TLS would have the same there."""
    with client.Client(at, world.OTHER) as c:
        if 'STARTTLS' in c.hello().text:
            c.starttls()
        c.send('EHLO client.branch.zz\r\n')
        return talks.raw_reply(c)


def library(at, domain):
    """Python's smtplib, from the legacy host."""
    with net.inside('legacy'), smtplib.SMTP(at, 25, 'client.branch.zz', source_address=(world.OTHER, 0)) as s:
        s.sendmail('carol@branch.zz', [f'bob@{domain}', f'eve@{domain}'], 'Subject: library\r\n\r\n.one\r\n..two\r\n')


def postfix(lab, domain):
    lab.legacy.send('bob@' + domain, 'eve@' + domain, body='One line.\n.\n..and dots')
    lab.legacy.settled(['bob@' + domain, 'eve@' + domain])


def main():
    net.enter()
    lab = world.World()
    os.makedirs(PLACE, exist_ok=True)
    lab.mx['postfix'].run('/usr/sbin/postconf', 'smtpd_error_sleep_time=0')
    lab.mx['postfix'].run('/usr/sbin/postfix', 'reload')
    for server, (at, domain) in SERVERS.items():
        with client.Client(at, world.OTHER) as c:
            words = c.hello().text
        inside, offered = inside_of(at), 'STARTTLS' in words
        lines = [f'# Recorded by tests/lab/record.py: clients of Debian 12 with its {server}.', '']
        for talk in talks.TALKS:
            if talk.name.startswith(CHOSEN) and (not talk.needs or talk.needs in words) and (not talk.where or server in talk.where):
                dialogue = take(lambda talk=talk: talks.play(talk, functools.partial(client.Client, at, world.OTHER), domain, 'waxmark'))
                lines += cases(talk.name, dialogue, inside, offered)
        lines += cases('smtplib of Python', take(lambda: library(at, domain)), inside, offered)
        lines += cases('Postfix as a client', take(lambda: postfix(lab, domain)), inside, offered)
        net.write(PLACE + server + '.smtp', '\n'.join(lines))
        print(server, sum(line.startswith('case ') for line in lines), file=sys.stderr)


main()
