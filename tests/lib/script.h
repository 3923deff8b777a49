/*
 * script - a file of tests/replay: its cases, lines and words. What the words do is tools/replay.c's, but for the
 * settings of the world (dns, level, option, address, time), which a fuzzer could use as well.
 * The language: tests/replay/GRAMMAR.md
 */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include "world.h"

#define WORDS_MAX 64
#define CASES_MAX 64
#define CUTS_MAX 4000 /* a case with longer talk is not cut at every byte */

struct word {
    struct span text;
    bool quoted;
    bool open; /* "text*": only the beginning of the line matters */
};

struct words {
    unsigned n;
    struct word word[WORDS_MAX];
};

/* One statement, and the number of its line. */
struct statement {
    unsigned line;
    char *text;
};

/* Statements of a case, of the lines before the first case, or of a part (`part NAME`, run by `do NAME`). */
struct block {
    char *name;
    unsigned n;
    struct statement *at;
};

struct script {
    const char *path, *name;
    char *mem; /* the file; texts point into it */
    unsigned n_cases, n_parts;
    struct block cases[CASES_MAX], parts[CASES_MAX], common;
};

/* script_load - NULL: said why on stderr. */
struct script *script_load(const char *path);
void script_free(struct script *s);

/* words_split - text into words; quoted ones are changed in place. */
bool words_split(char *text, struct words *out);
bool words_are(const struct words *w, const char *only);
bool words_begin(const struct words *w, const char *first);
bool words_have(const struct words *w, const char *any);
bool word_is(const struct word *w, const char *text);
long word_number(const struct words *w, unsigned i);
void words_shift(struct words *w);

/* script_setting - dns, level, option, address, time: done, if that is what it is. */
bool script_setting(const struct words *w, struct world *world);

/* script_done - frees what script_setting gave the world. */
void script_done(struct world *world);

/* script_chain - a PEM file of tests/chains/chains, as a captured chain. NULL: there is none. */
struct chain *script_chain(struct span name);

#endif
