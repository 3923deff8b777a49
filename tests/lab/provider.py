"""
provider - relays that take mail from their customers only, and a customer: Exim with AUTH inside TLS alone on 25, 587 and 465, and one that asks for a
client certificate instead; another Exim behind the box that knows user and password, speaks clear text to port 25, and queues what it cannot send.
"""
import random

import mta
import net
import world

OPEN, GUARDED = '203.0.113.230', '203.0.113.231'                 # by password; by certificate
NAME = 'relay.provider.zz'
USER, PASSWORD = 'branch', 'correct-horse'
ALL_PORTS = '25 or tcp port 587 or tcp port 465'                # for capture


def relays(pair, customers):
    """Both, with this certificate; `customers` is the authority of their client certificates."""
    for at in (OPEN, GUARDED):
        net.address('mx', 'eth0', at + '/24')
    root = mta.lay('provider', 'exim4-daemon-light')
    net.user(root, 'Debian-exim', 30003)
    for each in ('/var/spool/exim4', '/var/log/exim4'):
        net.folder(root, each, owner=30003)
    for source, target in ((pair.chain, 'relay.pem'), (pair.key, 'relay.key'), (customers.cert, 'customers.pem')):
        mta.copy(source, f'{root}/etc/exim4/{target}', 30003)
    net.write(root + '/etc/exim4/exim4.conf', f'''
primary_hostname = {NAME}
local_interfaces = <; {OPEN} ; {GUARDED}
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = /etc/exim4/relay.pem
tls_privatekey = /etc/exim4/relay.key
tls_verify_certificates = /etc/exim4/customers.pem
tls_verify_hosts = ${{if eq{{$received_ip_address}}{{{GUARDED}}}{{*}}{{}}}}
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}{{}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
rfc1413_query_timeout = 0s
begin acl
rcpt:
  accept authenticated = *
  accept condition = ${{if and{{{{eq{{$received_ip_address}}{{{GUARDED}}}}}{{bool{{$tls_in_certificate_verified}}}}}}}}
  deny
begin routers
all:
  driver = accept
  transport = inbox
begin transports
inbox:
  driver = appendfile
  directory = {mta.INBOX}
  maildir_format
  user = mail
  group = mail
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
''')
    server = mta.Server('mx', root)
    server.spawn('/usr/sbin/exim4', '-bdf', '-q30m')
    for at, port in ((OPEN, 25), (OPEN, 587), (OPEN, 465), (GUARDED, 587)):
        net.until(f'the relay at {at} {port}', lambda at=at, port=port: net.accepts('inet', at, port))
    return server


class Customer(mta.Server):
    """Exim, which sends for each domain of `routes` to an address: with AUTH or not at all, but for those in `without`."""

    def __init__(self, routes, without):
        root = mta.lay('customer', 'exim4-daemon-light')
        net.user(root, 'Debian-exim', 30003)
        for each in ('/var/spool/exim4', '/var/log/exim4'):
            net.folder(root, each, owner=30003)
        net.write(root + '/etc/exim4/exim4.conf', f'''
primary_hostname = customer.branch.zz
trusted_users = root
disable_ipv6 = true
begin routers
relay:
  driver = manualroute
  route_list = {' ; '.join(f'{domain} {at}' for domain, at in routes.items())}
  transport = out
begin transports
out:
  driver = smtp
  interface = {world.OTHER}
  hosts_avoid_tls = *
  hosts_require_auth = {' : '.join('!' + each for each in without)} : *
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{USER}^{PASSWORD}
begin retry
* * F,1d,1h
''')
        super().__init__('legacy', root)

    def send(self, domain):
        """One message, tried once, whatever came of those before, which are forgotten; its marker."""
        for each in ('db', 'input', 'msglog'):
            net.remove(self.root + '/var/spool/exim4/' + each)
        marker = f'waxmark{random.getrandbits(64):016x}'
        self.run('/usr/sbin/exim4', '-odi', '-oi', '-f', 'erin@branch.zz', 'bob@' + domain, check=False,
                 input=f'From: erin@branch.zz\nTo: bob@{domain}\nX-Marker: {marker}\n\n{marker}\nHello.\n')
        return marker

    def waits(self, domain):
        """Is mail for that domain in the queue, neither sent nor given back? What the log says of the last try."""
        queued = 'bob@' + domain in self.run('/usr/sbin/exim4', '-bp')
        with open(self.root + '/var/log/exim4/mainlog', encoding='utf-8') as f:
            tries = [line for line in f if 'bob@' + domain in line and (' == ' in line or ' ** ' in line or ' => ' in line)]
        return tries[-1] if queued and tries and ' ** ' not in tries[-1] else ''
