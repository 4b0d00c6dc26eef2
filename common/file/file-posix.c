/* SPDX-License-Identifier: BSD-3-Clause */
/* Regular files of the host. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file-posix.h"
#include "file.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"

struct posix_file {
  struct file file;
  int fd;
  unsigned flags;
};

static int
fd_of (struct file *f)
{
  return ((struct posix_file *) f)->fd;
}

static int64_t
posix_size (struct file *f)
{
  struct stat st;

  return fstat (fd_of (f), &st) == -1 ? -1 : st.st_size;
}

static int64_t
posix_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  const struct posix_file *p = (struct posix_file *) f;
  size_t done = 0;
  ssize_t n;

  do {
    n = pread (p->fd, (char *) buf + done, count - done, offset + done);
    if (n == -1 && errno != EINTR)
      return -1;
    if (n > 0)
      done += n;
  } while (done < count && n != 0);
  /* Only a hint: if it fails, the pages stay cached. */
  if (p->flags & FILE_UNBUFFERED)
    (void) posix_fadvise (p->fd, offset, count, POSIX_FADV_DONTNEED);
  return done;
}

/* lseek moves the file position, which nobody here uses: pread does not. */

static uint64_t
posix_hole_end (struct file *f, uint64_t offset, uint64_t limit)
{
  off_t r = lseek (fd_of (f), offset, SEEK_DATA);

  if (r >= 0)
    return min_u64 (r, limit);
  /* ENXIO: no data up to the end of the file.  But the range may go past it,
   * and what is there is an error to read, not a hole.
   */
  if (errno == ENXIO) {
    r = posix_size (f);
    if (r >= 0 && (uint64_t) r > offset)
      return min_u64 (r, limit);
  }
  return offset;
}

static uint64_t
posix_data_end (struct file *f, uint64_t offset, uint64_t limit)
{
  off_t r = lseek (fd_of (f), offset, SEEK_HOLE);

  return r >= 0 ? min_u64 (r, limit) : limit;
}

static void
posix_prefetch (struct file *f, uint64_t offset, uint64_t count)
{
  (void) posix_fadvise (fd_of (f), offset, count, POSIX_FADV_WILLNEED);
}

static void
posix_close (struct file *f)
{
  struct posix_file *p = (struct posix_file *) f;

  close (p->fd);
  free (f->name);
  free (p);
}

static const struct file_ops posix_ops = {
  .size = posix_size,
  .pread = posix_pread,
  .hole_end = posix_hole_end,
  .data_end = posix_data_end,
  .prefetch = posix_prefetch,
  .close = posix_close,
};

struct file *
file_posix_from_fd (int fd, const char *name, unsigned flags)
{
  struct posix_file *p = calloc (1, sizeof *p);
  struct stat st;

  if (p == NULL)
    goto error;
  p->fd = fd;
  p->flags = flags;
  p->file.ops = &posix_ops;
  p->file.name = quote (name);
  if (p->file.name == NULL || fstat (fd, &st) == -1)
    goto error;
  if (!S_ISREG (st.st_mode)) {
    errno = S_ISDIR (st.st_mode) ? EISDIR : ENXIO;
    goto error;
  }
  p->file.id.device = st.st_dev;
  p->file.id.inode = st.st_ino;
  return &p->file;

error:
  if (p != NULL)
    cleanup_free (&p->file.name);
  cleanup_free (&p);
  close (fd);
  return NULL;
}

bool
file_posix_raise_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == -1 ||
      limit.rlim_cur >= limit.rlim_max)
    return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

struct file *
file_posix_open (const char *path, unsigned flags)
{
  CLEANUP_FREE char *name = quote (path);
  struct file *f = NULL;
  int fd;

  if (name == NULL) {
    report_error ("cannot open the disk: %m");
    return NULL;
  }
  fd = open (path, FILE_POSIX_OPEN_FLAGS);
  if (fd >= 0)
    f = file_posix_from_fd (fd, path, flags);
  if (f == NULL) {
    if (errno == EISDIR)
      report_error ("%s: expected a regular file that holds a VMDK, found a "
                    "directory: name the .vmdk in it",
                    name);
    else if (errno == ENXIO)
      report_error ("%s: expected a regular file that holds a VMDK, but this "
                    "is none",
                    name);
    else
      report_error ("%s: cannot open: %m", name);
  }
  return f;
}
