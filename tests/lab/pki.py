"""
pki - certificates and TLSA records of the lab, made anew in every run with the openssl command.

`leaf` is signed by `issuer` where one is given, else by itself. TLSA data is taken from the files themselves, never written down.
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


def leaf(name, issuer=None, authority=False, rsa=False):
    """A certificate, with a P-256 or RSA key, for the DNS name (or an authority of that title)."""
    os.makedirs(PLACE, exist_ok=True)
    base = f'{PLACE}/{name}'
    key, cert, chain = base + '.key', base + '.pem', base + '.chain'
    constraint = 'critical,CA:TRUE' if authority else 'CA:FALSE'
    signer = ['-CA', issuer.cert, '-CAkey', issuer.key] if issuer else []
    kind = ['rsa:2048'] if rsa else ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    _openssl('req', '-x509', '-newkey', *kind, '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=' + name,
             '-days', '30', '-addext', f'subjectAltName=DNS:{name}', '-addext', f'basicConstraints={constraint}', *signer)
    with open(chain, 'wb') as out:
        for each in [cert] + ([issuer.cert] if issuer else []):
            with open(each, 'rb') as f:
                out.write(f.read())
    return Pair(name, cert, key, chain)


def public_key(pair):
    """The key's SubjectPublicKeyInfo, DER."""
    return _openssl('pkey', '-in', pair.key, '-pubout', '-outform', 'DER')


def spki_sha256(pair):
    """The digest of a `x 1 1` record."""
    return hashlib.sha256(public_key(pair)).hexdigest()


def tlsa(usage, pair):
    return f'TLSA {usage} 1 1 {spki_sha256(pair)}'
