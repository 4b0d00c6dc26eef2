/* SPDX-License-Identifier: BSD-3-Clause */
/* What must be true of failures, and of reading: see check.h.
 *
 * A disk may state a capacity of 2^63 bytes, and have a run for each sector of
 * it.  So all of a small disk is read, and of others the first runs, each at
 * its beginning and its end.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "run.h"
#include "test.h"

#define MAX_RUNS 200       /* that are looked at */
#define PART     4096      /* bytes that are read of each end of a run */
#define SMALL    (1 << 20) /* bytes of a disk that is read as a whole */
#define STEP     (4 << 20) /* bytes of a request in front of what failed */

void
check_failed (const char *file, int line, const char *what)
{
  fprintf (stderr, "%s:%d: this does not hold: %s\nerrors:\n%swarnings:\n%s",
           file, line, what, errors (), warnings ());
  abort ();
}

void
check_result (bool failed)
{
  const int saved = errno;

  HOLDS (n_errors () == failed);
  HOLDS (!failed || saved != 0);
  reports_forget ();
  errno = saved;
}

/* ---- excuses ---- */

void
excuses_begin (struct excuses *x)
{
  x->refused = x->host->refused;
}

void
check_call (const struct excuses *x, bool failed)
{
  check_result (failed);
  HOLDS (!failed || x->image || x->host->refused > x->refused);
}

static bool
is_writable (const struct extent *e)
{
  return e->access == ACCESS_RW && e->driver != &extent_zero &&
         e->driver != &extent_noaccess;
}

static bool
all_writable (const struct disk *d, uint64_t offset, uint64_t count)
{
  const uint64_t end = offset + count;
  const struct extent *e;

  for (; offset < end; offset = e->start + e->length) {
    e = link_find_extent (d->links[0], offset);
    if (!is_writable (e))
      return false;
  }
  return true;
}

void
check_change (const struct excuses *x, const struct disk *d, uint64_t offset,
              uint64_t count, bool failed)
{
  if (failed && !all_writable (d, offset, count))
    check_result (true);
  else
    check_call (x, failed);
}

bool
check_below (struct disk *d, uint64_t offset, uint32_t count)
{
  unsigned char buf[PART];
  int r = 0;

  HOLDS (count <= PART);
  if (d->n_links > 1)
    r = disk_read_from (d, 1, buf, count, offset);
  check_result (r == -1);
  return r == -1;
}

/* ---- one range ---- */

/* Read it, twice; the same result, or -1. */
static int
read_twice (struct disk *d, unsigned char *buf, uint32_t count, uint64_t offset)
{
  unsigned char *again = malloc (count);
  int r, r2;

  HOLDS (again != NULL);
  memset (buf, 0x55, count);
  memset (again, 0xaa, count);
  errno = 0;
  r = disk_pread (d, buf, count, offset);
  check_result (r == -1);
  r2 = disk_pread (d, again, count, offset);
  check_result (r2 == -1);
  HOLDS (r == r2);
  HOLDS (r == -1 || memcmp (buf, again, count) == 0);
  free (again);
  return r;
}

/* Does RUN, which begins at OFFSET of D, read as it says? */
static void
check_part (struct disk *d, const struct run *run, uint64_t offset,
            uint64_t skip, uint32_t count)
{
  unsigned char buf[PART], direct[PART];
  const int r = read_twice (d, buf, count, offset + skip);
  int r2;

  switch (run->state) {
  case RUN_ZERO: HOLDS (r == 0 && is_all_zero (buf, count)); break;
  case RUN_DATA:
    r2 = file_pread (run->file, direct, count, run->at + skip);
    check_result (r2 == -1);
    HOLDS (r == r2);
    HOLDS (r == -1 || memcmp (buf, direct, count) == 0);
    break;
  case RUN_PACKED: break;
  case RUN_HOLE: HOLDS (!"a disk has no holes");
  }
}

static void
check_run (struct disk *d, const struct run *run, uint64_t offset,
           uint64_t length)
{
  const uint32_t count = min_u64 (run->length, PART);

  HOLDS (run->length >= 1 && run->length <= length);
  HOLDS ((run->state == RUN_DATA) <= (run->file != NULL));
  check_part (d, run, offset, 0, count);
  if (run->length > PART)
    check_part (d, run, offset, run->length - count, count);
}

/* ---- block status ---- */

struct parts {
  struct disk *disk;
  uint64_t at, end; /* where the next one begins, where the last one ends */
  bool any, zero;   /* there was one, and what it said */
  unsigned n;
};

static int
check_status_part (void *opaque, uint64_t offset, uint64_t length, bool zero)
{
  struct parts *p = opaque;
  unsigned char buf[PART];
  const uint32_t count = min_u64 (length, PART);

  HOLDS (offset == p->at && length >= 1 && length <= p->end - offset);
  HOLDS (!p->any || p->zero != zero);
  if (zero && p->n < MAX_RUNS) {
    HOLDS (read_twice (p->disk, buf, count, offset) == 0);
    HOLDS (is_all_zero (buf, count));
    HOLDS (read_twice (p->disk, buf, count, offset + length - count) == 0);
    HOLDS (is_all_zero (buf, count));
  }
  p->any = true;
  p->zero = zero;
  p->at += length;
  p->n++;
  return 0;
}

static void
check_status (struct disk *d, uint64_t offset, uint32_t count, bool one)
{
  struct parts p = { .disk = d, .at = offset, .end = offset + count };
  const int r = disk_status (d, count, offset, one, check_status_part, &p);

  check_result (r == -1);
  HOLDS (r == -1 || p.any);
  HOLDS (!one || p.n <= 1);
}

/* ---- the whole disk ---- */

/* Map the disk from the front on, and read around each run. */
static void
check_runs (struct disk *d)
{
  struct disk_cursor c;
  struct run run = { .quiet = false };
  uint64_t offset, skip;
  unsigned n = 0;

  memset (&c, 0, sizeof c);
  for (offset = 0; offset < d->size && n < MAX_RUNS; offset += skip, ++n) {
    const int r = disk_map (d, offset, d->size - offset, &c, &run);

    check_result (r == -1);
    if (r == 0)
      check_run (d, &run, offset, d->size - offset);
    skip = r == 0 ? run.length : min_u64 (PART, d->size - offset);
  }
}

/* Read all of a small disk at once, and in pieces of odd sizes. */
static void
check_whole (struct disk *d)
{
  unsigned char *whole, *piece;
  uint64_t offset, count;
  bool failed = false;
  int r;

  if (d->size > SMALL)
    return;
  whole = malloc (d->size);
  piece = malloc (d->size);
  HOLDS (whole != NULL && piece != NULL);
  r = read_twice (d, whole, d->size, 0);
  for (offset = 0; offset < d->size; offset += count) {
    count = min_u64 (offset % 3 * 20000 + 12345, d->size - offset);
    if (disk_pread (d, piece, count, offset) == -1) {
      check_result (true);
      failed = true;
      continue;
    }
    check_result (false);
    HOLDS (r == -1 || memcmp (whole + offset, piece, count) == 0);
  }
  HOLDS (failed == (r == -1));
  free (whole);
  free (piece);
}

void
check_place (struct disk *d, uint64_t offset, uint32_t count)
{
  unsigned char buf[PART];
  struct disk_cursor c;
  struct run run = { .quiet = false };
  int r;

  memset (&c, 0, sizeof c);
  r = disk_map (d, offset, d->size - offset, &c, &run);
  check_result (r == -1);
  if (r == 0)
    check_run (d, &run, offset, d->size - offset);
  count = min_u64 (min_u64 (max_u64 (count, 1), PART), d->size - offset);
  read_twice (d, buf, count, offset);
  check_status (d, offset, count, false);
}

void
check_reading (struct disk *d)
{
  const uint32_t front = min_u64 (d->size, STEP);
  int r;

  HOLDS (d->size > 0);
  check_runs (d);
  check_whole (d);
  r = disk_prefetch (d, front, 0);
  check_result (r == -1);
  check_status (d, 0, min_u64 (d->size, UINT32_MAX), false);
  check_status (d, 0, front, true);
  check_place (d, d->size - 1, 1);
}
