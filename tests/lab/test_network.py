#!/usr/bin/python3 -B
"""
The network changes below a running box: its outer link flaps, it gets another WAN address, IPv4 goes away, connection tracking forgets everything. It recovers
without a restart, and what happens meanwhile is a delay, never clear text.

Proves A112.
"""
import socket
import struct

import capture
import client
import net
import seal
import tap
import world
from tap import equal, ok, test

NEW = '198.51.100.7'
NETFILTER, TABLE, DELETE, REQUEST_ACK = 12, 1, 2, 5             # NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK


def far_end():
    """The wire where the box's own link does not matter."""
    return capture.capture(namespace='mx', end='eth0')


def connect(to=world.POSTFIX):
    return client.Client(to, world.OTHER6 if ':' in to else world.OTHER)


def opened(to=world.POSTFIX, name='dane-ee.example'):
    """A session in the middle of its content."""
    c = connect(to)
    c.hello()
    for line in ('MAIL FROM:<carol@branch.zz>', f'RCPT TO:<bob@{name}>', 'DATA'):
        c.say(line)
    return c


def deliver(to=world.POSTFIX, name='dane-ee.example'):
    try:
        with connect(to) as c:
            c.hello()
            final = c.mail([f'bob@{name}'], b'Subject: x\r\n\r\nwaxmarknetwork')[1]
            return final is not None and final.code == 250
    except (client.Gone, TimeoutError, ValueError):
        return False


def recovers(what, *where):
    ok(net.until(what, lambda: deliver(*where), 60), what)


def ends(c, marker):
    """The rest of the content; the final reply's code."""
    c.send(f'Subject: {marker}\r\n\r\n{marker}\r\n.\r\n')
    return c.reply().code


def wan(address):
    """What a DHCP client does when the link is there again."""
    net.ip('gw', 'addr flush dev wan')
    net.address('gw', 'wan', address + '/24', world.GW_OUT6 + '/64')
    net.ip('gw', 'route replace default via 198.51.100.2', 'route replace default via 2001:db8:2::2')
    net.ip('inet', f'route replace 192.0.2.0/24 via {address}', f'route replace 2001:db8:1::/64 via {world.GW_OUT6}')


@test
def the_link_flaps(lab):
    with far_end() as wire:
        with opened() as c:
            net.ip('gw', 'link set wan down')
            ok(not deliver(), 'the outer link is down: nobody delivers')
            net.ip('gw', 'link set wan up')
            wan(world.GW_OUT)
            equal(ends(c, 'waxmarkflap'), 250, 'and up again: the session that was open ends well')
        recovers('and new ones are served')
    equal((wire.envelope(), wire.shows(b'waxmark')), ([], False), 'nothing was to be read meanwhile')
    equal(len(lab.received('waxmarkflap')), 1, 'the message of the open session came once')


@test
def another_address(lab):
    lab.seal.again(source='"gateway"')
    recovers('the box connects from its own address')
    wan(NEW)
    with far_end() as wire:
        recovers('it has another one: new sessions are served')
    equal({source for source, _ in wire.sources()}, {NEW}, 'from the new address')
    equal(wire.envelope(), [], 'and nothing is to be read')
    wan(world.GW_OUT)
    lab.seal.again()


@test
def ipv6_only(lab):
    net.ip('gw', f'addr del {world.GW_OUT}/24 dev wan')         # and with it every route of IPv4
    lab.seal.stop()
    lab.seal.start()                                            # with a cold cache: names are resolved over IPv6 alone
    with far_end() as wire:
        recovers('IPv6 only: mail is delivered', world.POSTFIX6, 'six.example')
    equal(wire.envelope(), [], 'and nothing is to be read')
    equal(lab.seal.outcomes(domain='six.example')[-1]['outcome'], 'verified', 'verified')
    ok(not deliver(), 'a server that has IPv4 alone is not reached')
    wan(world.GW_OUT)
    recovers('IPv4 comes back: so do its servers')


def forget_connections():
    """What `conntrack -F` asks of the kernel."""
    with net.inside('gw'), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as s:
        s.send(struct.pack('=IHHIIBBH', 20, TABLE << 8 | DELETE, REQUEST_ACK, 1, 0, 0, 0, 0))
        error, = struct.unpack_from('=i', s.recv(4096), 16)
    if error:
        raise OSError(-error, 'flush of connection tracking')


def tracked():
    return int(net.run('gw', ['cat', '/proc/sys/net/netfilter/nf_conntrack_count']))


@test
def tracking_forgets(lab):
    with far_end() as wire:
        with opened() as c:
            before = tracked()
            forget_connections()
            ok(tracked() < before, f'connection tracking forgets {before} connections')
            equal(ends(c, 'waxmarkflush'), 250, 'the session that was open ends well')
        recovers('and new ones are served')
    equal((wire.envelope(), wire.shows(b'waxmark')), ([], False), 'nothing was to be read')
    equal(len(lab.received('waxmarkflush')), 1, 'its message came once')


@test
def clean(lab):
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
