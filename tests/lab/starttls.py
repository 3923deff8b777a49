"""
starttls - mail servers that begin TLS themselves wherever it is offered, with or without insisting on it: Exim, sendmail and OpenSMTPD as clients.

(Postfix is lab.legacy with another smtp_tls_security_level.) Each sends one message in the foreground or through its daemon, from world.OTHER.
"""
import os
import random

import mta
import net
import world

SENDMAIL = '/usr/libexec/sendmail/sendmail'


def _message(marker):
    return f'From: erin@branch.zz\nTo: someone\nSubject: {marker}\nX-Marker: {marker}\n\n{marker}\nHello.\n'


class Client(mta.Server):
    """`send` queues one message and tries it once; its log is a file below its root."""

    def __init__(self, root, *command, environ=None):
        super().__init__('legacy', root)
        self.command, self.environ = command, environ

    def send(self, who):
        marker = f'waxmark{random.getrandbits(64):016x}'
        said = self.run(*self.command, who, input=_message(marker), check=False)
        net.write(self.root + '.said', said)
        return marker


def exim():
    root = mta.lay('exim-client', 'exim4-daemon-light')
    net.user(root, 'Debian-exim', 30003)
    for each in ('/var/spool/exim4', '/var/log/exim4'):
        net.folder(root, each, owner=30003)
    net.write(root + '/etc/exim4/exim4.conf', f'''
primary_hostname = exim.branch.zz
trusted_users = root
begin routers
mx:
  driver = dnslookup
  domains = *
  transport = out
begin transports
out:
  driver = smtp
  interface = {world.OTHER}
''')
    return Client(root, '/usr/sbin/exim4', '-odi', '-f', 'erin@branch.zz')


def sendmail():
    root = mta.lay('sendmail-client', 'sendmail-bin', 'sendmail-cf')
    for who, uid in (('smmta', 30004), ('smmsp', 30005)):
        net.user(root, who, uid)
    for each in ('/var/spool/mqueue', '/var/lib/sendmail'):
        net.folder(root, each, owner=0, mode=0o700)
    net.write(root + '/etc/mail/local-host-names', '')
    net.write(root + '/etc/mail/sendmail.mc', f'''include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.branch.zz')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`confLOG_LEVEL', `14')dnl
CLIENT_OPTIONS(`Family=inet, Addr={world.OTHER}')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
undefine(`ALIAS_FILE')dnl
MAILER(`smtp')dnl
''')
    net.run('legacy', ['sh', '-c', 'm4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf'], root=root)
    return Client(root, SENDMAIL, '-v', '-Am', '-odi', '-i', '-f', 'erin@branch.zz')


def opensmtpd():
    root = mta.lay('opensmtpd-client', 'opensmtpd')
    for who, uid in (('opensmtpd', 30006), ('opensmtpq', 30007)):
        net.user(root, who, uid)
    net.write(root + '/etc/smtpd.conf', f'''
action "out" relay src {world.OTHER}
match from local for any action "out"
''')
    net.folder(root, '/var/lib/opensmtpd/empty')
    net.folder(root, '/var/spool/smtpd', mode=0o711)
    os.chown(root + '/usr/sbin/smtpctl', 0, 30007)
    os.chmod(root + '/usr/sbin/smtpctl', 0o2755)
    client = Client(root, '/usr/sbin/sendmail', '-f', 'erin@branch.zz')
    client.spawn('/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf')
    net.until('the OpenSMTPD client', lambda: os.path.exists(root + '/run/smtpd.sock') or os.path.exists(root + '/var/run/smtpd.sock'))
    return client
