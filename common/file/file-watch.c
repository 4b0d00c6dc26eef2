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
#include <stdlib.h>
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

/* The name of FD's file, free of symbolic links; NULL if the host does not
 * tell, or has no memory.
 */
static char *
path_of (int fd)
{
  char link[40], path[PATH_MAX];
  ssize_t n;

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, sizeof path - 1);
  if (n <= 0 || path[0] != '/')
    return NULL;
  path[n] = '\0';
  return strdup (path);
}

void
file_posix_watch (struct posix_file *p, const struct stat *st)
{
  struct watch *w = &p->watch;

  w->path = path_of (p->fd);
  w->modified = st->st_mtim;
  w->status = st->st_ctim;
  w->size = w->least = st->st_size;
  w->looked = milliseconds ();
}

void
file_posix_unwatch (struct posix_file *p)
{
  free (p->watch.path);
}

void
file_posix_touch (struct posix_file *p)
{
  /* Before the change, so that whoever sees its time stamp sees this too. */
  if (!__atomic_load_n (&p->watch.touched, __ATOMIC_RELAXED))
    __atomic_store_n (&p->watch.touched, true, __ATOMIC_SEQ_CST);
}

void
file_posix_shrink (struct posix_file *p, uint64_t size)
{
  uint64_t least = __atomic_load_n (&p->watch.least, __ATOMIC_RELAXED);

  while (size < least &&
         !__atomic_compare_exchange_n (&p->watch.least, &least, size, true,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
    continue;
}

void
file_posix_grow (struct posix_file *p, uint64_t size)
{
  uint64_t least = __atomic_load_n (&p->watch.least, __ATOMIC_RELAXED);

  while (size > least &&
         !__atomic_compare_exchange_n (&p->watch.least, &least, size, true,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    continue;
}

/* Is another file where P was?  Not if there is none, or a link to P. */
static bool
is_replaced (const struct posix_file *p)
{
  struct stat st;

  return p->watch.path != NULL && stat (p->watch.path, &st) == 0 &&
         !file_id_equal ((struct file_id){ st.st_dev, st.st_ino }, p->file.id);
}

/* A backup program that restores the time stamps, but not to the nanosecond,
 * has changed nothing.
 */
static bool
same_time (struct timespec now, struct timespec then)
{
  return now.tv_sec == then.tv_sec &&
         (now.tv_nsec == then.tv_nsec || now.tv_nsec == 0 ||
          now.tv_nsec == then.tv_nsec / 1000 * 1000);
}

static unsigned
look (const struct posix_file *p)
{
  const struct watch *w = &p->watch;
  /* Before the size, since it grows after the file has. */
  const uint64_t least = __atomic_load_n (&w->least, __ATOMIC_SEQ_CST);
  unsigned found = 0;
  struct stat st;

  if (fstat (p->fd, &st) == -1)
    return 0; /* reading will tell */
  /* Losing or changing a name changes the status too. */
  if ((st.st_ctim.tv_sec != w->status.tv_sec ||
       st.st_ctim.tv_nsec != w->status.tv_nsec) &&
      is_replaced (p))
    found |= REPLACED;
  if ((uint64_t) st.st_size < least &&
      (uint64_t) st.st_size < __atomic_load_n (&w->least, __ATOMIC_SEQ_CST))
    found |= CUT_OFF;
  if (!__atomic_load_n (&w->touched, __ATOMIC_SEQ_CST) &&
      (!same_time (st.st_mtim, w->modified) ||
       (uint64_t) st.st_size != w->size))
    found |= CHANGED;
  return found;
}

/* Unless it is to be NOW, only one thread looks, when it is time. */
static unsigned
look_now_and_then (struct posix_file *p, bool now)
{
  const uint64_t time = milliseconds ();
  uint64_t looked = __atomic_load_n (&p->watch.looked, __ATOMIC_RELAXED);

  if (!now &&
      (time - looked < 1000 / FILE_LOOKS_PER_SECOND ||
       !__atomic_compare_exchange_n (&p->watch.looked, &looked, time, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
    return __atomic_load_n (&p->watch.found, __ATOMIC_RELAXED);
  return __atomic_or_fetch (&p->watch.found, look (p), __ATOMIC_RELAXED);
}

const char *
file_posix_spoilt (struct file *f, bool changed, bool now)
{
  const unsigned found = look_now_and_then ((struct posix_file *) f, now);

  if (found & REPLACED)
    return "another file has taken its name since it was opened";
  if (found & CUT_OFF)
    return "another program has cut it off since it was opened";
  if (changed && (found & CHANGED))
    return "another program has changed it since it was opened";
  return NULL;
}
