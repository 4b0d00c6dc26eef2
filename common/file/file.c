/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of file have in common: error messages, whole reads. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"

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
