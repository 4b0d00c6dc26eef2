/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files about the host's files and directories share; not for other
 * layers.
 */

#ifndef VMDK_FILE_POSIX_H
#define VMDK_FILE_POSIX_H

#include <fcntl.h>
#include <stdbool.h>

#include "file.h"

struct posix_file {
  struct file file;
  int fd;
  unsigned flags;
  int zero_works[2]; /* atomic, enum known; without and with punching */
  unsigned locked;   /* bits of lock_byte that are held */

  /* Of a new file that may take the place of another; else NULL. */
  struct temporary *temporary;
};

/* Besides O_RDONLY or O_RDWR.  O_NONBLOCK: a FIFO must not stop us before we
 * see that it is one.
 */
#define FILE_POSIX_OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Does ERR, of an open for reading and writing, still allow an open for reading
 * only?
 */
extern bool file_posix_may_be_read (int err);

/* A disk in thousands of pieces needs a descriptor for each.  Raise the soft
 * limit on open files to the hard one; false if it is there already.
 */
extern bool file_posix_raise_limit (void);

/* ---- operations of struct file_ops ---- */

extern int file_posix_lock (struct file *f, enum file_lock lock);
extern struct file *file_posix_create_beside (struct file *f);
extern int file_posix_replace (struct file *f, struct file *by);

/* Nothing if F is no file that file_posix_create_beside made, or has replaced
 * the other.
 */
extern void file_posix_discard (struct file *f);

/* Lock P, which is not locked, as OTHER is; returns as file_lock does. */
extern int
file_posix_lock_like (struct posix_file *p, const struct posix_file *other);

#endif /* VMDK_FILE_POSIX_H */
