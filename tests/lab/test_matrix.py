#!/usr/bin/python3 -B
"""
The short round of the matrix (matrix.py): each client once, each server twice, small messages.

Proves A55, A62.
"""
import matrix
import seal
import tap
from tap import equal, test

PAIRS = (('postfix', 'exim'), ('exim', 'postfix'), ('sendmail', 'opensmtpd'), ('opensmtpd', 'sendmail'),
         ('msmtp', 'postfix'), ('nullmailer', 'exim'), ('dma', 'sendmail'), ('swaks', 'opensmtpd'))


@test
def each_client_and_each_server(lab):
    matrix.Matrix(lab, dict.fromkeys(PAIRS, matrix.SMALL)).run()
    equal(lab.seal.faults(), [], 'no sanitizer and no assertion said anything')


tap.main(seal.sealed_world())
