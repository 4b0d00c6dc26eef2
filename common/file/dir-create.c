/* SPDX-License-Identifier: BSD-3-Clause */
/* Making files in a directory of the host, without ever replacing one. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "dir-posix.h"
#include "file-posix.h"
#include "file.h"
#include "stats.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* ---- for every kind of directory ---- */

struct file *
dir_create_file (struct dir *d, const char *name, uint64_t size,
                 struct dir_space *reserve)
{
  return d->ops->create (d, name, size, reserve);
}

int
dir_look (struct dir *d, const char *name)
{
  if (d->ops->look == NULL) {
    errno = EROFS;
    return -1;
  }
  return d->ops->look (d, name);
}

int
dir_publish_file (struct dir *d, const char *from, const char *to)
{
  return d->ops->publish (d, from, to);
}

int
dir_remove_file (struct dir *d, const char *name)
{
  return d->ops->remove (d, name);
}

int
dir_sync (struct dir *d)
{
  return d->ops->sync (d);
}

/* ---- on the host ---- */

static int
fd_of (struct dir *d)
{
  return ((struct posix_dir *) d)->fd;
}

static int
reserve_space (int fd, uint64_t size)
{
  int r;

  do
    r = fallocate (fd, 0, 0, size);
  while (r == -1 && errno == EINTR);
  if (r == -1 && file_posix_is_refused (errno))
    errno = EOPNOTSUPP;
  return r;
}

/* The bytes that anybody can still have in the file system of FD, as df(1)
 * shows them; UINT64_MAX if that is not known.  Those that are kept for the
 * administrator are not for disks.  A project's quota is part of what hosts
 * tell, a user's is not.  No bytes at all is what some of them say who do not
 * know; if it is true, the first byte will fail.
 */
static uint64_t
free_bytes (int fd)
{
  struct statvfs st;
  uint64_t bytes;

  if (fstatvfs (fd, &st) == -1)
    return UINT64_MAX;
  if (__builtin_mul_overflow (st.f_bavail, st.f_frsize, &bytes) || bytes == 0)
    return UINT64_MAX;
  return bytes;
}

/* Is there not as much as SPACE says?  To reserve more than there is would take
 * all that others need, for a moment.  Where files cannot reserve anything,
 * that does not matter; the new file FD shows it by its first byte.
 */
static bool
lacks_space (int fd, struct dir_space *space)
{
  const uint64_t found = space->needed ? free_bytes (fd) : UINT64_MAX;

  if (found >= space->needed || reserve_space (fd, 1) == -1)
    return false;
  space->found = found;
  return true;
}

/* Let the new file FD have SIZE bytes. */
static int
make_size (int fd, uint64_t size, struct dir_space *reserve)
{
  if (size > INT64_MAX) {
    errno = EFBIG;
    return -1;
  }
  if (reserve && size > 0) {
    if (lacks_space (fd, reserve)) {
      errno = ENOSPC;
      return -1;
    }
    if (reserve_space (fd, size) == 0)
      return 0;
    if (errno != EOPNOTSUPP)
      return -1;
  }
  return ftruncate (fd, size);
}

struct file *
dir_posix_create (struct dir *d, const char *name, uint64_t size,
                  struct dir_space *reserve)
{
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const struct posix_dir *p = (struct posix_dir *) d;
  struct file *f = NULL;
  int fd = openat (p->fd, name, flags, 0666), saved;

  if (fd == -1)
    return NULL;
  if (make_size (fd, size, reserve) == 0)
    f = file_posix_from_fd (fd, name, p->flags | FILE_WRITABLE);
  else {
    saved = errno;
    close (fd);
    errno = saved;
  }
  if (f == NULL) {
    saved = errno;
    unlinkat (p->fd, name, 0);
    errno = saved;
  }
  return f;
}

int
dir_posix_look (struct dir *d, const char *name)
{
  const int fd = fd_of (d);
  struct stat st;

  if (fstatat (fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
    return errno == ENOENT ? DIR_NOTHING : -1;
  if (S_ISLNK (st.st_mode) && fstatat (fd, name, &st, 0) == -1)
    return DIR_BAD_LINK;
  return S_ISREG (st.st_mode)   ? DIR_FILE
         : S_ISDIR (st.st_mode) ? DIR_DIRECTORY
                                : DIR_OTHER;
}

static int
rename_noreplace (int fd, const char *from, const char *to)
{
#ifdef SYS_renameat2
  return syscall (SYS_renameat2, fd, from, fd, to, RENAME_NOREPLACE);
#else
  (void) fd;
  (void) from;
  (void) to;
  errno = ENOSYS;
  return -1;
#endif
}

/* A file system without that flag (NFS) says EINVAL, a sandbox EPERM; there a
 * second link does it, which cannot replace anything either.
 */
int
dir_posix_publish (struct dir *d, const char *from, const char *to)
{
  const int fd = fd_of (d);
  int saved;

  if (rename_noreplace (fd, from, to) == 0)
    return 0;
  if (errno != EINVAL && !file_posix_is_refused (errno))
    return -1;
  if (linkat (fd, from, fd, to, 0) == -1)
    return -1;
  if (unlinkat (fd, from, 0) == 0)
    return 0;
  saved = errno;
  unlinkat (fd, to, 0);
  errno = saved;
  return -1;
}

int
dir_posix_remove (struct dir *d, const char *name)
{
  return unlinkat (fd_of (d), name, 0);
}

/* Some file systems have nothing to sync in a directory. */
int
dir_posix_sync (struct dir *d)
{
  int fd = openat (fd_of (d), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  uint64_t start;
  int r, saved;

  if (fd == -1)
    return -1;
  start = stats_clock ();
  r = fsync (fd);
  stats_add_since (STATS_SYS_SYNC, start);
  if (r == -1 && (errno == EINVAL || errno == ENOTSUP))
    r = 0;
  saved = errno;
  close (fd);
  errno = saved;
  return r;
}
