"""
tap - what a lab test is written in: `test` marks a function, `main` raises the lab and runs them in order, `ok` and `equal` say one thing that holds.

`PROGRAM WORD` runs only the tests whose name holds the word.
"""
import sys
import time
import traceback

import net

tests, count, failures = [], 0, 0


def test(function):
    tests.append(function)
    return function


def ok(holds, says, detail=''):
    global count, failures
    count += 1
    print(f'{"ok" if holds else "not ok"} {count} - {says}', flush=True)
    if not holds:
        failures += 1
        note(detail)
    return bool(holds)


def equal(found, wanted, says):
    return ok(found == wanted, says, f'found {found!r}\nwanted {wanted!r}')


def note(text):
    for line in str(text).splitlines():
        print('# ' + line, flush=True)


def main(raise_lab):
    """`raise_lab` returns what each test gets. A test that ends with an exception has failed; the others still run."""
    net.enter()
    words = sys.argv[1:]
    begin = time.monotonic()
    try:
        lab = raise_lab()
    except Exception:
        ok(False, 'the lab came up', traceback.format_exc())
        sys.exit(1)
    note(f'the lab is up after {time.monotonic() - begin:.1f} s')
    for each in tests:
        if words and not any(word in each.__name__ for word in words):
            continue
        started = time.monotonic()
        try:
            each(lab)
        except Exception:                                       # every exception is a finding, and the next test is to run
            ok(False, f'{each.__name__} came to its end', traceback.format_exc())
        note(f'{each.__name__}: {time.monotonic() - started:.1f} s')
    print(f'1..{count}', flush=True)
    sys.exit(1 if failures or not count else 0)
