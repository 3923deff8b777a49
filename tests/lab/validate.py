"""
validate - what a validating resolver that starts from the lab's anchor and hints makes of a name: libunbound, called from here.

It shows that the lab's signatures are what the tests take them for, without any code of Waxseal.
"""
import ctypes

import dns
import net

TYPES = {'A': 1, 'MX': 15, 'AAAA': 28, 'TLSA': 52}


class Result(ctypes.Structure):
    _fields_ = [('qname', ctypes.c_char_p), ('qtype', ctypes.c_int), ('qclass', ctypes.c_int), ('data', ctypes.c_void_p), ('len', ctypes.c_void_p),
                ('canonname', ctypes.c_char_p), ('rcode', ctypes.c_int), ('answer_packet', ctypes.c_void_p), ('answer_len', ctypes.c_int),
                ('havedata', ctypes.c_int), ('nxdomain', ctypes.c_int), ('secure', ctypes.c_int), ('bogus', ctypes.c_int), ('why_bogus', ctypes.c_char_p)]


class Validator:
    def __init__(self, namespace):
        self.namespace, self.lib = namespace, ctypes.CDLL('libunbound.so.8')
        self.lib.ub_ctx_create.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.ub_ctx_create())
        self.lib.ub_ctx_set_option(self.context, b'root-hints:', dns.hints.encode())
        self.lib.ub_ctx_add_ta_file(self.context, dns.anchor.encode())

    def ask(self, name, kind):
        """'secure', 'insecure' or 'bogus', and whether there is such data."""
        answer = ctypes.POINTER(Result)()
        with net.inside(self.namespace):
            rc = self.lib.ub_resolve(self.context, name.encode(), TYPES[kind], 1, ctypes.byref(answer))
        if rc != 0:
            raise RuntimeError(f'ub_resolve: {rc}')
        found = answer.contents
        trust = 'bogus' if found.bogus else 'secure' if found.secure else 'insecure'
        data = bool(found.havedata)
        self.lib.ub_resolve_free(answer)
        return trust, data
