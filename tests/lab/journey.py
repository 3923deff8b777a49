"""
journey - one message of the legacy server to one domain: what it sent, what crossed the wire, what became of it. The demo's row and the tests' evidence.
"""
import collections

import capture
import net

# sent, crossed: in words; bare: whether envelope or content was to be read on the outer link; line: the outcome lines; why: the reply text that the legacy
# server keeps with a waiting message, '' where it is gone
Journey = collections.namedtuple('Journey', 'domain sent crossed bare line waiting why received')


def travel(lab, name, body='Hello.'):
    """Sends the message and waits until it was delivered or put off."""
    who, before = 'bob@' + name, len(lab.seal.outcomes(domain=name))
    with capture.capture(end='lan') as inner, capture.capture() as outer:
        marker = lab.legacy.send(who, body=body)
        why = lab.legacy.settled([who]).get(who, '')
        line = lab.seal.outcome(domain=name, count=before + 1)
    if not why:
        net.until('the delivery to ' + name, lambda: lab.received(marker))
    return Journey(name, _words(inner), _words(outer), bool(outer.envelope()) or outer.shows(marker.encode()), line, bool(why), why, lab.received(marker))


def _words(wire):
    """The last connection that said anything."""
    said = wire.to_servers()
    return capture.summary(said[-1]) if said else 'nothing'
