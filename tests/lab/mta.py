"""
mta - real mail servers of Debian, each below a root of its own: Postfix as the legacy client, and Postfix, Exim, sendmail and OpenSMTPD as MX hosts.

Each server is unpacked, not installed (tests/install), and laid over the machine's own files (net.overlay); its users exist there alone. An MX host takes
every recipient and keeps every message as one file below /var/mail/inbox/new of its root: `inbox` reads them.
"""
import glob
import json
import os
import random

import dns
import net

INBOX = '/var/mail/inbox'
MAIL = 8                                                        # Debian's user `mail`


def lay(name, *packages):
    """A root for a mail server with these packages and an empty inbox."""
    root = net.overlay(name, *packages)
    net.remove(root + '/etc/resolv.conf')
    net.write(root + '/etc/resolv.conf', f'nameserver {dns.RESOLVER}\noptions timeout:2 attempts:2\n')
    net.write(root + '/etc/hosts', '127.0.0.1 localhost\n')
    net.write(root + '/etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n')
    for each in ('', '/new', '/cur', '/tmp'):
        net.folder(root, INBOX + each, owner=MAIL, mode=0o700)
    return root


class Server:
    """One mail server: where it runs, below which root."""

    def __init__(self, namespace, root):
        self.namespace, self.root = namespace, root

    def run(self, *command, **more):
        return net.run(self.namespace, list(command), root=self.root, **more)

    def spawn(self, *command):
        self.process = net.spawn(self.namespace, list(command), self.root + '.log', root=self.root)

    def inbox(self):
        """Every message that it took, as bytes with LF line ends."""
        found = []
        for path in glob.glob(self.root + INBOX + '/new/*'):
            with open(path, 'rb') as f:
                found.append(f.read().replace(b'\r\n', b'\n'))
        return found

    def count(self):
        return len(os.listdir(self.root + INBOX + '/new'))

    def drain(self):
        """Every message that it took, byte by byte as it keeps it; they are gone afterwards."""
        found = []
        for path in glob.glob(self.root + INBOX + '/new/*'):
            with open(path, 'rb') as f:
                found.append(f.read())
            os.remove(path)
        return found

    def received(self, marker):
        """The messages that hold the marker."""
        return [each for each in self.inbox() if marker.encode() in each]

    def body(self, marker):
        """What stands behind the header of the message with the marker, the same in each recipient's copy; None until it is there."""
        bodies = {each.split(b'\n\n', 1)[1] for each in self.received(marker)}
        return bodies.pop() if len(bodies) == 1 else None


# ---- Postfix ---------------------------------------------------------------------------------------------------------------------------
MASTER = '''
pickup     unix  n - n 60  1 pickup
cleanup    unix  n - n -   0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n -   - trivial-rewrite
bounce     unix  - - n -   0 bounce
defer      unix  - - n -   0 bounce
trace      unix  - - n -   0 bounce
verify     unix  - - n -   1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n -   - proxymap
smtp       unix  - - n -   - smtp
error      unix  - - n -   - error
retry      unix  - - n -   - error
virtual    unix  - n n -   - virtual
anvil      unix  - - n -   1 anvil
scache     unix  - - n -   1 scache
showq      unix  n - n -   - showq
postlog    unix-dgram n - n - 1 postlogd
'''
COMMON = '''
compatibility_level = 3.6
maillog_file = /var/log/mail.log
inet_protocols = all
alias_maps =
local_recipient_maps =
mydestination =
virtual_mailbox_base = /var/mail
virtual_mailbox_maps = static:inbox/
virtual_minimum_uid = 1
virtual_uid_maps = static:8
virtual_gid_maps = static:8
message_size_limit = 60000000
virtual_mailbox_limit = 0
'''


def _postfix(name, namespace, main, services):
    root = lay(name, 'postfix')
    for who, uid in (('postfix', 30001), ('postdrop', 30002)):
        net.user(root, who, uid)
    net.folder(root, '/var/lib/postfix', owner=30001)
    net.write(root + '/etc/postfix/master.cf', services + MASTER)
    net.write(root + '/etc/postfix/main.cf', COMMON + main)
    net.write(root + '/etc/postfix/dynamicmaps.cf', '')
    server = Server(namespace, root)
    server.spawn('/usr/sbin/postfix', 'start-fg')
    return server


class Legacy(Server):
    """The mail server that cannot seal: TLS is off. Its queue and what it said of each message can be read."""

    def __init__(self, namespace, at, at6, domain):
        started = _postfix('legacy', namespace, f'''
myhostname = mail.{domain}
inet_interfaces = 127.0.0.1
smtp_bind_address = {at}
smtp_bind_address6 = {at6}
smtp_tls_security_level = none
smtp_address_preference = ipv4
smtp_connect_timeout = 5s
smtp_line_length_limit = 0
virtual_mailbox_domains = {domain}
minimal_backoff_time = 60s
queue_run_delay = 60s
transport_retry_time = 1s
service_throttle_time = 1s
notify_classes =
''', '')
        super().__init__(namespace, started.root)
        self.domain = domain
        net.until('the legacy Postfix', lambda: os.path.exists(self.root + '/var/spool/postfix/public/showq'))

    def send(self, *recipients, body='Hello.', sender='alice'):
        """Queues a message as a user of the legacy server would; the marker that it carries comes back."""
        marker = f'waxmark{random.getrandbits(64):016x}'
        head = f'From: {sender}@{self.domain}\nTo: {", ".join(recipients)}\nSubject: {marker}\nX-Marker: {marker}\n'
        self.run('/usr/sbin/sendmail', '-i', '-f', f'{sender}@{self.domain}', *recipients, input=f'{head}\n{marker}\n{body}\n')
        return marker

    def queue(self):
        """{recipient: why it waits} of all that did not leave; the reason is empty until the first try has ended."""
        waiting = {}
        for line in self.run('/usr/sbin/postqueue', '-j').splitlines():
            entry = json.loads(line)
            for each in entry['recipients']:
                waiting[each['address']] = each.get('delay_reason', '')
        return waiting

    def settled(self, recipients, seconds=60):
        """Waits until each recipient's mail has left or was put off; {recipient: reason} of those put off."""
        def done():
            waiting = self.queue()
            return all(waiting.get(each, 'gone') for each in recipients)
        net.until('the legacy queue', done, seconds, pause=0.3)
        return {who: why for who, why in self.queue().items() if who in recipients}

    def flush(self):
        self.run('/usr/sbin/postqueue', '-f')


class Fleet(Server):
    """Many servers in one Postfix: at each address a key, a chain and options of smtpd(8) of its own."""

    def __init__(self, namespace, servers):
        """`servers`: (address, pair or None for one without TLS, options)."""
        services = ''
        for n, (at, pair, options) in enumerate(servers):
            own = ['smtpd_tls_security_level=none'] if pair is None else [f'smtpd_tls_chain_files=/etc/postfix/tls-{n}.pem', *options]
            services += f'{"[" + at + "]" if ":" in at else at}:25 inet n - n - - smtpd\n' + ''.join(f'  -o {each}\n' for each in own)
        started = _postfix('fleet', namespace, '''
myhostname = fleet.example
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = may
''', services)
        super().__init__(namespace, started.root)
        for n, (_, pair, _) in enumerate(servers):
            if pair is not None:
                with open(pair.key, encoding='ascii') as key, open(pair.chain, encoding='ascii') as chain:
                    net.write(f'{self.root}/etc/postfix/tls-{n}.pem', key.read() + chain.read(), mode=0o600)


class Finger(Server):
    """Postfix's own judge of DANE, posttls-finger(1): asks the resolver at 127.0.0.1 of its namespace, which must validate."""

    def __init__(self, namespace):
        super().__init__(namespace, lay('finger', 'postfix'))
        for who, uid in (('postfix', 30001), ('postdrop', 30002)):
            net.user(self.root, who, uid)
        net.write(self.root + '/etc/resolv.conf', 'nameserver 127.0.0.1\noptions trust-ad timeout:20 attempts:1\n')
        net.write(self.root + '/etc/postfix/main.cf', COMMON + 'myhostname = gw.example\n')

    def judge(self, domain):
        return self.run('/usr/sbin/posttls-finger', '-c', '-l', 'dane', '-L', 'summary,cache', '-t', '15', '-T', '15', domain, check=False)


def postfix_mx(namespace, addresses, name, domains, pair):
    services = ''.join(f'[{at}]:25 inet n - n - - smtpd\n' if ':' in at else f'{at}:25 inet n - n - - smtpd\n' for at in addresses)
    with open(pair.key, encoding='ascii') as key, open(pair.chain, encoding='ascii') as chain:
        both = key.read() + chain.read()
    server = _postfix('postfix', namespace, f'''
myhostname = {name}
virtual_mailbox_domains = {' '.join(domains)}
smtpd_recipient_restrictions = permit
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_client_connection_count_limit = 0
default_process_limit = 300
smtpd_timeout = 3600s
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/postfix/tls.pem
smtpd_tls_loglevel = 1
''', services)
    net.write(server.root + '/etc/postfix/tls.pem', both, mode=0o600)
    return server


# ---- Exim --------------------------------------------------------------------------------------------------------------------------------
def exim_mx(namespace, addresses, name, pair):
    root = lay('exim', 'exim4-daemon-light')
    net.user(root, 'Debian-exim', 30003)
    for each in ('/var/spool/exim4', '/var/log/exim4'):
        net.folder(root, each, owner=30003)
    copy(pair.chain, root + '/etc/exim4/chain.pem', 30003)
    copy(pair.key, root + '/etc/exim4/key.pem', 30003)
    net.write(root + '/etc/exim4/exim4.conf', f'''
primary_hostname = {name}
local_interfaces = <; {' ; '.join(addresses)}
daemon_smtp_ports = 25
tls_advertise_hosts = *
tls_certificate = /etc/exim4/chain.pem
tls_privatekey = /etc/exim4/key.pem
acl_smtp_rcpt = accept
acl_smtp_data = accept
message_size_limit = 60M
smtp_accept_max = 0
rfc1413_query_timeout = 0s
begin routers
all:
  driver = accept
  transport = inbox
begin transports
inbox:
  driver = appendfile
  directory = {INBOX}
  maildir_format
  user = mail
  group = mail
''')
    server = Server(namespace, root)
    server.spawn('/usr/sbin/exim4', '-bdf', '-q30m')
    return server


# ---- sendmail ----------------------------------------------------------------------------------------------------------------------------
def sendmail_mx(namespace, addresses, name, pair):
    root = lay('sendmail', 'sendmail-bin', 'sendmail-cf')
    for who, uid in (('smmta', 30004), ('smmsp', 30005)):
        net.user(root, who, uid)
    for each in ('/var/spool/mqueue', '/var/lib/sendmail'):
        net.folder(root, each, owner=0, mode=0o700)
    copy(pair.chain, root + '/etc/mail/cert.pem', 0)
    copy(pair.key, root + '/etc/mail/key.pem', 0)
    net.write(root + '/etc/mail/local-host-names', '')
    net.write(root + '/lab/deliver', f'''#!/bin/sh
file=$(/usr/bin/mktemp {INBOX}/tmp/XXXXXXXXXX) && /bin/cat >"$file" && exec /bin/mv "$file" {INBOX}/new/
''', mode=0o755)
    listeners = ''.join(f"DAEMON_OPTIONS(`Family={'inet6' if ':' in at else 'inet'}, Name=MX{i}, Addr={at}, Port=25')dnl\n" for i, at in enumerate(addresses))
    net.write(root + '/etc/mail/sendmail.mc', f'''include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{name}')dnl
define(`confSERVER_CERT', `/etc/mail/cert.pem')dnl
define(`confSERVER_KEY', `/etc/mail/key.pem')dnl
define(`confCACERT', `/etc/mail/cert.pem')dnl
define(`confCACERT_PATH', `/etc/mail')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
define(`confTO_IDENT', `0')dnl
define(`confDEF_USER_ID', `8:8')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confPID_FILE', `/run/sendmail.pid')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
undefine(`ALIAS_FILE')dnl
{listeners}MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mlab, P=/lab/deliver, F=lsDFMPen, S=EnvFromL, R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=deliver $u
LOCAL_RULE_0
R$+	$#lab $: all
''')
    net.run(namespace, ['sh', '-c', 'm4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf'], root=root)
    server = Server(namespace, root)
    server.spawn('/usr/libexec/sendmail/sendmail', '-bD', '-q30m', '-X', '/var/log/sendmail')
    return server


# ---- OpenSMTPD ---------------------------------------------------------------------------------------------------------------------------
def opensmtpd_mx(namespace, addresses, name):
    """In clear alone: Debian 12's (6.8.0p2, OpenSSL 3) has no TLS that anybody can use. It answers every ClientHello, openssl s_client's too, with
    internal_error, since its signing process's key is not found ("missing private key"; cured in its 7.3)."""
    root = lay('opensmtpd', 'opensmtpd')
    for who, uid in (('opensmtpd', 30006), ('opensmtpq', 30007)):
        net.user(root, who, uid)
    listen = ''.join(f'listen on {at} hostname {name}\n' for at in addresses)
    net.write(root + '/etc/smtpd.conf', f'''smtp max-message-size 60M
{listen}table everyone {{ "@" = "mail" }}
action "keep" maildir "{INBOX}" virtual <everyone>
match from any for any action "keep"
''')
    net.folder(root, '/var/lib/opensmtpd/empty')
    net.folder(root, '/var/spool/smtpd', mode=0o711)
    server = Server(namespace, root)
    server.spawn('/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf')
    return server


def copy(source, target, owner):
    with open(source, encoding='ascii') as f:
        net.write(target, f.read(), mode=0o400)
    os.chown(target, owner, owner)
