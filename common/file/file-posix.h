/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files about the host's files and directories share; not for other
 * layers.
 */

#ifndef VMDK_FILE_POSIX_H
#define VMDK_FILE_POSIX_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "file.h"

/* What other programs are known to have done to a file; see file-watch.c. */
struct watch {
  /* When the file was opened. */
  char *path; /* NULL: not known; owned */
  struct timespec modified, status;
  uint64_t size;

  uint64_t least;  /* atomic: bytes that it has now, or more */
  bool touched;    /* atomic: this process has changed it */
  uint64_t looked; /* atomic: when, in milliseconds */
  unsigned found;  /* atomic: bits of file-watch.c */
};

struct posix_file {
  struct file file;
  int fd;
  unsigned flags;
  int zero_works[2]; /* atomic, enum known; without and with punching */
  unsigned locked;   /* bits of lock_byte that are held */

  struct watch watch;

  /* Of a new file that may take the place of another; else NULL. */
  struct temporary *temporary;
};

/* Besides O_RDONLY or O_RDWR.  O_NONBLOCK: a FIFO must not stop us before we
 * see that it is one.
 */
#define FILE_POSIX_OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Is ERR what a kernel without a system call says, or a sandbox that does not
 * know it?  Where EPERM has other reasons too, the way around will fail for
 * them.
 */
static inline bool
file_posix_is_refused (int err)
{
  return err == ENOSYS || err == EPERM;
}

/* Is the file FD, be it open only as O_PATH, a regular one?  -1 with errno
 * ENXIO if not, EISDIR if it is a directory.
 */
extern int file_posix_check_kind (int fd);

/* Does ERR, of an open for reading and writing, still allow an open for reading
 * only?
 */
extern bool file_posix_may_be_read (int err);

/* A disk in thousands of pieces needs a descriptor for each, and whoever serves
 * it needs some too, for clients.  So this is around each open of a file or
 * directory that stays open: FD is what the open returned, and *TRIES is 0 at
 * first.
 *
 * Returns true if the open is to be tried again, now that the soft limit is
 * the hard one.  Otherwise *FD is the descriptor or -1 with errno set; EMFILE
 * also if it was among the last ones, which are not for us: it is closed then.
 */
extern bool file_posix_try_again (int *fd, unsigned *tries);

/* open(2) like that, with FILE_POSIX_OPEN_FLAGS besides FLAGS. */
extern int file_posix_open_fd (const char *path, int flags);

/* The report that NAME cannot be opened because of EMFILE, which errno is
 * afterwards.
 */
extern void file_posix_report_limit (const char *name);

/* ---- operations of struct file_ops ---- */

extern const char *file_posix_spoilt (struct file *f, bool changed, bool now);
extern int file_posix_lock (struct file *f, enum file_lock lock);
extern struct file *file_posix_create_beside (struct file *f);
extern int file_posix_replace (struct file *f, struct file *by);

/* Begin to watch P, which is as ST says; and end it. */
extern void file_posix_watch (struct posix_file *p, const struct stat *st);
extern void file_posix_unwatch (struct posix_file *p);

/* P is going to be changed by this process; it is going to be cut off at SIZE;
 * it has SIZE bytes now, or more.
 */
extern void file_posix_touch (struct posix_file *p);
extern void file_posix_shrink (struct posix_file *p, uint64_t size);
extern void file_posix_grow (struct posix_file *p, uint64_t size);

/* Nothing if F is no file that file_posix_create_beside made, or has replaced
 * the other.
 */
extern void file_posix_discard (struct file *f);

/* Lock P, which is not locked, as OTHER is; returns as file_lock does. */
extern int
file_posix_lock_like (struct posix_file *p, const struct posix_file *other);

#endif /* VMDK_FILE_POSIX_H */
