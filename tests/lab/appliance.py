"""
appliance - the firmware's image on an emulated board, where the lab's gateway was: both its interfaces are joined to the lab's links, and it is spoken to
over its serial console. It looks like `seal` to a journey: its outcome lines come from the box's own log.

The board's facts come from board.mk through make, in the environment.
"""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import dns
import net
import seal
import world

PLACE = net.FILES + '/appliance'
CONSOLE = PLACE + '/console'
CONF = '''clients = {{"192.0.2.0/24", "2001:db8:1::/64"}}
source = "{source}"
resolver {{
    trust-anchor = "/etc/waxseal/root.key"
    root-hints = "/etc/waxseal/root.hints"
}}
'''
BOX = f'''NAME=appliance
LAN_ADDRESS="{world.GW_IN}/24 {world.GW_IN6}/64"
WAN_ADDRESS="{world.GW_OUT}/24 {world.GW_OUT6}/64"
GATEWAY="198.51.100.2 2001:db8:2::2"
NAT={{nat}}
'''


def take_place():
    """The lab's gateway becomes two cables with a box between them: a bridge for each of its links, and nothing that forwards."""
    for key in ('ipv4/ip_forward', 'ipv6/conf/all/forwarding'):
        net.setting('gw', 'net/' + key, 0)
    for end, port, mine in (('lan', 'tap-lan', '192.0.2.250/24'), ('wan', 'tap-wan', '198.51.100.250/24')):
        net.ip('gw', f'addr flush dev {end}', f'link add br-{end} type bridge', f'link set {end} master br-{end}', f'tuntap add {port} mode tap',
               f'link set {port} master br-{end} up', f'addr add {mine} dev br-{end}', f'link set br-{end} up')


class Appliance:
    powered = None                                              # the one that has the cables

    def __init__(self, source='gateway', nat='no', ram=None, more=''):
        self.ram = ram
        shutil.rmtree(PLACE, ignore_errors=True)
        net.write(PLACE + '/data/etc/waxseal/waxseal.conf', CONF.format(source=source))
        net.write(PLACE + '/data/etc/box.conf', BOX.format(nat=nat) + more)
        for each in (dns.anchor, dns.hints):
            shutil.copy(each, PLACE + '/data/etc/waxseal/')
        self.disk = shutil.copy(os.environ['IMAGE'], PLACE + '/disk')
        self._configure()

    def _configure(self):
        """A data partition of the test's own; everything else is the image as it was built."""
        start, size = self.partition('data')
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-d', PLACE + '/data', '-E', f'offset={start}', '-F', self.disk, f'{size // 1024}k'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def partition(self, name):
        """Where it begins on the disk, and how long it is, in bytes."""
        table = json.loads(subprocess.run(['sfdisk', '-J', self.disk], stdout=subprocess.PIPE, check=True).stdout)['partitiontable']
        found, = (each for each in table['partitions'] if each['name'] == name)
        return found['start'] * 512, found['size'] * 512

    def on(self, rtc='utc', ends=('lan', 'wan')):
        """`rtc`: what the clock on the board says; `ends`: the interfaces that it finds."""
        if Appliance.powered:
            Appliance.powered.off()
        Appliance.powered = self
        machine = os.environ['QEMU'].split()
        if self.ram:
            machine[machine.index('-m') + 1] = str(self.ram)
        command = machine + ['-drive', f'if=none,id=disk,format=raw,file={self.disk}'] + os.environ['QEMU_DISK'].split()
        for end in ends:
            command += ['-netdev', f'tap,id={end},ifname=tap-{end},script=no,downscript=no',
                        '-device', f'{os.environ["QEMU_NIC"]},netdev={end},mac={os.environ[end.upper() + "_MAC"]}']
        command += ['-rtc', f'base={rtc}', '-chardev', f'socket,id=serial,path={CONSOLE},server=on,wait=off', '-serial', 'chardev:serial']
        net.remove(CONSOLE)
        self.heard, self.power = bytearray(), time.monotonic()
        self.restarted()
        self.process = net.spawn('gw', command, PLACE + '/qemu.log')
        net.until('the machine', lambda: os.path.exists(CONSOLE))
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(CONSOLE)
        threading.Thread(target=self._listen, args=(self.line, self.heard), daemon=True).start()

    @staticmethod
    def _listen(line, heard):
        """All the time: the machine stands still when nobody takes what it says."""
        with contextlib.suppress(OSError):
            while more := line.recv(4096):
                heard += more

    def off(self):
        """By the mains."""
        self.process.kill()
        self.process.wait(20)
        self.line.close()

    def restarted(self):
        """What the console has said up to now is that of an earlier start."""
        self.start = len(self.heard)

    def starts(self):
        """The slots that the boot loader has started since power on."""
        return re.findall(r'waxseal: slot ([ab])', self.said(0))

    def said(self, since=None):
        return self.heard[self.start if since is None else since:].decode(errors='replace').replace('\r', '')

    def _until(self, pattern, since, seconds):
        def look():
            found = re.search(pattern, self.said(since), re.S)
            if not found and self.process.poll() is not None:
                raise RuntimeError('the machine has ended')
            return found
        try:
            return net.until(pattern, look, seconds, 0.1)
        except (RuntimeError, TimeoutError) as error:
            raise RuntimeError(f'{error}; its console: {self.said(0)[-3000:]}') from error

    def wait(self, words, seconds=240):
        """Until the console has these words, since the last start; how long after power on that was."""
        self._until(re.escape(words), None, seconds)
        return time.monotonic() - self.power

    def run(self, command):
        """On the console's shell: what it printed. The echo of the command (a slow shell prints it twice) cannot be taken for its end mark."""
        if '/ # ' not in self.said():
            self.wait('Please press Enter')
            self.line.sendall(b'\r')
            self.wait('/ # ')
        since = len(self.heard)
        self.line.sendall(b'\r' + command.encode() + b'; echo "<<$?>>"\r')
        return self._until(r'.*<<\$\?>>"\s*\n(.*)<<\d+>>', since, 300).group(1)

    def anchored(self):
        """Until the daemon answers and validates the lab's root."""
        net.until('the DNS root', lambda: 'anchored yes' in self.run('waxseal status'), 120, 1)

    # ---- as seal.Seal
    def outcomes(self, **wanted):
        rows = [seal.parse(line) for line in self.run('logread | grep outcome=').splitlines() if ' outcome=' in line]
        return [row for row in rows if all(row.get(key.replace('_', '-')) == value for key, value in wanted.items())]

    def outcome(self, count=1, **wanted):
        return net.until(f'outcome line {count} with {wanted}', lambda: self.outcomes(**wanted)[count - 1:count], 60, 1)[0]
