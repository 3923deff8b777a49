"""
seal - Waxseal on the lab's gateway: its configuration, its rules, its processes, and the outcome lines that it writes.

The programs are those of BUILD (default `build`), so that a sanitizer build can be put here: what a sanitizer reports is found by `faults`.
"""
import os
import re
import signal
import socket

import dns
import net
import world

PROGRAMS = os.path.join(net.TREE, os.environ.get('BUILD', 'build'))
PLACE = net.FILES + '/seal'
LOG, CONF = PLACE + '/log', PLACE + '/waxseal.conf'
ROLES = ('wax-broker', 'wax-worker', 'wax-resolver', 'wax-keeper')
DEFAULTS = {
    'clients': '{"192.0.2.0/24", "2001:db8:1::/64"}',
    'user': '"nobody"',
    'state-dir': f'"{PLACE}/state"',
    'control': f'"{PLACE}/run/control"',
    'log': '"stderr"',
}
FIELD = re.compile(r'([a-z-]+)=("(?:[^"\\]|\\.)*"|\S*)')


class Seal:
    """Waxseal, configured, with its rules loaded, and ready. `options`: more of the configuration, with `_` for `-`; `resolver`: more of that
    section; `sections`: text behind it."""

    def __init__(self, sections='', **options):
        os.makedirs(PLACE, exist_ok=True)
        net.write(LOG, '')
        self.configure(sections, **options)
        self.tool('rules', 'install')
        self.start()

    def configure(self, sections='', resolver=None, **options):
        chosen = DEFAULTS | {key.replace('_', '-'): value for key, value in options.items()}
        asked = {'trust-anchor': f'"{dns.anchor}"', 'root-hints': f'"{dns.hints}"'} | (resolver or {})
        resolver = 'resolver {\n' + ''.join(f'    {key} = {value}\n' for key, value in asked.items()) + '}\n'
        net.write(CONF, ''.join(f'{key} = {value}\n' for key, value in chosen.items()) + resolver + sections)

    def tool(self, *command, check=True):
        return net.run('gw', [PROGRAMS + '/waxseal', '-c', CONF, *command], check=check)

    def start(self):
        path = PLACE + '/notify'
        net.remove(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(path)
            os.chmod(path, 0o777)
            ready.settimeout(20)
            self.process = net.spawn('gw', [PROGRAMS + '/waxseald', '-c', CONF, '-f'], LOG, env=os.environ | {'NOTIFY_SOCKET': path})
            try:
                while b'READY=1' not in ready.recv(4096):
                    pass
            except TimeoutError as error:
                raise RuntimeError('waxseald is not ready:\n' + self.log()) from error

    def stop(self):
        """SIGTERM, to the end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self, *roles):
        """SIGKILL to these processes, or to all."""
        killed = [pid for role in roles or ROLES for pid in pids(role)]
        for pid in killed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass                                            # it went with another
        if not roles:
            self.process.wait(20)
        return killed

    def remove(self):
        if self.process.poll() is None:
            self.stop()
        self.tool('rules', 'remove')

    def again(self, sections='', **options):
        """The same with another configuration."""
        self.remove()
        self.configure(sections, **options)
        self.tool('rules', 'install')
        self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    # ---- what it says
    def log(self):
        with open(LOG, encoding='utf-8', errors='replace') as f:
            return f.read()

    def outcomes(self, **wanted):
        """All outcome lines so far that have these values, as dictionaries in the order of their fields."""
        rows = [parse(line) for line in self.log().splitlines() if ' outcome=' in line]
        return [row for row in rows if all(row.get(key.replace('_', '-')) == value for key, value in wanted.items())]

    def outcome(self, count=1, **wanted):
        """The `count`th such line, for which it waits a little: the line follows the final reply."""
        return net.until(f'outcome line {count} with {wanted}', lambda: self.outcomes(**wanted)[count - 1:count])[0]

    def faults(self):
        """What sanitizers and assertions said."""
        return [line for line in self.log().splitlines() if re.search(r'Sanitizer|runtime error|Assertion|stack smashing', line)]


def parse(line):
    found = FIELD.findall(line[line.index('outcome='):])
    return {key: re.sub(r'\\(.)', r'\1', value[1:-1]) if value.startswith('"') else value for key, value in found}


def pids(role):
    """The living processes of that name in this lab."""
    found = []
    for each in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{each}/stat', encoding='ascii') as f:
                name, _, rest = f.read().partition('(')[2].rpartition(')')
                if name == role and rest.split()[0] != 'Z':
                    found.append(int(each))
        except OSError:
            pass                                                # it ended while we looked
    return found


def descriptors():
    """How many descriptors the broker and the workers hold: what a session had must be gone behind it."""
    return sum(len(os.listdir(f'/proc/{pid}/fd')) for role in ('wax-broker', 'wax-worker') for pid in pids(role))


def sealed_world(**how):
    """For tap.main: the lab and Waxseal in it."""
    def build():
        lab = world.World(how.pop('nat', False))
        lab.seal = Seal(**how)
        return lab
    return build
