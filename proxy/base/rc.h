/*
 * rc - what can happen inside. One list, so that a caller's switch is checked by the compiler.
 * What the world is told is another list: policy/why.def.
 */
#ifndef BASE_RC_H
#define BASE_RC_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum rc {
    OK,          /* done; every output is written */
    MORE,        /* the input ends before the thing does: come back with more of it */
    MALFORMED,   /* the input is not what its grammar asks */
    UNUSABLE,    /* well formed, but nothing that we may use */
    FULL,        /* a bound of base/limits.h is reached; nothing was written */
    AGAIN_READ,  /* a library waits for bytes of the peer */
    AGAIN_WRITE, /* a library waits for room towards the peer */
    CLOSED,      /* the peer ended in good order */
    FAILED,      /* it cannot be done; errno or the callee's own report says why */
};

#endif
