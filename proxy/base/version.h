/* version - what --version says, and nothing else depends on. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define WAXSEAL_VERSION "0.1.0"

#endif
