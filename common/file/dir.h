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

/* What is called by a name, links followed. */
enum dir_entry {
  DIR_NOTHING,
  DIR_FILE, /* a regular one */
  DIR_DIRECTORY,
  DIR_OTHER,
  DIR_BAD_LINK /* a symbolic link that cannot be followed to anything */
};

/* The space that new files are to have of their own. */
struct dir_space {
  uint64_t needed; /* bytes of a file and all that will follow it; 0: do not
                      look whether they are there */
  uint64_t found;  /* set if they are not: those that are */
};

struct dir_ops {
  struct file *(*open) (struct dir *d, const char *path, bool writable);
  void (*close) (struct dir *d);

  /* See dir_holds_any.  NULL: there are no such directories. */
  int (*holds_any) (struct dir *d, const char *name);

  /* What makes files; see dir_create_file and those after it.  All NULL:
   * nothing can be made in such directories.
   */
  struct file *(*create) (struct dir *d, const char *name, uint64_t size,
                          struct dir_space *reserve);
  int (*look) (struct dir *d, const char *name);
  int (*publish) (struct dir *d, const char *from, const char *to);
  int (*remove) (struct dir *d, const char *name);
  int (*sync) (struct dir *d);
};

/* Implementations embed this as their first member. */
struct dir {
  const struct dir_ops *ops;
  char *name; /* as the user wrote it: quote it before it is printed; owned */
  char *path; /* absolute, free of symbolic links; NULL if unknown; owned */
};

/* Open PATH, which is relative to D and may hold "..", for reading; WRITABLE:
 * and for writing, unless the host forbids that (see struct file).  Returns
 * NULL with errno set, NOT reported, since callers try several names:
 *   ENOENT, ENOTDIR  there is no such file
 *   EXDEV            PATH or a symbolic link on the way leads out of D
 *   ELOOP            too many symbolic links
 *   ENXIO, EISDIR    it is no regular file
 *   others           as open(2) has them
 */
extern struct file *
dir_open_file (struct dir *d, const char *path, bool writable)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- making files ----
 *
 * NAME is that of a file in D itself, the user's word.  All of these return -1
 * (or NULL) with errno set, NOT reported, since callers know what the file is
 * for.
 */

/* A new file of SIZE bytes that reads as zeroes, open for writing.  RESERVE:
 * its space is its own from now on, if the host can do that without writing;
 * if the host is known to have less than is needed, nothing is reserved, the
 * error is ENOSPC, and RESERVE->found says how much it has.  NULL: the file is
 * sparse.  EEXIST if there is anything called NAME.
 */
extern struct file *dir_create_file (struct dir *d, const char *name,
                                     uint64_t size, struct dir_space *reserve)
  __attribute__ ((__nonnull__ (1, 2)));

/* What is called NAME?  An enum dir_entry, or -1. */
extern int
dir_look (struct dir *d, const char *name) __attribute__ ((__nonnull__ (1, 2)));

/* Give the file FROM the name TO.  EEXIST if there is anything called TO; it is
 * never replaced.
 */
extern int dir_publish_file (struct dir *d, const char *from, const char *to)
  __attribute__ ((__nonnull__ (1, 2, 3)));

extern int dir_remove_file (struct dir *d, const char *name)
  __attribute__ ((__nonnull__ (1, 2)));

/* Make durable which names there are. */
extern int dir_sync (struct dir *d) __attribute__ ((__nonnull__ (1)));

/* Is there a directory NAME in D, and something in it?  1, 0, or -1 with errno
 * set, NOT reported.
 */
extern int dir_holds_any (struct dir *d, const char *name)
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
