/* SPDX-License-Identifier: BSD-3-Clause */
/* Regular files of the host: bytes, and opening and closing.  Locks are in
 * file-locks.c, and new files that take the place of others in file-replace.c.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "file-posix.h"
#include "file.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"

enum known { UNKNOWN, YES, NO };

static int
fd_of (struct file *f)
{
  return ((struct posix_file *) f)->fd;
}

static int64_t
posix_size (struct file *f)
{
  struct stat st;

  stats_count (STATS_SYS_SIZE);
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
    stats_add (STATS_SYS_READ, 1, n > 0 ? n : 0);
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

  stats_count (STATS_SYS_SEEK);
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

  stats_count (STATS_SYS_SEEK);
  return r >= 0 ? min_u64 (r, limit) : limit;
}

static void
posix_prefetch (struct file *f, uint64_t offset, uint64_t count)
{
  stats_count (STATS_SYS_ADVICE);
  (void) posix_fadvise (fd_of (f), offset, count, POSIX_FADV_WILLNEED);
}

/* A hint too: whether it was written is told by the sync that follows. */
static void
posix_write_back (struct file *f, uint64_t offset, uint64_t count)
{
  stats_count (STATS_SYS_ADVICE);
  (void) sync_file_range (fd_of (f), offset, count, SYNC_FILE_RANGE_WRITE);
}

/* ---- changes ---- */

#define MAX_PARTS 8 /* as file.h says */

/* Drop the first COUNT bytes of the N parts at V; returns how many parts are
 * done.
 */
static unsigned
skip_parts (struct iovec *v, unsigned n, size_t count)
{
  unsigned i;

  for (i = 0; i < n && count >= v[i].iov_len; ++i)
    count -= v[i].iov_len;
  if (i < n) {
    v[i].iov_base = (char *) v[i].iov_base + count;
    v[i].iov_len -= count;
  }
  return i;
}

static int
posix_pwrite (struct file *f, const struct file_part *parts, unsigned n,
              uint64_t offset)
{
  struct iovec v[MAX_PARTS];
  unsigned i;
  ssize_t r;

  for (i = 0; i < n; ++i) {
    v[i].iov_base = (void *) (uintptr_t) parts[i].bytes; /* only read */
    v[i].iov_len = parts[i].count;
  }
  file_posix_touch ((struct posix_file *) f);
  /* A write that a full disk cuts short fails when it goes on. */
  i = skip_parts (v, n, 0);
  while (i < n) {
    r = pwritev (fd_of (f), v + i, n - i, offset);
    stats_add (STATS_SYS_WRITE, 1, r > 0 ? r : 0);
    if (r == 0)
      errno = EIO; /* there is no such thing for a regular file */
    if (r == 0 || (r == -1 && errno != EINTR))
      return -1;
    if (r > 0) {
      offset += r;
      i += skip_parts (v + i, n - i, r);
    }
  }
  file_posix_grow ((struct posix_file *) f, offset);
  return 0;
}

static int
call_fallocate (int fd, int mode, uint64_t offset, uint64_t count)
{
  int r;

  do
    r = fallocate (fd, mode | FALLOC_FL_KEEP_SIZE, offset, count);
  while (r == -1 && errno == EINTR);
  if (r == -1 && (file_posix_is_refused (errno) || errno == ENODEV))
    errno = EOPNOTSUPP;
  return r;
}

/* Remember what the call that returned R says about a mode; other errors than
 * EOPNOTSUPP say nothing.
 */
static void
learn (int *works, int r)
{
  if (r == 0 || errno == EOPNOTSUPP)
    __atomic_store_n (works, r == 0 ? YES : NO, __ATOMIC_RELAXED);
}

static int
posix_zero (struct file *f, uint64_t offset, uint64_t count, bool punch)
{
  struct posix_file *p = (struct posix_file *) f;
  int *works = &p->zero_works[punch], r;

  if (__atomic_load_n (works, __ATOMIC_RELAXED) == NO) {
    errno = EOPNOTSUPP;
    return -1;
  }
  file_posix_touch (p);
  r = call_fallocate (
    p->fd, punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE, offset, count);
  stats_add (punch ? STATS_SYS_PUNCH : STATS_SYS_ZERO, 1, r == 0 ? count : 0);
  learn (works, r);
  return r;
}

/* Where there is nothing to punch, so that trying it changes nothing.  As far
 * behind the end as no other thread can have written since; where that is
 * beyond the largest file that the host can have, nothing is learnt.
 */
static void
try_punching (struct posix_file *p)
{
  int64_t size = posix_size (&p->file);

  if (size != -1 && size <= INT64_MAX - (INT64_C (1) << 31)) {
    stats_count (STATS_SYS_PUNCH);
    file_posix_touch (p); /* some hosts set the time stamp */
    learn (&p->zero_works[true],
           call_fallocate (p->fd, FALLOC_FL_PUNCH_HOLE,
                           size + (INT64_C (1) << 30), 1));
  }
}

/* Zeroing without punching cannot be tried like that: behind the end it would
 * allocate space, before the end destroy data.  But nearly every file system
 * that punches has it, and where the first real call finds that it has not,
 * that is remembered.  So one request at most is slower than promised; to
 * expect the worst would make all of them slow, everywhere.
 */
static bool
posix_zero_is_fast (struct file *f, bool punch)
{
  struct posix_file *p = (struct posix_file *) f;
  int known = __atomic_load_n (&p->zero_works[punch], __ATOMIC_RELAXED);

  if (known != UNKNOWN)
    return known == YES;
  if (__atomic_load_n (&p->zero_works[true], __ATOMIC_RELAXED) == UNKNOWN)
    try_punching (p);
  return __atomic_load_n (&p->zero_works[true], __ATOMIC_RELAXED) == YES;
}

static int
posix_truncate (struct file *f, uint64_t size)
{
  struct posix_file *p = (struct posix_file *) f;
  int r;

  stats_count (STATS_SYS_RESIZE);
  file_posix_touch (p);
  file_posix_shrink (p, size);
  do
    r = ftruncate (p->fd, size);
  while (r == -1 && errno == EINTR);
  if (r == 0)
    file_posix_grow (p, size);
  return r;
}

static int
posix_sync (struct file *f)
{
  const struct posix_file *p = (struct posix_file *) f;
  const uint64_t start = stats_clock ();
  int r;

  do
    r = fdatasync (p->fd);
  while (r == -1 && errno == EINTR);
  stats_add_since (STATS_SYS_SYNC, start);
  /* Pages can be dropped only once they are clean.  A hint again. */
  if (r == 0 && p->flags & FILE_UNBUFFERED)
    (void) posix_fadvise (p->fd, 0, 0, POSIX_FADV_DONTNEED);
  return r;
}

/* Waits for one page at most, and tells of a failure anywhere in the file. */
static int
posix_check (struct file *f)
{
  int r;

  do
    r = sync_file_range (fd_of (f), 0, 1, SYNC_FILE_RANGE_WAIT_BEFORE);
  while (r == -1 && errno == EINTR);
  return r == -1 && (file_posix_is_refused (errno) || errno == EINVAL ||
                     errno == ESPIPE)
           ? posix_sync (f)
           : r;
}

/* ---- open and close ---- */

static void
posix_close (struct file *f)
{
  struct posix_file *p = (struct posix_file *) f;

  file_posix_discard (f); /* if its maker has not */
  file_posix_unwatch (p);
  close (p->fd);
  file_fini (f);
  free (p);
}

static const struct file_ops posix_ops = {
  .size = posix_size,
  .pread = posix_pread,
  .hole_end = posix_hole_end,
  .data_end = posix_data_end,
  .prefetch = posix_prefetch,
  .write_back = posix_write_back,
  .pwrite = posix_pwrite,
  .zero = posix_zero,
  .zero_is_fast = posix_zero_is_fast,
  .truncate = posix_truncate,
  .sync = posix_sync,
  .check = posix_check,
  .spoilt = file_posix_spoilt,
  .lock = file_posix_lock,
  .create_beside = file_posix_create_beside,
  .replace = file_posix_replace,
  .discard = file_posix_discard,
  .close = posix_close,
};

static int
check_kind (const struct stat *st)
{
  if (S_ISREG (st->st_mode))
    return 0;
  errno = S_ISDIR (st->st_mode) ? EISDIR : ENXIO;
  return -1;
}

int
file_posix_check_kind (int fd)
{
  struct stat st;

  return fstat (fd, &st) == -1 ? -1 : check_kind (&st);
}

struct file *
file_posix_from_fd (int fd, const char *name, unsigned flags)
{
  struct posix_file *p = calloc (1, sizeof *p);
  struct stat st;
  int saved;

  if (p == NULL) {
    close (fd);
    errno = ENOMEM;
    return NULL;
  }
  p->fd = fd;
  p->flags = flags;
  if (file_init (&p->file, &posix_ops, name) == -1 || fstat (fd, &st) == -1 ||
      check_kind (&st) == -1)
    goto error;
  p->file.id.device = st.st_dev;
  p->file.id.inode = st.st_ino;
  p->file.writable = flags & FILE_WRITABLE;
  file_posix_watch (p, &st);
  return &p->file;

error:
  saved = errno;
  posix_close (&p->file);
  errno = saved;
  return NULL;
}

/* ---- the limit on open files ----
 *
 * A server that has no descriptor left for the next client fails in ways that
 * nobody understands (nbdkit tries again for ever and fills its log).
 */

#define LEFT_WANTED UINT64_C (256) /* else the limit is raised if it can be */
#define LEFT_NEEDED UINT64_C (32)  /* ten clients, a new file at close */
#define OPEN_BEFORE UINT64_C (32)  /* directories, the server's own */

uint64_t
file_limit (void)
{
  struct rlimit limit;

  return getrlimit (RLIMIT_NOFILE, &limit) == -1 ? UINT64_MAX : limit.rlim_cur;
}

uint64_t
file_most_open (void)
{
  const uint64_t left = LEFT_NEEDED + OPEN_BEFORE;
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == -1)
    return UINT64_MAX;
  return limit.rlim_max > left ? limit.rlim_max - left : 0;
}

void
file_posix_report_limit (const char *name)
{
  report_error ("%s: cannot open: no more than %" PRIu64 " open files are "
                "allowed, which leaves too few for clients: raise the hard "
                "limit (ulimit -Hn)",
                name, file_limit ());
  errno = EMFILE;
}

/* Raise the soft limit to the hard one; false if it is there already. */
static bool
raise_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == -1 ||
      limit.rlim_cur >= limit.rlim_max)
    return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

/* The kernel gives out the lowest number that is free, so that the number tells
 * how many are left.
 */
bool
file_posix_try_again (int *fd, unsigned *tries)
{
  if (*fd == -1)
    return errno == EMFILE && (*tries)++ == 0 && raise_limit ();
  if (*fd + LEFT_WANTED >= file_limit ())
    (void) raise_limit ();
  if (*fd + LEFT_NEEDED >= file_limit ()) {
    close (*fd);
    *fd = -1;
    errno = EMFILE;
  }
  return false;
}

int
file_posix_open_fd (const char *path, int flags)
{
  unsigned tries = 0;
  int fd;

  do
    fd = open (path, flags | FILE_POSIX_OPEN_FLAGS);
  while (file_posix_try_again (&fd, &tries));
  return fd;
}

bool
file_posix_may_be_read (int err)
{
  /* No permission; immutable; a read-only file system; a program that runs. */
  return err == EACCES || err == EPERM || err == EROFS || err == ETXTBSY;
}

/* file_posix_open without a report. */
static struct file *
open_quietly (const char *path, unsigned flags)
{
  const bool writable = flags & FILE_WRITABLE;
  int fd, write_errno;
  struct file *f;
  struct stat st;

  /* To open a device or a FIFO can do something already. */
  if (stat (path, &st) == -1 || check_kind (&st) == -1)
    return NULL;
  if (writable) {
    fd = file_posix_open_fd (path, O_RDWR);
    if (fd >= 0)
      return file_posix_from_fd (fd, path, flags);
    if (!file_posix_may_be_read (errno))
      return NULL;
  }
  write_errno = writable ? errno : 0;
  fd = file_posix_open_fd (path, O_RDONLY);
  if (fd == -1)
    return NULL;
  f = file_posix_from_fd (fd, path, flags & ~FILE_WRITABLE);
  if (f)
    f->write_errno = write_errno;
  return f;
}

struct file *
file_posix_open (const char *path, unsigned flags)
{
  CLEANUP_FREE char *name = quote (path);
  struct file *f;

  if (name == NULL) {
    report_error ("cannot open the disk: %m");
    return NULL;
  }
  f = open_quietly (path, flags);
  if (f == NULL) {
    if (errno == EISDIR)
      report_error ("%s: expected a regular file that holds a VMDK, found a "
                    "directory: name the .vmdk in it",
                    name);
    else if (errno == ENXIO)
      report_error ("%s: expected a regular file that holds a VMDK, but this "
                    "is none",
                    name);
    else if (errno == EMFILE)
      file_posix_report_limit (name);
    else
      report_error ("%s: cannot open: %m", name);
  }
  return f;
}
