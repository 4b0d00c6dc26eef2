/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory tree that files named inside an image may come from.
 *
 * This is the wall of design rule "trust": whatever path an image holds, what
 * is opened lies beneath one of the directories that the user named (the one
 * of the disk, or a search=DIR), no symbolic link and no ".." leads out, and
 * it is a regular file.
 */

#ifndef VMDK_DIR_H
#define VMDK_DIR_H

#include "file.h"

struct dir;

struct dir_ops {
  struct file *(*open) (struct dir *d, const char *path);
  void (*close) (struct dir *d);
};

/* Implementations embed this as their first member. */
struct dir {
  const struct dir_ops *ops;
  char *name; /* as the user wrote it: quote it before it is printed; owned */
  char *path; /* absolute, free of symbolic links; NULL if unknown; owned */
};

/* Open PATH, which is relative to D and may hold "..", for reading.  Returns
 * NULL with errno set, NOT reported, since callers try several names:
 *   ENOENT, ENOTDIR  there is no such file
 *   EXDEV            PATH or a symbolic link on the way leads out of D
 *   ELOOP            too many symbolic links
 *   ENXIO, EISDIR    it is no regular file
 *   others           as open(2) has them
 */
extern struct file *dir_open_file (struct dir *d, const char *path)
  __attribute__ ((__nonnull__ (1, 2)));

/* D may be NULL. */
extern void dir_close (struct dir *d);

/* The directory at PATH of the host, which is the user's word.  FLAGS (enum
 * file_flags) hold for every file opened in it.  Returns NULL with errno set,
 * reported.
 */
extern struct dir *dir_posix_open (const char *path, unsigned flags)
  __attribute__ ((__nonnull__ (1)));

/* Force the walk by components that serves kernels without openat2; for
 * tests.
 */
extern void
dir_posix_avoid_openat2 (struct dir *d) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_DIR_H */
