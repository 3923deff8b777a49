"""
mta_clients - the mail clients of the matrix: eight programs of Debian that send in clear, each below a root of its own in the legacy server's place.

What they have in common is `Client.send`: hand over one message, wait for the end of the first try, and say what the program itself believes of it, by its own
log: SENT, LATER (it waits in the queue) or NEVER (given back). A program that looks up MX records is told a domain; the others are told hosts, in order.
"""
import contextlib
import glob
import os
import re
import signal

import mta
import net

SENT, LATER, NEVER = 'sent', 'later', 'never'
SENDER, NAME = 'alice@branch.zz', 'mail.branch.zz'
PATIENCE = 180                                                  # seconds for one message; only a stuck client waits for so long


class Client(mta.Server):
    """
    One program. `packages` are unpacked over its root; `log` is a path below it, or '' for what a server prints; `verdicts` finds the end of a try in the log,
    one pattern a verdict; `queue` is where it keeps what waits, `sends` what its sending processes are called.
    """
    name, packages, log, verdicts, queue, sends = '', (), '', {}, (), ()

    def __init__(self, namespace):
        super().__init__(namespace, mta.lay('client-' + self.name, *self.packages))
        self.domains = {}
        self.prepare()

    def prepare(self):
        """Configuration and whatever must run."""

    def submit(self, recipient, message, hosts):
        """Hands over the message, an open file."""
        raise NotImplementedError

    def retry(self):
        """Runs the queue."""

    def forget(self):
        """Drops what waits, and what it remembers of hosts that failed."""
        for folder in self.queue:
            for path in glob.glob(f'{self.root}{folder}/*'):
                net.remove(path)

    def said(self):
        """All of its log so far."""
        path = self.root + (self.log or '.log')
        if not os.path.exists(path):
            return ''
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def believes(self):
        """What it says of each try so far."""
        found = [(match.start(), word) for word, pattern in self.verdicts.items() for match in re.finditer(pattern, self.said(), re.M)]
        return [word for _, word in sorted(found)]

    def send(self, recipient, message, hosts=()):
        """One message; its verdict after the first try."""
        before = len(self.believes())
        self.hand_over(recipient, message, hosts)
        return self.next(before)

    def hand_over(self, recipient, message, hosts=()):
        path = f'{net.FILES}/message-{self.name}'
        with open(path, 'wb') as f:
            f.write(message)
        with open(path, 'rb') as f:
            self.submit(recipient, f, hosts)

    def kill(self):
        """SIGKILL to whatever of it is sending."""
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/comm', encoding='utf-8') as f:
                if os.readlink(f'/proc/{pid}/root') == self.root and f.read().strip() in self.sends:
                    os.kill(int(pid), signal.SIGKILL)

    def until_sent(self, before):
        """Runs the queue until it believes once more in a delivery than those `before`."""
        def sent():
            if self.believes().count(SENT) > before:
                return True
            self.retry()
            return False
        net.until(f'{self.name}: a delivery', sent, PATIENCE, pause=0.5)

    def next(self, before):
        """The verdict behind the first `before` of them."""
        return net.until(f'{self.name}: a verdict', lambda: self.believes()[before:before + 1], PATIENCE, pause=0.2)[0]


class Postfix(Client):
    """The lab's legacy server itself (mta.Legacy), which has its root already."""
    name, log, sends = 'postfix', '/var/log/mail.log', ('smtp',)
    verdicts = {SENT: r'postfix/smtp\[.* status=sent', LATER: r'postfix/(smtp|error)\[.* status=deferred', NEVER: r'postfix/(smtp|error)\[.* status=bounced'}

    def __init__(self, legacy):
        mta.Server.__init__(self, legacy.namespace, legacy.root)

    def submit(self, recipient, message, hosts):
        self.run('/usr/sbin/sendmail', '-i', '-f', SENDER, recipient, stdin=message)

    def retry(self):
        self.run('/usr/sbin/postqueue', '-f')

    def forget(self):
        self.run('/usr/sbin/postsuper', '-d', 'ALL')


class Exim(Client):
    name, packages, log = 'exim', ('exim4-daemon-light',), '/var/log/exim4/mainlog'
    queue = ('/var/spool/exim4/input', '/var/spool/exim4/msglog', '/var/spool/exim4/db')
    sends = ('exim4',)
    verdicts = {SENT: r' => .* T=remote', LATER: r' == .* defer', NEVER: r' \*\* '}

    def prepare(self):
        net.user(self.root, 'Debian-exim', 30003)
        for each in ('/var/spool/exim4', '/var/log/exim4'):
            net.folder(self.root, each, owner=30003)
        net.write(self.root + '/etc/exim4/exim4.conf', f'''
primary_hostname = {NAME}
message_size_limit = 60M
disable_ipv6 = true
begin routers
out:
  driver = dnslookup
  domains = ! branch.zz
  transport = remote
begin transports
remote:
  driver = smtp
  hosts_avoid_tls = *
  hosts_try_fastopen =
  message_linelength_limit = 60000000
  connect_timeout = 5s
begin retry
* * F,1d,1s
''')

    def submit(self, recipient, message, hosts):
        self.run('/usr/sbin/exim4', '-odf', '-oi', '-f', SENDER, recipient, stdin=message, check=False)

    def retry(self):
        self.run('/usr/sbin/exim4', '-qff')



class Sendmail(Client):
    name, packages, log, queue = 'sendmail', ('sendmail-bin', 'sendmail-cf'), '/var/log/syslog', ('/var/spool/mqueue',)
    verdicts = {SENT: r'mailer=esmtp.* dsn=2', LATER: r'mailer=esmtp.* dsn=4', NEVER: r'mailer=esmtp.* dsn=5'}

    def prepare(self):
        for who, uid in (('smmta', 30004), ('smmsp', 30005)):
            net.user(self.root, who, uid)
        for each in ('/var/spool/mqueue', '/var/lib/sendmail'):
            net.folder(self.root, each, owner=0, mode=0o700)
        net.folder(self.root, '/var/log')
        net.syslog(self.root, self.root + self.log)
        net.write(self.root + '/etc/mail/local-host-names', '')
        net.write(self.root + '/etc/mail/sendmail.mc', f'''include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{NAME}')dnl
define(`confTO_CONNECT', `5s')dnl
define(`confTO_ICONNECT', `5s')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confTRUSTED_USERS', `root')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confQUEUE_LA', `1000')dnl
define(`SMTP_MAILER_LL', `0')dnl
CLIENT_OPTIONS(`Family=inet, Modify=S')dnl
FEATURE(`nocanonify')dnl
undefine(`ALIAS_FILE')dnl
MAILER(`smtp')dnl
''')
        self.run('sh', '-c', 'm4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf')

    def submit(self, recipient, message, hosts):
        self.run('/usr/libexec/sendmail/sendmail', '-Am', '-odi', '-i', '-f', SENDER, recipient, stdin=message, check=False)

    def retry(self):
        self.run('/usr/libexec/sendmail/sendmail', '-Am', '-q')


class OpenSMTPD(Client):
    """Looks up no MX here: it can be told to leave TLS alone only together with a host."""
    name, packages = 'opensmtpd', ('opensmtpd',)
    verdicts = {SENT: r'mta delivery .* result="Ok"', LATER: r'mta delivery .* result="TempFail"', NEVER: r'mta delivery .* result="PermFail"'}
    relays = {}                                                 # domain → address

    def prepare(self):
        for who, uid in (('opensmtpd', 30006), ('opensmtpq', 30007)):
            net.user(self.root, who, uid)
        actions = ''.join(f'action "{domain}" relay host "smtp+notls://{at}" helo {NAME}\nmatch from local for domain "{domain}" action "{domain}"\n'
                          for domain, at in self.relays.items())
        net.write(self.root + '/etc/smtpd.conf', f'smtp max-message-size 60M\nlisten on socket\n{actions}')
        net.folder(self.root, '/var/lib/opensmtpd/empty')
        net.folder(self.root, '/var/spool/smtpd', mode=0o711)
        os.chown(self.root + '/usr/sbin/smtpctl', 0, 30007)
        os.chmod(self.root + '/usr/sbin/smtpctl', 0o2755)       # it hands messages over, and insists on the group
        self.spawn('/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf')
        net.until('OpenSMTPD as a client', lambda: os.path.exists(self.root + '/run/smtpd.sock') or os.path.exists(self.root + '/var/run/smtpd.sock'))

    def submit(self, recipient, message, hosts):
        self.run('/usr/sbin/sendmail', '-i', '-f', SENDER, recipient, stdin=message)

    def forget(self):
        self.run('/usr/sbin/smtpctl', 'remove', 'all', check=False)


class Msmtp(Client):
    name, packages, log = 'msmtp', ('msmtp',), '/var/log/msmtp'
    verdicts = {SENT: 'exitcode=EX_OK', LATER: 'exitcode=EX_TEMPFAIL', NEVER: 'exitcode=EX_(?!OK|TEMPFAIL)'}

    def submit(self, recipient, message, hosts):
        self.run('/usr/bin/msmtp', '--host=' + hosts[0], '--tls=off', '--auth=off', '--domain=' + NAME, '--from=' + SENDER, '--logfile=' + self.log, '--',
                 recipient, stdin=message, check=False)


class Nullmailer(Client):
    """Descends from qmail: a queue, and a program for each remote host in turn. A pause of 0 makes its sender one run of the queue."""
    name, packages = 'nullmailer', ('nullmailer',)
    queue = ('/var/spool/nullmailer/queue', '/var/spool/nullmailer/failed')

    def prepare(self):
        for key, value in {'me': NAME, 'defaultdomain': 'branch.zz', 'pausetime': '0'}.items():
            net.write(f'{self.root}/etc/nullmailer/{key}', value + '\n')
        os.mkfifo(self.root + '/var/spool/nullmailer/trigger', 0o622)
        os.chown(self.root + '/var/spool/nullmailer/trigger', mta.MAIL, 0)
        self.runs = []

    def submit(self, recipient, message, hosts):
        net.write(self.root + '/etc/nullmailer/remotes', ''.join(f'{each} smtp\n' for each in hosts))
        self.run('/usr/bin/nullmailer-inject', '-f', SENDER, recipient, stdin=message)
        self.retry()

    def retry(self):
        self.runs.append(self.run('/usr/sbin/nullmailer-send'))

    def said(self):
        return '\n'.join(self.runs)

    def believes(self):
        return [SENT if 'Sent file.' in each else NEVER if 'into failed' in each else LATER for each in self.runs]


class Dma(Client):
    """Takes no message with a line that is too long: then there is nothing to send, directly or sealed."""
    name, packages, log, queue = 'dma', ('dma',), '/var/log/syslog', ('/var/spool/dma',)
    verdicts = {SENT: 'delivery successful', LATER: 'remote delivery deferred', NEVER: 'delivery failed, bouncing|bad mail input format'}

    def prepare(self):
        net.folder(self.root, '/var/log')
        net.syslog(self.root, self.root + self.log)
        net.write(self.root + '/etc/dma/dma.conf', f'MAILNAME {NAME}\n')

    def submit(self, recipient, message, hosts):
        self.run('/usr/sbin/dma', '-i', '-f', SENDER, recipient, stdin=message, check=False)

    def retry(self):
        self.run('/usr/sbin/dma', '-q')


class Swaks(Client):
    name, packages = 'swaks', ('swaks',)

    def prepare(self):
        self.exits = []

    def submit(self, recipient, message, hosts):
        done = self.run('sh', '-c', 'swaks "$@" --silent 2 --data -; echo "exit $?"', 'swaks', '--server', hosts[0], '--helo', NAME, '--from', SENDER, '--to', recipient,
                        '--timeout', '300', stdin=message)
        self.exits.append(done)

    def said(self):
        return '\n'.join(self.exits)

    def believes(self):
        return [SENT if each.endswith('exit 0\n') else NEVER for each in self.exits]


def all_of(lab, relays):
    """Every client, ready; `relays`: {domain: address} for the one that must know them beforehand."""
    OpenSMTPD.relays = relays
    return [Postfix(lab.legacy)] + [each(lab.legacy.namespace) for each in (Exim, Sendmail, OpenSMTPD, Msmtp, Nullmailer, Dma, Swaks)]
