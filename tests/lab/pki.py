"""
pki - certificates and TLSA records of the lab, made anew in every run with the openssl command.

`leaf` is signed by `issuer` where one is given, else by itself. TLSA data is taken from the files themselves, never written down. A `Pair` with another
`chain` is a server that sends other certificates (`sends`).
"""
import collections
import hashlib
import os
import subprocess

import net

PLACE = net.FILES + '/pki'
Pair = collections.namedtuple('Pair', 'name cert key chain')      # files; chain: the leaf and its issuer, in the order in which a server sends them


def _openssl(*arguments, data=None):
    return subprocess.run(['openssl', *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


KEYS = {'p256': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'p384': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'rsa': ['rsa:2048'], 'ed25519': ['ed25519']}


def leaf(name, issuer=None, authority=False, key_kind='p256', names=None, expired=False):
    """A certificate for the DNS name (or an authority of that title). `names`: other DNS names in place of it, [] for none but the CN."""
    os.makedirs(PLACE, exist_ok=True)
    base = f'{PLACE}/{name}'
    key, cert, chain = base + '.key', base + '.pem', base + '.chain'
    constraint = 'critical,CA:TRUE' if authority else 'CA:FALSE'
    signer = ['-CA', issuer.cert, '-CAkey', issuer.key] if issuer else []
    alt = ','.join('DNS:' + each for each in ([name] if names is None else names))
    extensions = ['-addext', f'basicConstraints={constraint}'] + (['-addext', 'subjectAltName=' + alt] if alt else [])
    request = ['-newkey', *KEYS[key_kind], '-nodes', '-keyout', key, '-subj', '/CN=' + name, *extensions]
    if expired:                                                     # `req` takes no validity in the past, `x509` does
        _openssl('req', *request, '-out', base + '.req')
        _openssl('x509', '-req', '-in', base + '.req', '-copy_extensions', 'copy', '-days', '-1', '-out', cert, *(signer or ['-signkey', key]))
    else:
        _openssl('req', '-x509', *request, '-out', cert, '-days', '30', *signer)
    return sends(Pair(name, cert, key, chain), *([issuer] if issuer else []))


def sends(pair, *others):
    """The same key, and a server that sends these certificates behind its own."""
    with open(pair.chain, 'wb') as out:
        for each in (pair, *others):
            with open(each.cert, 'rb') as f:
                out.write(f.read())
    return pair


def public_key(pair):
    """The key's SubjectPublicKeyInfo, DER."""
    return _openssl('pkey', '-in', pair.key, '-pubout', '-outform', 'DER')


def tlsa(usage, pair, selector=1, matching=1):
    der = public_key(pair) if selector == 1 else _openssl('x509', '-in', pair.cert, '-outform', 'DER')
    data = [bytes.hex, lambda der: hashlib.sha256(der).hexdigest(), lambda der: hashlib.sha512(der).hexdigest()][matching](der)
    return f'TLSA {usage} {selector} {matching} {data}'
