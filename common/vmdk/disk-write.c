/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing to a disk, which is to say to its top link: whether it may be written
 * to at all, and requests split into its extents.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "disk.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "writing.h"

/* As much as a cache of the usual size makes it. */
#define MAX_GARBAGE (DISK_CACHE_SIZE / 2)

enum decision { UNDECIDED, READ_ONLY, WRITABLE };

struct writer {
  struct writing writing;
  bool no_locks;

  pthread_mutex_t lock; /* guards the decision, and is held while it is made */
  enum decision decision; /* atomic for readers */
  char *in_use;           /* who else uses the disk, or NULL; set at open */
};

uint64_t
disk_enter (struct disk *d)
{
  return d->writer ? epoch_enter (&d->writer->writing.epochs) : 0;
}

void
disk_leave (struct disk *d, uint64_t entered)
{
  if (d->writer)
    epoch_leave (&d->writer->writing.epochs, entered);
}

/* ---- the links below ---- */

int
disk_read_below (struct disk *d, void *buf, size_t count, uint64_t offset)
{
  stats_add (STATS_COPIED_UP, 1, count);
  return disk_read_from (d, 1, buf, count, offset);
}

int
disk_is_zero_below (struct disk *d, uint64_t offset, uint64_t *length)
{
  struct run run = { .quiet = false };
  struct disk_cursor c;

  memset (&c, 0, d->n_links * sizeof c.silent_until[0]);
  if (disk_map_from (d, 1, offset, *length, &c, &run) == -1)
    return -1;
  *length = run.length;
  return run.state == RUN_ZERO;
}

/* ---- flushing ---- */

/* To flush into a file that has lost its name to another helps nobody. */
static int
flush_extent (struct link *top, struct extent *e, bool end)
{
  if (!__atomic_load_n (&e->changed, __ATOMIC_ACQUIRE))
    return 0;
  if (link_check_extent (top, e, LINK_CHECK_NOW) == -1 ||
      writing_check_descriptor (e->writing) == -1)
    return -1;
  return end && e->driver->write_out ? e->driver->write_out (e)
                                     : e->driver->flush (e);
}

/* END: what finish_extents will make durable needs not be. */
static int
flush_extents (struct disk *d, bool end)
{
  struct link *top = d->links[0];
  size_t i;

  if (writing_check (&d->writer->writing) == -1)
    return -1;
  for (i = 0; i < top->n_extents; ++i)
    if (flush_extent (top, &top->extents[i], end) == -1)
      return -1;
  return 0;
}

/* ---- opening and closing ---- */

static bool
is_writable_extent (const struct extent *e)
{
  return e->driver->write != NULL && e->access == ACCESS_RW;
}

int
disk_open_writer (struct disk *d, const struct disk_options *options)
{
  CLEANUP_FREE char *in_use = NULL;
  struct writer *w = NULL;

  if (options->writable) {
    w = calloc (1, sizeof *w);
    if (w == NULL) {
      report_error ("%s: %m", d->links[0]->file->name);
      return -1;
    }
    w->no_locks = options->no_locks;
    w->writing.disk = d;
    w->writing.child = d->n_links > 1;
    w->writing.no_zeroed_grains = options->no_zeroed_grains;
    w->writing.max_dirty = options->cache_size / 4;
    w->writing.n_extents = d->links[0]->n_extents;
    w->writing.max_held = options->cache_size / 4;
    w->writing.max_garbage = min_u64 (MAX_GARBAGE, options->cache_size / 2);
    w->writing.stream_close = options->stream_close;
    w->writing.edit = d->links[0]->edit;
    w->writing.descriptor = d->links[0]->file;
    pthread_mutex_init (&w->writing.lock, NULL);
    pthread_mutex_init (&w->lock, NULL);
    d->writer = w;
    if (d->links[0]->why_not == NULL && d->cid_ignored)
      d->links[0]->why_not = "check-cid=false lets a parent be used that may "
                             "not be the right one";
    if (d->links[0]->why_not == NULL && options->single_link &&
        d->links[0]->has_parent)
      d->links[0]->why_not = "single-link=true leaves its parents out, without "
                             "which parts of grains cannot be written";
  }
  if (disk_lock_for_reading (d, options, &in_use) == -1)
    return -1;
  if (w)
    w->in_use = TAKE (in_use);
  return 0;
}

/* Leave the extents as if closed cleanly: those that were changed, and, if the
 * disk was, those that an earlier crash has left unclean and that were checked
 * since.  *LOST becomes true if what was not flushed may be missing.
 */
static int
finish_extents (struct disk *d, bool *lost)
{
  const bool disk_changed = d->writer->writing.identity_changed;
  struct link *top = d->links[0];
  bool changed;
  int r = 0;
  size_t i;

  for (i = 0; i < top->n_extents; ++i) {
    struct extent *e = &top->extents[i];

    if (e->driver->finish == NULL || !is_writable_extent (e) ||
        !(e->changed ||
          (e->unclean && (disk_changed || e->driver->finish_unclean))))
      continue;
    changed = e->changed;
    if (e->driver->finish (e) == -1) {
      r = -1;
      *lost |= changed && e->driver->write_out;
    }
  }
  return r;
}

int
disk_close_writer (struct disk *d)
{
  struct writer *w = d->writer;
  bool lost;
  int r = 0;

  if (w == NULL)
    return 0;
  if (w->decision == WRITABLE) {
    r = flush_extents (d, true);
    lost = r == -1;
    if (r == 0)
      r = finish_extents (d, &lost);
    if (lost)
      report_warning ("%s: the disk was NOT closed properly: what clients had "
                      "written and not flushed may be missing in it; see to "
                      "what the message before this one says, and write it "
                      "again",
                      d->links[0]->file->name);
  }
  pthread_mutex_destroy (&w->writing.lock);
  pthread_mutex_destroy (&w->lock);
  free (w->in_use);
  free (TAKE (d->writer));
  return r;
}

/* ---- the decision ---- */

static enum decision
read_only (const struct disk *d, const char *why_not)
{
  report_warning ("%s: the disk can only be read, since %s",
                  d->links[0]->file->name, why_not);
  return READ_ONLY;
}

/* Look at the metadata of the extents.  Returns -1, reported. */
static int
check_extents (struct disk *d, struct writer *w, enum decision *decision)
{
  struct link *top = d->links[0];
  size_t i;

  for (i = 0; i < top->n_extents; ++i) {
    struct extent *e = &top->extents[i];
    CLEANUP_FREE char *problem = NULL;
    CLEANUP_FREE char *why_not = NULL;

    if (!is_writable_extent (e))
      continue;
    e->writing = &w->writing;
    if (e->driver->start_writing == NULL ||
        e->driver->start_writing (e, &w->writing, &problem) == 0)
      continue;
    if (problem == NULL)
      return -1;
    if (asprintf (&why_not,
                  "%s is damaged: %s; writing could damage more, so copy the "
                  "disk to a new one",
                  e->file->name, problem) == -1)
      why_not = NULL;
    *decision = read_only (d, why_not ? why_not : problem);
    return 0;
  }
  *decision = WRITABLE;
  return 0;
}

static int
decide (struct disk *d, struct writer *w, enum decision *decision)
{
  struct link *top = d->links[0];
  int r;

  if (top->why_not != NULL) {
    *decision = read_only (d, top->why_not);
    return 0;
  }
  if (disk_lock_for_writing (d, w->no_locks, w->in_use) == -1)
    return -1;
  r = check_extents (d, w, decision);
  if (*decision != WRITABLE && !w->no_locks)
    disk_lower_locks (d);
  return r;
}

int
disk_start_writing (struct disk *d)
{
  struct writer *w = d->writer;
  enum decision decision = UNDECIDED;
  LOCK_FOR_SCOPE (&w->lock);

  if (w->decision == UNDECIDED) {
    if (decide (d, w, &decision) == -1)
      return -1;
    w->decision = decision;
  }
  return w->decision == WRITABLE;
}

/* ---- requests ---- */

/* Can all that [OFFSET, OFFSET + COUNT) is in be written to?  ZERO: a ZERO
 * extent reads as zeroes already.
 */
static int
check_request (struct disk *d, uint64_t count, uint64_t offset, bool zero)
{
  struct link *top = d->links[0];
  const uint64_t end = offset + count;
  const struct extent *e;

  if (writing_check (&d->writer->writing) == -1)
    return -1;
  for (; offset < end; offset = e->start + e->length) {
    e = link_find_extent (top, offset);
    if (link_check_extent (top, e, 0) == -1)
      return -1;
    if (is_writable_extent (e) ||
        (zero && e->driver == &extent_zero && e->access == ACCESS_RW))
      continue;
    report_error ("%s: cannot write at offset %" PRIu64 " of the disk: that is "
                  "in %s",
                  top->file->name, offset,
                  e->access == ACCESS_RW ? "a ZERO extent, which nothing is "
                                           "behind"
                  : e->access == ACCESS_RDONLY
                    ? "an extent that the descriptor marks RDONLY"
                    : "an extent that the descriptor marks NOACCESS");
    errno = e->access == ACCESS_RW ? EIO : EPERM;
    return -1;
  }
  return 0;
}

typedef int (*part_fn) (struct extent *e, const char *buf, uint64_t count,
                        uint64_t offset, unsigned flags);

/* Call FN for the part of the request in each extent: the one splitter. */
static int
for_each_part (struct disk *d, const void *buf, uint64_t count, uint64_t offset,
               unsigned flags, part_fn fn)
{
  const char *p = buf;
  uint64_t n, at;
  int r = 0;

  for (; r == 0 && count > 0; count -= n, offset += n) {
    struct extent *e = link_find_extent (d->links[0], offset);

    at = offset - e->start;
    n = min_u64 (count, e->length - at);
    r = fn (e, p, n, at, flags);
    if (p != NULL)
      p += n;
  }
  return r;
}

/* Before the request is inside, so that what this frees is free for it. */
static int
relieve_part (struct extent *e, const char *buf, uint64_t count,
              uint64_t offset, unsigned flags)
{
  (void) count;
  (void) offset;
  (void) flags;
  return e->driver->relieve && is_writable_extent (e)
           ? e->driver->relieve (e, buf != NULL)
           : 0;
}

static int
write_part (struct extent *e, const char *buf, uint64_t count, uint64_t offset,
            unsigned flags)
{
  (void) flags;
  return e->driver->write (e, buf, count, offset);
}

static int
zero_part (struct extent *e, const char *buf, uint64_t count, uint64_t offset,
           unsigned flags)
{
  (void) buf;
  if (e->driver->zero == NULL) /* a ZERO extent */
    return 0;
  return e->driver->zero (e, count, offset, flags & DISK_FREE);
}

/* Returns 1 to stop, since it is not quick. */
static int
is_slow (struct extent *e, const char *buf, uint64_t count, uint64_t offset,
         unsigned flags)
{
  int r;

  (void) buf;
  if (e->driver->zero == NULL)
    return 0;
  r = e->driver->zero_is_quick (e, count, offset, flags & DISK_FREE);
  return r == -1 ? -1 : !r;
}

/* One request from beginning to end. */
static int
change (struct disk *d, const void *buf, uint64_t count, uint64_t offset,
        unsigned flags, part_fn fn)
{
  const struct writing *w = &d->writer->writing;
  uint64_t entered;
  int r = 0;

  if (for_each_part (d, buf, count, offset, 0, relieve_part) == -1)
    return -1;
  entered = disk_enter (d);
  if (flags & DISK_QUICK)
    r = for_each_part (d, NULL, count, offset, flags, is_slow);
  if (r == 1) {
    errno = EOPNOTSUPP;
    r = -1;
  }
  else if (r == 0)
    r = for_each_part (d, buf, count, offset, flags, fn);
  disk_leave (d, entered);
  if (r == 0 && (flags & DISK_SYNC)) {
    stats_count (STATS_WITH_SYNC);
    r = flush_extents (d, false);
  }
  /* This may have been the last request here, and there are many extents. */
  else if (r == 0 &&
           __atomic_load_n (&w->dirty_bytes, __ATOMIC_RELAXED) > w->max_dirty)
    r = for_each_part (d, NULL, count, offset, 0, relieve_part);
  return r;
}

int
disk_pwrite (struct disk *d, const void *buf, uint32_t count, uint64_t offset,
             unsigned flags)
{
  stats_add (STATS_WRITE, 1, count);
  if (check_request (d, count, offset, false) == -1)
    return -1;
  return change (d, buf, count, offset, flags & DISK_SYNC, write_part);
}

int
disk_zero (struct disk *d, uint32_t count, uint64_t offset, unsigned flags)
{
  stats_add (flags & DISK_FREE ? STATS_ZERO_FREE : STATS_ZERO_KEEP, 1, count);
  if (check_request (d, count, offset, true) == -1)
    return -1;
  return change (d, NULL, count, offset, flags, zero_part);
}

int
disk_flush (struct disk *d)
{
  stats_count (STATS_FLUSH);
  return flush_extents (d, false);
}
