/* SPDX-License-Identifier: BSD-3-Clause */
/* Do the links below the top one still hold what they held when the chain was
 * opened?
 *
 * A child says what it holds in terms of its parent's content, so once another
 * program has written to any parent, nothing that comes from below the top link
 * is right any more, whichever file it would come from.  And what is remembered
 * of the parents (chain-index.h) may keep a request from asking the one that
 * has changed.  So all their files are looked at together.
 */

#include <config.h>

#include <errno.h>

#include "disk.h"
#include "report.h"
#include "stats.h"

/* Nanoseconds from one look to the next; and, where there are thousands of
 * files, so many times as long as a look takes.
 */
#define INTERVAL (UINT64_C (1000000000) / FILE_LOOKS_PER_SECOND)
#define PATIENCE 50

/* The first file of L that is spoilt, and how; or NULL.  Whoever changes a
 * parent begins with the content ID in its descriptor, as a rule.
 */
static const char *
find_spoilt_file (const struct link *l, const struct file **file)
{
  const char *what = file_spoilt (l->file, !l->unlocked, false);
  size_t k;

  *file = l->file;
  for (k = 0; k < l->n_extents && what == NULL; ++k) {
    *file = l->extents[k].file;
    what = link_extent_spoilt (l, &l->extents[k], false);
  }
  return what;
}

/* The same for all links below the top one. */
static const char *
find_spoilt (const struct disk *d, const struct file **file)
{
  const char *what = NULL;
  size_t i;

  for (i = 1; i < d->n_links && what == NULL; ++i)
    what = find_spoilt_file (d->links[i], file);
  return what;
}

/* One thread looks, when it is time, until something is found; the others take
 * what is known.
 */
static const char *
look_now_and_then (struct disk *d)
{
  const char *what = __atomic_load_n (&d->spoilt, __ATOMIC_ACQUIRE);
  const uint64_t now = stats_clock ();
  uint64_t next = __atomic_load_n (&d->next_look, __ATOMIC_RELAXED), took;
  const struct file *file = NULL;

  if (what != NULL || now < next ||
      !__atomic_compare_exchange_n (&d->next_look, &next, UINT64_MAX, false,
                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return what;
  what = find_spoilt (d, &file);
  if (what != NULL) { /* and nobody looks any more */
    d->spoilt_file = file;
    __atomic_store_n (&d->spoilt, what, __ATOMIC_RELEASE);
    return what;
  }
  took = stats_clock () - now;
  __atomic_store_n (&d->next_look, now + INTERVAL + PATIENCE * took,
                    __ATOMIC_RELEASE);
  return NULL;
}

int
disk_check_parents (struct disk *d, bool quiet)
{
  const char *what = look_now_and_then (d);

  if (what == NULL)
    return 0;
  if (!quiet)
    link_report_spoilt (d->spoilt_file, what);
  errno = EIO;
  return -1;
}
