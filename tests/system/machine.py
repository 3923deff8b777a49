"""
machine - a throw-away Debian: the machine's own files below a layer that takes every write, in a network namespace of the lab, with systemd as its first
process. It can be switched off and on again; the layer stays until the lab ends.
"""
import os
import subprocess

import net

NODES = ('null', 'zero', 'full', 'random', 'urandom', 'tty')

# Becomes the first process of its own world; $1 is the layer's folder, $2 the root.
BOOT = r'''
set -e
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" machine "$2"
mount -t proc proc "$2/proc"
mount -t sysfs sysfs "$2/sys"
mount -t cgroup2 cgroup2 "$2/sys/fs/cgroup"
for each in dev run tmp; do mount -t tmpfs -o mode=755 "$each" "$2/$each"; done
chmod 1777 "$2/tmp"
for each in %s; do : >"$2/dev/$each"; mount --bind "/dev/$each" "$2/dev/$each"; done
mkdir "$2/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$2/dev/pts" && ln -s pts/ptmx "$2/dev/ptmx"
rm -f "$2/usr/sbin/policy-rc.d"        # it would keep packages from starting what they install
cd "$2" && mkdir -p mnt/old && pivot_root . mnt/old && umount -l /mnt/old
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=journal
''' % ' '.join(NODES)


class Machine:
    def __init__(self, namespace):
        self.namespace, self.init, self.pid = namespace, None, None
        self.place = net.FILES + '/machine'
        for each in ('upper', 'work', 'root'):
            os.makedirs(f'{self.place}/{each}')
        # nothing of what the machine itself runs is to start here
        net.write(self.place + '/upper/etc/systemd/system/.keep', '')
        for folder in ('/etc/systemd/system', '/lib/systemd/system'):
            for wants in ('multi-user', 'sysinit', 'timers', 'sockets', 'getty', 'graphical'):
                folder_of_wants = f'{folder}/{wants}.target.wants'
                for each in os.listdir(folder_of_wants) if folder.startswith('/etc') and os.path.isdir(folder_of_wants) else ():
                    self._mask(each)
        for each in ('systemd-logind.service', 'systemd-udevd.service', 'systemd-networkd.service', 'systemd-resolved.service', 'console-getty.service'):
            self._mask(each)
        os.symlink('/lib/systemd/system/multi-user.target', self.place + '/upper/etc/systemd/system/default.target')

    def _mask(self, unit):
        at = f'{self.place}/upper/etc/systemd/system/{unit}'
        if not os.path.lexists(at):
            os.symlink('/dev/null', at)

    def on(self):
        self.init = net.spawn(self.namespace, ['unshare', '--mount', '--pid', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child', 'sh', '-c', BOOT, 'sh',
                                               self.place, self.place + '/root'], net.FILES + '/machine.log')
        self.pid = net.until('its first process', self._first)
        return net.until('the machine', lambda: self.run('systemctl', 'is-system-running')[1].strip() in ('running', 'degraded'), 60)

    def off(self):
        """As by the mains: no unit is stopped."""
        self.init.kill()
        self.init.wait(20)

    def _first(self):
        with open(f'/proc/{self.init.pid}/task/{self.init.pid}/children', encoding='ascii') as f:
            children = f.read().split()
        if not children:
            return None
        with open(f'/proc/{children[0]}/comm', encoding='ascii') as f:
            return children[0] if f.read() == 'systemd\n' else None

    def run(self, *command):
        """(exit status, what it printed)"""
        done = subprocess.run(['nsenter', '--all', '--target', self.pid, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=120)
        return done.returncode, done.stdout

    def file(self, path):
        return f'{self.place}/upper{path}'

    def read(self, path):
        return self.run('cat', path)[1]

    def write(self, path, text):
        subprocess.run(['nsenter', '--all', '--target', self.pid, 'tee', path], input=text, text=True, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def has(self, path):
        return self.run('test', '-e', path)[0] == 0

    def show(self, unit, *properties):
        lines = self.run('systemctl', 'show', '--property', ','.join(properties), unit)[1].splitlines()
        return dict(line.split('=', 1) for line in lines if '=' in line)
