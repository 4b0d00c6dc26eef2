/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file name recorded in a descriptor to an open file
 * (vmdk-format.md 2.11, 2.13).
 */

#ifndef VMDK_NAME_H
#define VMDK_NAME_H

#include "descriptor.h"
#include "dir.h"
#include "file-set.h"
#include "file.h"

/* Where the files of a disk may come from. */
struct places {
  struct dir **dirs; /* [0] is that of the disk, the others are search=DIR */
  size_t n;
};

/* A directory below one of the places. */
struct location {
  size_t place;
  char *path; /* relative to it; "" is the place itself; owned */
};

extern void location_free (struct location *l);

/* Open the file that the descriptor in FROM records as NAME, in the charset
 * ENCODING (empty: not declared).  WHO (a file name) and WHAT ("the parent")
 * are for messages.  *FOUND, if not NULL, becomes the directory that the file
 * is in; free it with location_free.
 *
 * Tried in this order, until there is a file:
 *   NAME relative to FROM, or an absolute NAME that lies in one of the places
 *   a relative NAME, then its last two components, in each search=DIR
 *   its last component in FROM
 *   its last component in each search=DIR
 * where the directory of the disk counts as one more search=DIR if FROM is in
 * another.  All but the first are guesses, and pass over the files in TAKEN
 * (may be NULL).  WRITABLE: see dir_open_file.
 * Returns NULL with errno set, reported.
 */
extern struct file *
name_open (const struct places *places, const struct location *from,
           struct text name, struct text encoding, const char *who,
           const char *what, const struct file_set *taken, bool writable,
           struct location *found) __attribute__ ((__nonnull__ (1, 2, 5, 6)));

/* Does NAME begin like a URI: "vsan://"? */
extern bool name_is_uri (struct text name);

/* Or like one of qemu's "protocol:" names? */
extern bool name_has_protocol (struct text name);

#endif /* VMDK_NAME_H */
