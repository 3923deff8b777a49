"""
leases - Debian's dnsmasq as the DHCP server of the outer network: it gives one address, for two minutes, and names the router, a name server and a time server.
"""
import os

import dns
import net
import world


class Server:
    def __init__(self, address):
        place = f'{net.FILES}/dnsmasq-{address}'
        os.makedirs(place)
        self.log = place + '/log'
        command = [net.PACKAGES + '/dnsmasq-base/usr/sbin/dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--port=0',
                   '--log-facility=-', '--pid-file', f'--dhcp-leasefile={place}/leases', '--interface=gw', '--dhcp-authoritative',
                   f'--dhcp-range={address},{address},2m', '--dhcp-option=option:router,198.51.100.2', f'--dhcp-option=option:dns-server,{dns.RESOLVER}',
                   f'--dhcp-option=option:ntp-server,{world.TIME}']
        self.process = net.spawn('inet', command, self.log)

    def _granted(self):
        with open(self.log, encoding='utf-8') as f:
            return f.read().count('DHCPACK')

    def again(self):
        """Until the lease was asked for once more."""
        before = self._granted()
        net.until('a renewal', lambda: self._granted() > before, 180, 1)

    def end(self):
        self.process.terminate()
        self.process.wait(20)
