/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of file have in common: error messages, whole reads, zeroes
 * where the host has no call for them, and that no sync is lost or superfluous.
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"

#define MAX_PARTS 8

int
file_init (struct file *f, const struct file_ops *ops, const char *name)
{
  pthread_mutex_init (&f->mutex, NULL); /* cannot fail on Linux */
  f->ops = ops;
  f->name = quote (name);
  return f->name == NULL ? -1 : 0;
}

void
file_fini (struct file *f)
{
  pthread_mutex_destroy (&f->mutex);
  cleanup_free (&f->name);
}

int64_t
file_size (struct file *f)
{
  int64_t size = f->ops->size (f);

  if (size == -1)
    report_error ("%s: cannot get the size: %m", f->name);
  return size;
}

/* asprintf that preserves errno and returns NULL when there is no memory. */
static char *REPORT_PRINTF
format (const char *fmt, ...)
{
  int saved = errno, r;
  va_list args;
  char *text;

  va_start (args, fmt);
  r = vasprintf (&text, fmt, args);
  va_end (args);
  errno = saved;
  return r == -1 ? NULL : text;
}

static void
report_problem (const struct file *f, char *problem)
{
  report_error ("%s", problem ? problem : f->name);
  cleanup_free (&problem);
}

static char *
read_problem (const struct file *f, size_t count, uint64_t offset)
{
  return format ("%s: cannot read %zu bytes at offset %" PRIu64 ": %m", f->name,
                 count, offset);
}

int64_t
file_pread_some (struct file *f, void *buf, size_t count, uint64_t offset)
{
  int64_t n = f->ops->pread (f, buf, count, offset);

  if (n == -1)
    report_problem (f, read_problem (f, count, offset));
  else
    memset ((char *) buf + n, 0, count - n);
  return n;
}

int
file_pread_quietly (struct file *f, void *buf, size_t count, uint64_t offset,
                    char **problem)
{
  int64_t n = f->ops->pread (f, buf, count, offset);

  if (n == -1) {
    *problem = read_problem (f, count, offset);
    return -1;
  }
  if ((uint64_t) n < count) {
    *problem = format ("%s: expected %zu bytes at offset %" PRIu64
                       ", but the file has only %" PRId64
                       ": it was truncated, or copied incompletely",
                       f->name, count, offset, f->ops->size (f));
    errno = EIO;
    return -1;
  }
  return 0;
}

int
file_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  char *problem;

  if (file_pread_quietly (f, buf, count, offset, &problem) == 0)
    return 0;
  report_problem (f, problem);
  return -1;
}

uint64_t
file_hole_end (struct file *f, uint64_t offset, uint64_t limit)
{
  return f->ops->hole_end ? f->ops->hole_end (f, offset, limit) : offset;
}

uint64_t
file_data_end (struct file *f, uint64_t offset, uint64_t limit)
{
  return f->ops->data_end ? f->ops->data_end (f, offset, limit) : limit;
}

void
file_prefetch (struct file *f, uint64_t offset, uint64_t count)
{
  if (f->ops->prefetch)
    f->ops->prefetch (f, offset, count);
}

void
file_write_back (struct file *f, uint64_t offset, uint64_t count)
{
  if (f->ops->write_back)
    f->ops->write_back (f, offset, count);
}

/* ---- changes ---- */

/* Call this when a change has been made, or may have been made in part: were
 * it called before, a sync between the two would forget that one is due.
 */
static void
changed (struct file *f)
{
  __atomic_store_n (&f->unsynced, true, __ATOMIC_SEQ_CST);
}

int
file_pwrite_parts (struct file *f, const struct file_part *parts, unsigned n,
                   uint64_t offset)
{
  size_t count = 0;
  unsigned i;
  int r;

  assert (f->writable && n <= MAX_PARTS);
  for (i = 0; i < n; ++i)
    count += parts[i].count;
  if (count == 0)
    return 0;
  r = f->ops->pwrite (f, parts, n, offset);
  changed (f);
  if (r == -1)
    report_error ("%s: cannot write %zu bytes at offset %" PRIu64 ": %m",
                  f->name, count, offset);
  return r;
}

int
file_pwrite (struct file *f, const void *buf, size_t count, uint64_t offset)
{
  const struct file_part part = { buf, count };

  return file_pwrite_parts (f, &part, 1, offset);
}

static int
write_zeroes (struct file *f, uint64_t offset, uint64_t count)
{
  static const unsigned char zeroes[64 * 1024];

  while (count > 0) {
    struct file_part parts[MAX_PARTS];
    uint64_t done = 0;
    unsigned n;

    for (n = 0; n < MAX_PARTS && done < count; ++n) {
      parts[n].bytes = zeroes;
      parts[n].count = min_u64 (sizeof zeroes, count - done);
      done += parts[n].count;
    }
    if (file_pwrite_parts (f, parts, n, offset) == -1)
      return -1;
    offset += done;
    count -= done;
  }
  return 0;
}

int
file_zero (struct file *f, uint64_t offset, uint64_t count, bool punch)
{
  int r;

  assert (f->writable);
  if (count == 0)
    return 0;
  r = f->ops->zero (f, offset, count, punch);
  if (r == -1 && errno == EOPNOTSUPP)
    return write_zeroes (f, offset, count);
  changed (f);
  if (r == -1)
    report_error ("%s: cannot zero %" PRIu64 " bytes at offset %" PRIu64 ": %m",
                  f->name, count, offset);
  return r;
}

bool
file_zero_is_fast (struct file *f, bool punch)
{
  return f->writable && f->ops->zero_is_fast && f->ops->zero_is_fast (f, punch);
}

int
file_truncate (struct file *f, uint64_t size)
{
  int r;

  assert (f->writable);
  r = f->ops->truncate (f, size);
  changed (f);
  if (r == -1)
    report_error ("%s: cannot change the size to %" PRIu64 " bytes: %m",
                  f->name, size);
  return r;
}

/* With the mutex held.  The host tells of a failure once, and the next sync may
 * "succeed" without what was lost.
 */
static int
sync_or_check (struct file *f, int (*op) (struct file *f))
{
  if (f->sync_errno == 0 && op (f) == 0)
    return 0;
  if (f->sync_errno == 0)
    f->sync_errno = errno ? errno : EIO;
  changed (f);
  errno = f->sync_errno;
  report_error ("%s: cannot make changes durable: %m", f->name);
  return -1;
}

int
file_sync (struct file *f)
{
  LOCK_FOR_SCOPE (&f->mutex);

  /* Only under the mutex does false mean that the sync has ended too. */
  if (!__atomic_exchange_n (&f->unsynced, false, __ATOMIC_SEQ_CST))
    return 0;
  return sync_or_check (f, f->ops->sync);
}

int
file_check (struct file *f)
{
  if (f->ops->check == NULL)
    return file_sync (f);
  {
    LOCK_FOR_SCOPE (&f->mutex);

    return sync_or_check (f, f->ops->check);
  }
}

/* ---- replacing ---- */

struct file *
file_create_beside (struct file *f)
{
  LOCK_FOR_SCOPE (&f->mutex); /* the new file is locked as F is */

  assert (f->writable);
  if (f->ops->create_beside == NULL) {
    errno = EOPNOTSUPP;
    return NULL;
  }
  return f->ops->create_beside (f);
}

int
file_replace (struct file *f, struct file *by)
{
  assert (f->writable && by->ops == f->ops);
  /* Else a crash could leave the name with a file that has lost its content. */
  assert (!__atomic_load_n (&by->unsynced, __ATOMIC_SEQ_CST));
  return f->ops->replace (f, by);
}

void
file_discard (struct file *by)
{
  int saved = errno;

  if (by)
    by->ops->discard (by);
  errno = saved;
  file_close (by);
}

/* ---- locks ---- */

const char *
file_spoilt (struct file *f, bool changed, bool now)
{
  return f->ops->spoilt ? f->ops->spoilt (f, changed, now) : NULL;
}

int
file_lock (struct file *f, enum file_lock lock)
{
  LOCK_FOR_SCOPE (&f->mutex);

  return f->ops->lock ? f->ops->lock (f, lock) : 0;
}

/* ---- the end ---- */

void
file_close (struct file *f)
{
  int saved = errno;

  if (f)
    f->ops->close (f);
  errno = saved;
}

void
cleanup_file_close (struct file **f)
{
  file_close (*f);
}

bool
file_id_equal (struct file_id a, struct file_id b)
{
  return a.device == b.device && a.inode == b.inode;
}
