/* SPDX-License-Identifier: BSD-3-Clause */
/* Which files a disk has opened already, by identity: whatever names a hostile
 * image gives it, one file is one file.
 */

#ifndef VMDK_FILE_SET_H
#define VMDK_FILE_SET_H

#include <stddef.h>

#include "file.h"

struct file_use {
  struct file *file;
  unsigned link;  /* number of the link that opened it */
  bool shareable; /* more lines of that link may name it */
};

/* Zero-initialised it is empty. */
struct file_set {
  struct file_use *slots; /* a hash table; file NULL: free */
  size_t room, count;
};

/* What is known of the file that F is; NULL if it is new. */
extern const struct file_use *
file_set_find (const struct file_set *s, const struct file *f)
  __attribute__ ((__nonnull__ (1, 2)));

/* Add a file that is not in it.  Returns -1 with errno ENOMEM. */
extern int file_set_add (struct file_set *s, struct file_use use)
  __attribute__ ((__nonnull__ (1)));

/* Forget everything; no file is closed. */
extern void
file_set_clear (struct file_set *s) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_FILE_SET_H */
