/* SPDX-License-Identifier: BSD-3-Clause */
/* Who else uses the files of a disk: locks of programs that run, qemu's among
 * them, and the lock directories of VMware's.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "disk.h"
#include "quote.h"
#include "report.h"

/* Who uses the disk, and what to do. */
#define OTHER "another program uses it: end that program"
#define VMWARE                                                                \
  "this lock of VMware's is there: shut the virtual machine down, or remove " \
  "the lock if no machine has the disk any more"

/* The lock is refused for another reason than that somebody has it. */
static int
report_no_lock (const char *name, int err)
{
  errno = err;
  report_error ("%s: cannot lock the file: %m: if no other program uses the "
                "disk, use lock=false",
                name);
  return -1;
}

/* Lock the files of one link.  Returns the one that somebody else's lock
 * protects, or NULL; *ERR is 0 or, with that file, why it cannot be locked.
 */
static struct file *
lock_link (const struct link *l, enum file_lock lock, int *err)
{
  size_t i;

  *err = 0;
  for (i = 0; i < l->files.count; ++i) {
    struct file *f = l->files.items[i];

    if (lock == FILE_LOCK_WRITE && !f->writable)
      continue; /* RDONLY extents; the lock for reading is on them */
    if (file_lock (f, lock) == -1) {
      *err = errno;
      return f;
    }
  }
  return NULL;
}

/* Who reads a disk to rely on it later cannot do with one that changes. */
static int
refuse_busy (const char *name)
{
  report_error ("%s: the disk is in use, and may be changing: end the program "
                "that uses it, or use lock=false if you know better",
                name);
  errno = EBUSY;
  return -1;
}

/* Note that the disk is in use, as NAME shows, unless that is known.  Returns
 * -1, reported.
 */
static int
note_use (const char *name, const char *who, char **in_use)
{
  if (*in_use == NULL && asprintf (in_use,
                                   "%s: the disk is not opened for writing, "
                                   "since %s",
                                   name, who) == -1) {
    *in_use = NULL;
    report_error ("%s: %m", name);
    return -1;
  }
  return 0;
}

/* Keep others from writing to what is read; REFUSE: or do not read it. */
static int
lock_links (struct disk *d, bool refuse, char **in_use)
{
  size_t i;
  int err;

  for (i = 0; i < d->n_links; ++i) {
    struct file *f = lock_link (d->links[i], FILE_LOCK_READ, &err);

    if (f == NULL)
      continue;
    if (err != EAGAIN)
      return report_no_lock (f->name, err);
    if (refuse)
      return refuse_busy (f->name);
    report_warning ("%s: another program is writing to this file, so that what "
                    "is read may be inconsistent",
                    f->name);
    if (note_use (f->name, OTHER, in_use) == -1)
      return -1;
  }
  return 0;
}

/* Workstation's lock: a directory with something in it, beside the descriptor
 * (7.2).
 */
static int
look_for_lock_directory (struct disk *d, const struct disk_options *options,
                         char **in_use)
{
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FREE char *quoted = NULL;
  int held;

  if (options->name == NULL)
    return 0;
  if (asprintf (&name, "%s.lck", options->name) == -1)
    name = NULL;
  else
    quoted = quote (name);
  if (quoted == NULL) {
    report_error ("%s: %m", d->links[0]->file->name);
    return -1;
  }
  held = dir_holds_any (options->places.dirs[0], name);
  if (held == 0)
    return 0;
  if (options->refuse_in_use)
    return refuse_busy (quoted);
  report_warning ("%s: there is a lock of VMware's beside it, %s: a virtual "
                  "machine may be using the disk, so that what is read may be "
                  "inconsistent",
                  d->links[0]->file->name, quoted);
  return note_use (quoted, VMWARE, in_use);
}

/* What was read of the files so far was read without a lock.  If somebody who
 * had it has changed them meanwhile, that is not what they hold now.
 */
static int
check_since_opening (const struct disk *d)
{
  const char *what;
  size_t i, k;

  for (i = 0; i < d->n_links; ++i)
    for (k = 0; k < d->links[i]->n_extents; ++k) {
      const struct extent *e = &d->links[i]->extents[k];

      what = link_extent_spoilt (d->links[i], e, true);
      if (what != NULL) {
        report_error ("%s: %s, a moment ago: open the disk again",
                      e->file->name, what);
        errno = EBUSY;
        return -1;
      }
    }
  return 0;
}

/* Is the disk used without locks, from now on? */
static void
set_unlocked (struct disk *d, bool unlocked)
{
  size_t i;

  for (i = 0; i < d->n_links; ++i)
    d->links[i]->unlocked = unlocked;
}

int
disk_lock_for_reading (struct disk *d, const struct disk_options *options,
                       char **in_use)
{
  *in_use = NULL;
  if (!options->no_locks &&
      (look_for_lock_directory (d, options, in_use) == -1 ||
       lock_links (d, options->refuse_in_use, in_use) == -1))
    return -1;
  set_unlocked (d, options->no_locks || *in_use != NULL);
  return check_since_opening (d);
}

static int
refuse_in_use (const char *in_use)
{
  report_error ("%s; or use nbdkit -r to read all the same, or lock=false if "
                "you know better",
                in_use);
  errno = EBUSY;
  return -1;
}

void
disk_lower_locks (struct disk *d)
{
  int saved = errno, err;

  (void) lock_link (d->links[0], FILE_LOCK_READ, &err); /* cannot fail */
  errno = saved;
}

int
disk_lock_for_writing (struct disk *d, bool no_locks, const char *in_use)
{
  CLEANUP_FREE char *by_other = NULL;
  struct file *f;
  int err;

  if (no_locks) {
    report_warning ("%s: lock=false: if another program uses the disk "
                    "meanwhile, it will be damaged",
                    d->links[0]->file->name);
    return 0;
  }
  if (in_use != NULL)
    return refuse_in_use (in_use);
  f = lock_link (d->links[0], FILE_LOCK_WRITE, &err);
  if (f == NULL)
    return 0;
  disk_lower_locks (d); /* of those that were locked before F */
  if (err == EAGAIN)
    return note_use (f->name, OTHER, &by_other) == -1
             ? -1
             : refuse_in_use (by_other);
  return report_no_lock (f->name, err);
}
