/* SPDX-License-Identifier: BSD-3-Clause */
/* What other programs do to a file that is open here: see file_spoilt.
 *
 * Tables of a disk are kept in memory, and a link below the top one is taken
 * for what it was when the chain was opened.  So when somebody writes to such a
 * file behind our back, or puts another one in its place, what is served would
 * be neither the old content nor the new one.  Nothing can prevent that where
 * locks are not respected; but it can be noticed.
 */

#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file-posix.h"

enum { REPLACED = 1, CUT_OFF = 2, CHANGED = 4 };

static uint64_t
milliseconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &t);
  return (uint64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
file_posix_watch (struct posix_file *p, const struct stat *st)
{
  p->watch.modified = st->st_mtim;
  p->watch.names = st->st_nlink;
  p->watch.least = st->st_size;
  p->watch.looked = milliseconds ();
}

void
file_posix_touch (struct posix_file *p, uint64_t size)
{
  struct watch *w = &p->watch;

  /* Before the change, so that whoever sees its time stamp sees this too. */
  if (!__atomic_load_n (&w->touched, __ATOMIC_RELAXED))
    __atomic_store_n (&w->touched, true, __ATOMIC_SEQ_CST);
  if (size < __atomic_load_n (&w->least, __ATOMIC_RELAXED))
    __atomic_store_n (&w->least, size, __ATOMIC_SEQ_CST);
}

/* The name by which P was opened is gone; has another file got it?  If the
 * host does not tell, no.
 */
static bool
is_replaced (const struct posix_file *p)
{
  static const char mark[] = " (deleted)";
  char link[40], path[PATH_MAX];
  struct stat st;
  ssize_t n;

  snprintf (link, sizeof link, "/proc/self/fd/%d", p->fd);
  n = readlink (link, path, sizeof path - 1);
  if (n < (ssize_t) sizeof mark)
    return false;
  path[n] = '\0';
  n -= sizeof mark - 1;
  if (strcmp (path + n, mark) != 0)
    return false;
  path[n] = '\0';
  return lstat (path, &st) == 0;
}

static bool
same_time (struct timespec a, struct timespec b)
{
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static unsigned
look (const struct posix_file *p)
{
  const struct watch *w = &p->watch;
  unsigned found = 0;
  struct stat st;

  if (fstat (p->fd, &st) == -1)
    return 0; /* reading will tell */
  if (st.st_nlink < w->names && is_replaced (p))
    found |= REPLACED;
  if ((uint64_t) st.st_size < __atomic_load_n (&w->least, __ATOMIC_SEQ_CST))
    found |= CUT_OFF;
  if (!__atomic_load_n (&w->touched, __ATOMIC_SEQ_CST) &&
      !same_time (st.st_mtim, w->modified))
    found |= CHANGED;
  return found;
}

/* Only one thread looks at a time. */
static unsigned
look_now_and_then (struct posix_file *p)
{
  const uint64_t now = milliseconds ();
  uint64_t looked = __atomic_load_n (&p->watch.looked, __ATOMIC_RELAXED);

  if (now - looked < 1000 / FILE_LOOKS_PER_SECOND ||
      !__atomic_compare_exchange_n (&p->watch.looked, &looked, now, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return __atomic_load_n (&p->watch.found, __ATOMIC_RELAXED);
  return __atomic_or_fetch (&p->watch.found, look (p), __ATOMIC_RELAXED);
}

const char *
file_posix_spoilt (struct file *f, bool changed)
{
  const unsigned found = look_now_and_then ((struct posix_file *) f);

  if (found & REPLACED)
    return "another file has taken its name since it was opened";
  if (!changed)
    return NULL;
  if (found & CUT_OFF)
    return "another program has cut it off since it was opened";
  if (found & CHANGED)
    return "another program has changed it since it was opened";
  return NULL;
}
