/*
 * file - small files, whole: read with a bound, replaced so that a power cut leaves the old one or the new one.
 */
#ifndef OPS_FILE_H
#define OPS_FILE_H

#include "base/rc.h"
#include "base/span.h"

/*
 * file_read - all of it into mem. Waits for nobody: of a pipe without a writer it reads nothing.
 *   own      a file of ours: nothing but a plain file, not a link, is read
 *   returns  OK  *n bytes, fewer than cap | FULL  there are as many or more | FAILED  errno
 */
MUST_USE enum rc file_read(const char *path, bool own, uint8_t *mem, size_t cap, size_t *n);

/*
 * file_replace - writes folder/name.new, brings it to the disk and renames it to folder/name. Whatever stands at either
 * name is not followed and not opened.
 *   returns  OK | FAILED  errno; the old file is as it was
 */
MUST_USE enum rc file_replace(const char *folder, const char *name, struct span text);

#endif
