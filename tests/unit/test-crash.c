/* SPDX-License-Identifier: BSD-3-Clause */
/* Power failures at every moment: the invariants I1-I10 (docs/architecture.md).
 *
 * A script writes to a disk on a host that logs all changes.  For each prefix
 * of the log, and for losses of what was not synced by then, the disk is opened
 * again and must hold what the model allows, with undamaged tables and, if
 * anything differs from before, with another CID (explore.h).  Those that are
 * stream-optimized have a test of their own, test-crash-stream.c.
 *
 * VMDK_CRASH_SEEDS=N tries N random scripts for each kind of disk, and
 * VMDK_CRASH_EVERY=N every N-th state only.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks.h"
#include "explore.h"
#include "test.h"
#include "walk.h"

#define SEEDS  10 /* random scripts for each kind of disk */
#define LENGTH 24 /* requests of one */

static uint64_t
get_le (const unsigned char *p, unsigned n)
{
  uint64_t v = 0;

  while (n-- > 0)
    v = v << 8 | p[n];
  return v;
}

/* May any of [OFFSET, OFFSET + COUNT) of the file be lost after N changes? */
static bool
may_be_lost (const struct host *h, size_t n, unsigned file, uint64_t offset,
             uint64_t count)
{
  const struct host_change *c;

  while (n-- > 0) {
    c = &h->log[n];
    if (c->file != file)
      continue;
    if (c->operation == HOST_SYNC)
      return false;
    if (c->operation == HOST_WRITE && c->offset < offset + count &&
        offset < c->offset + c->count)
      return true;
  }
  return false;
}

/* I2 cannot be seen in an image: a new table that is lost is all zeroes, which
 * is what it would have said before.  So look at the order of changes.  Returns
 * how many entries of the directory at sector GD were written.
 */
static unsigned
check_directory_writes (const struct test_disk *t, unsigned file, uint64_t gd,
                        uint64_t entries, uint64_t table_bytes)
{
  const struct host *h = t->host;
  unsigned seen = 0;
  uint64_t k, at;
  size_t i;

  for (i = 0; i < h->n_log; ++i)
    for (k = 0; k < entries && h->log[i].operation == HOST_WRITE; ++k) {
      const struct host_change *c = &h->log[i];
      uint64_t table;

      at = gd * 512 + 4 * k;
      if (c->file != file || at < c->offset || at + 4 > c->offset + c->count)
        continue;
      table = get_le (c->bytes + (at - c->offset), 4);
      seen += table != 0;
      if (table != 0)
        CHECK (!may_be_lost (h, i, file, table * 512, table_bytes));
    }
  return seen;
}

/* Run SCRIPT on a disk of the KIND, close it, and explore. */
static void
run (enum disk_kind kind, const char *what, void (*script) (struct test_disk *))
{
  const char *damage;
  struct test_disk t;

  test_disk_make (&t, kind);
  MUST (test_disk_open (&t, true));
  script (&t);
  test_disk_check_content (&t);
  CHECK_INT (test_disk_close (&t), 0);
  CHECK_SILENT ();
  damage = test_disk_walk (&t, t.host, true);
  CHECK_STRING (damage ? damage : "", "");
  explore (&t, what, &explore_usual);
  test_disk_free (&t);
}

#define EXPLORE(kind, script) run (kind, #script, script)

/* ---- scripts ---- */

/* Parts of grains that are in the parent, or nowhere. */
static void
write_parts (struct test_disk *t)
{
  const uint32_t g = t->grain;

  test_disk_write (t, 6 * g + g / 4, g / 3, 0);
  test_disk_write (t, 9 * g - g / 4, g / 2, 0);
  test_disk_flush (t);
  test_disk_write (t, 12 * g + 1, 1, 0);
  test_disk_write (t, t->size - 3, 3, 0);
  test_disk_write (t, 6 * g + g / 4 + 1, g / 2, 0);
}

/* Whole grains at the beginning and the end, some of which are there. */
static void
write_grains (struct test_disk *t)
{
  const uint32_t g = t->grain;
  const uint64_t last = (t->size - 1) / g * g;

  test_disk_write (t, 2 * g, 5 * g, 0);
  test_disk_write (t, last, t->size - last, 0);
  test_disk_flush (t);
  test_disk_write (t, 3 * g, g, 0);
  test_disk_write (t, last - 4 * g, 3 * g, DISK_SYNC);
  test_disk_write (t, 9 * g, 2 * g, 0);
}

/* Give grains up and take them again, before and after a flush. */
static void
trim_and_reuse (struct test_disk *t)
{
  const uint32_t g = t->grain;

  test_disk_write (t, 0, 6 * g, 0);
  test_disk_flush (t);
  test_disk_zero (t, 0, 4 * g, DISK_FREE);
  test_disk_write (t, 20 * g, 3 * g, 0);
  test_disk_write (t, g, g, 0);
  test_disk_flush (t);
  test_disk_write (t, 30 * g, 4 * g, 0);
  test_disk_flush (t);
  test_disk_zero (t, 30 * g, 4 * g, DISK_FREE);
  test_disk_write (t, 24 * g + 5, 2 * g, 0);
  test_disk_flush (t);
  test_disk_write (t, 26 * g, 5 * g + 7, 0);
}

/* Zeroes over what is there, over the parent, and over nothing. */
static void
zero_grains (struct test_disk *t)
{
  const uint32_t g = t->grain;

  test_disk_zero (t, 2 * g, 4 * g, 0);
  test_disk_flush (t);
  test_disk_zero (t, 7 * g + g / 2, 3 * g, DISK_FREE);
  test_disk_write_zeroes (t, 13 * g, 3 * g);
  test_disk_write (t, 3 * g + 9, 30, 0);
  test_disk_flush (t);
  test_disk_zero (t, 3 * g, g, DISK_FREE | DISK_SYNC);
  test_disk_write (t, 4 * g, g, 0);
}

/* Into the ranges of all tables. */
static void
write_everywhere (struct test_disk *t)
{
  uint64_t at;

  for (at = 100; at + 600 < t->size; at += t->size / 7)
    test_disk_write (t, at, 600, 0);
  test_disk_flush (t);
  for (at = 40000; at + t->grain < t->size; at += t->size / 5)
    test_disk_write (t, at / t->grain * t->grain, t->grain, 0);
}

static void
overwrite (struct test_disk *t)
{
  test_disk_write (t, 0, 20000, 0);
  test_disk_flush (t);
  test_disk_write (t, 5000, 3000, 0);
  test_disk_write (t, 5100, 20, DISK_SYNC);
  test_disk_write (t, 4000, 5000, 0);
  test_disk_flush (t);
  test_disk_write (t, 4090, 5, 0);
}

static void
write_at_random (struct test_disk *t)
{
  unsigned i;

  for (i = 0; i < LENGTH; ++i)
    CHECK_INT (test_disk_random_request (t), 0);
}

/* ---- the invariants ---- */

/* Fails if entries are written before the data has been synced. */
static void
i1_an_entry_never_refers_to_data_that_may_be_lost (void)
{
  EXPLORE (DISK_CHILD_OF_FLAT, write_parts);
  EXPLORE (DISK_SPARSE_PLAIN, write_grains);
  EXPLORE (DISK_SPLIT, write_grains);
  EXPLORE (DISK_COWD, write_parts);
}

/* Fails if a directory is written before the new tables have been synced. */
static void
i2_a_directory_never_refers_to_a_table_that_may_be_lost (void)
{
  const unsigned char *header;
  struct test_disk t;

  EXPLORE (DISK_SPARSE_NO_TABLES, write_everywhere);
  EXPLORE (DISK_COWD_NO_TABLES, write_everywhere);

  test_disk_make (&t, DISK_SPARSE_NO_TABLES);
  MUST (test_disk_open (&t, true));
  write_everywhere (&t);
  CHECK_INT (test_disk_close (&t), 0);
  header = t.host->files[0].bytes;
  CHECK (check_directory_writes (&t, 0, get_le (header + 56, 8), 3, 512) > 0);
  CHECK (check_directory_writes (&t, 0, get_le (header + 48, 8), 3, 512) > 0);
  test_disk_free (&t);

  test_disk_make (&t, DISK_COWD_NO_TABLES);
  MUST (test_disk_open (&t, true));
  write_everywhere (&t);
  CHECK_INT (test_disk_close (&t), 0);
  CHECK (check_directory_writes (&t, 1, 4, 2, 16384) > 0);
  test_disk_free (&t);
}

/* Fails if grains are reused as soon as they are given up. */
static void
i3_space_is_reused_only_after_nothing_refers_to_it (void)
{
  EXPLORE (DISK_SPARSE_PLAIN, trim_and_reuse);
  EXPLORE (DISK_CHILD_OF_SPARSE, trim_and_reuse);
}

/* Fails if one of the copies is written without being synced before the space
 * is reused, or before the data is synced.
 */
static void
i4_each_copy_of_the_tables_is_good_by_itself (void)
{
  EXPLORE (DISK_SPARSE, trim_and_reuse);
  EXPLORE (DISK_SPARSE, write_parts);
  EXPLORE (DISK_SPARSE_NO_TABLES, trim_and_reuse);
}

/* Fails if a grain is published before it has the parent's bytes, or with the
 * wrong ones.
 */
static void
i5_a_write_to_part_of_a_grain_leaves_the_rest (void)
{
  EXPLORE (DISK_CHILD_OF_SPARSE, write_parts);
  EXPLORE (DISK_SPLIT, write_parts);
  EXPLORE (DISK_SPARSE_PLAIN, write_parts);
}

/* Fails if a parent is opened or locked for writing. */
static void
i6_parents_never_change (void)
{
  EXPLORE (DISK_CHILD_OF_SPARSE, zero_grains);
  EXPLORE (DISK_COWD_NO_TABLES, zero_grains);
}

/* Fails if the CID is not synced before the first data is written. */
static void
i7_the_content_id_changes_before_the_content (void)
{
  EXPLORE (DISK_FLAT, overwrite);
  EXPLORE (DISK_SPARSE, overwrite);
  EXPLORE (DISK_FLAT, zero_grains);
}

/* Fails if the descriptor is moved, or made anew. */
static void
i8_the_rest_of_the_descriptor_keeps_its_bytes (void)
{
  static const enum disk_kind kinds[] = { DISK_SPARSE, DISK_FLAT };
  const char *old_text, *new_text;
  struct test_disk t;
  uint64_t i, differ;
  unsigned k;

  for (k = 0; k < 2; ++k) {
    const struct host_file *f;

    test_disk_make (&t, kinds[k]);
    MUST (test_disk_open (&t, true));
    write_grains (&t);
    CHECK_INT (test_disk_close (&t), 0);
    f = &t.host->files[0];
    old_text = (char *) f->old_bytes + t.descriptor_at;
    new_text = (char *) f->bytes + t.descriptor_at;
    CHECK_INT (strlen (new_text), strlen (old_text));
    for (i = differ = 0; old_text[i]; ++i)
      differ += new_text[i] != old_text[i];
    CHECK (differ > 0);
    CHECK (differ <= 8 + 32); /* CID and longContentID */
    CHECK_HAS (new_text, disk_unknown_lines);
    CHECK_HAS (new_text, "\nversion=1\nCID=");
    test_disk_free (&t);
  }
}

/* Fails if the disk goes on after a failed sync, or if what was written then
 * comes between what is durable.
 */
static void
i9_a_failed_sync_ends_writing_and_not_reading (void)
{
  static const enum disk_kind kinds[] = { DISK_SPARSE, DISK_CHILD_OF_FLAT,
                                          DISK_COWD, DISK_FLAT };
  struct test_disk t;
  unsigned k, nth;
  bool failed = true;
  int closed;

  for (k = 0; k < 4; ++k)
    for (nth = 1, failed = true; failed; ++nth) {
      test_disk_make (&t, kinds[k]);
      MUST (test_disk_open (&t, true));
      host_set_fault (t.host, (struct host_fault){ .operations = 1 << HOST_SYNC,
                                                   .nth = nth,
                                                   .err = EIO });
      test_disk_write (&t, 100, 9000, 0);
      test_disk_flush (&t);
      test_disk_write (&t, 20000, 9000, 0);
      test_disk_flush (&t);
      test_disk_zero (&t, 0, 8192, DISK_FREE);
      test_disk_flush (&t);
      failed = t.host->faults > 0;
      if (failed) {
        const size_t before = t.host->n_log;

        errno = 0;
        CHECK_INT (test_disk_write (&t, 5000, 100, 0), -1);
        CHECK_INT (errno, EIO);
        CHECK_INT (test_disk_zero (&t, 5000, 8000, 0), -1);
        CHECK_INT (test_disk_flush (&t), -1);
        CHECK_INT (t.host->n_log, before);
        test_disk_check_content (&t);
      }
      closed = test_disk_close (&t);
      failed = t.host->faults > 0;
      CHECK_INT (closed, failed ? -1 : 0);
      explore (&t, "a sync fails", &explore_usual);
      reports_forget ();
      test_disk_free (&t);
    }
}

/* Fails if a flush or a DISK_SYNC returns too early, or if later writes damage
 * what they covered.
 */
static void
i10_what_was_flushed_survives (void)
{
  EXPLORE (DISK_SPARSE, write_grains);
  EXPLORE (DISK_CHILD_OF_FLAT, write_grains);
  EXPLORE (DISK_COWD, write_grains);
  EXPLORE (DISK_COWD_NO_TABLES, trim_and_reuse);
  EXPLORE (DISK_FLAT, overwrite);
}

/* ---- more of them ---- */

static void
zeroed_grains_come_with_a_header_that_allows_them (void)
{
  EXPLORE (DISK_CHILD_OF_FLAT, zero_grains);
  EXPLORE (DISK_SPARSE, zero_grains);
  EXPLORE (DISK_SPLIT, zero_grains);
}

static void
random_scripts_survive (void)
{
  const char *text = getenv ("VMDK_CRASH_SEEDS");
  const unsigned seeds = text ? strtoul (text, NULL, 10) : SEEDS;
  char what[40];
  unsigned seed, kind;

  for (seed = 1; seed <= seeds; ++seed)
    for (kind = 0; kind < DISK_STREAM_EMPTY; ++kind) {
      snprintf (what, sizeof what, "random script %u", seed);
      test_random_seed (seed);
      run (kind, what, write_at_random);
    }
}

int
main (void)
{
  RUN (i1_an_entry_never_refers_to_data_that_may_be_lost);
  RUN (i2_a_directory_never_refers_to_a_table_that_may_be_lost);
  RUN (i3_space_is_reused_only_after_nothing_refers_to_it);
  RUN (i4_each_copy_of_the_tables_is_good_by_itself);
  RUN (i5_a_write_to_part_of_a_grain_leaves_the_rest);
  RUN (i6_parents_never_change);
  RUN (i7_the_content_id_changes_before_the_content);
  RUN (i8_the_rest_of_the_descriptor_keeps_its_bytes);
  RUN (i9_a_failed_sync_ends_writing_and_not_reading);
  RUN (i10_what_was_flushed_survives);
  RUN (zeroed_grains_come_with_a_header_that_allows_them);
  RUN (random_scripts_survive);
  printf ("%lu crash points, %lu images\n", explore_count.points,
          explore_count.images);
  return test_result ();
}
