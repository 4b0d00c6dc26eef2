/* SPDX-License-Identifier: BSD-3-Clause */
/* From directories and tables to runs: hosted sparse extents that are sound,
 * built byte by byte (vmdk-format.md 3.5 to 3.9).
 */

#include <config.h>

#include "disk.h"
#include "file-memory.h"
#include "grain-maps.h"
#include "image.h"
#include "link.h"
#include "test.h"

/* ---- runs of hosted sparse extents ---- */

static void
adjacent_grains_are_one_run_across_tables (void)
{
  struct image i = small_image (384, 1, 1, DATA + 256);
  unsigned g;

  for (g = 100; g < 300; ++g)
    set_gte (&i, g, DATA + g - 100);
  open_image (&i, 0);
  CHECK_RUN (100, 200, RUN_DATA, 200, DATA);
  CHECK_RUN (0, 384, RUN_HOLE, 100, 0);
  CHECK_RUN (127, 257, RUN_DATA, 173, DATA + 27);
  CHECK_RUN (300, 84, RUN_HOLE, 84, 0);
  CHECK_SILENT ();
  close_opened ();
}

static void
grains_that_are_not_adjacent_are_runs_of_their_own (void)
{
  struct image i = small_image (128, 2, 1, DATA + 64);

  set_gte (&i, 0, DATA + 2);
  set_gte (&i, 1, DATA);
  set_gte (&i, 2, DATA + 3); /* one sector from grain 1's end */
  open_image (&i, 0);
  CHECK_RUN (0, 6, RUN_DATA, 2, DATA + 2);
  CHECK_RUN (2, 4, RUN_DATA, 2, DATA);
  CHECK_RUN (4, 2, RUN_DATA, 2, DATA + 3);
  close_opened ();
}

static void
a_run_may_begin_and_end_inside_a_grain (void)
{
  struct image i = small_image (1024, 8, 1, DATA + 64);
  struct run run = { .quiet = false };

  set_gte (&i, 0, DATA + 16);
  set_gte (&i, 1, DATA + 24);
  open_image (&i, 0);
  CHECK_RUN (3, 10, RUN_DATA, 10, DATA + 19);
  CHECK_INT (link_map (opened->links[0], 1000, 17, &run), 0);
  CHECK_INT (run.length, 17);
  CHECK_INT (run.at, (DATA + 16) * S + 1000);
  close_opened ();
}

static void
no_run_is_longer_than_asked (void)
{
  struct image i = small_image (1024, 8, 1, DATA + 64);
  struct run run = { .quiet = false };

  open_image (&i, 0);
  CHECK_INT (link_map (opened->links[0], 5, 1, &run), 0);
  CHECK_INT (run.length, 1);
  close_opened ();
}

static void
zeroed_grains_and_holes_are_told_apart (void)
{
  struct image i = small_image (128, 1, 5, DATA + 64);

  set_gte (&i, 4, 1);
  set_gte (&i, 5, 1);
  set_gte (&i, 6, DATA);
  open_image (&i, 0);
  CHECK_RUN (0, 128, RUN_HOLE, 4, 0);
  CHECK_RUN (4, 124, RUN_ZERO, 2, 0);
  CHECK_RUN (6, 122, RUN_DATA, 1, DATA);
  CHECK_RUN (7, 121, RUN_HOLE, 121, 0);
  close_opened ();
}

static void
zeroed_grains_without_the_flag_read_as_zeroes_with_one_warning (void)
{
  struct image i = small_image (128, 1, 1, DATA + 64);

  set_gte (&i, 0, 1);
  set_gte (&i, 9, 1);
  open_image (&i, 0);
  CHECK_RUN (0, 128, RUN_ZERO, 1, 0);
  CHECK_RUN (9, 1, RUN_ZERO, 1, 0);
  CHECK_INT (n_warnings (), 1);
  CHECK_INT (n_errors (), 0);
  close_opened ();
}

/* 3.4 rule 6. */
static void
the_zeroed_grain_flag_in_version_1_is_warned_about (void)
{
  struct image i = small_image (128, 1, 5, DATA);
  struct image bare = small_image (128, 1, 1, DATA);
  unsigned usual;

  open_image (&bare, 0);
  close_opened ();
  {
    struct dir *dir = image_dir ();

    image_add (dir, "x.vmdk", &i);
    disk_close (image_disk (dir, "x.vmdk"));
    usual = 1; /* "a bare extent" */
    CHECK_INT (n_warnings (), usual + 1);
    CHECK_HAS (warnings (), "version");
    dir_close (dir);
  }
  image_free (&i);
}

static void
absent_tables_are_skipped_in_one_step (void)
{
  /* 5000 tables of 128 sectors, of which two are there. */
  struct hosted h = small_header (640000, 1, 1);
  struct image i = { NULL, 0 };

  h.gd_offset = 100;
  image_hosted (&i, 0, &h);
  image_room (&i, 200 * S);
  image_le32 (&i, 100 * S + 2500 * 4, 180);
  image_le32 (&i, 100 * S + 4999 * 4, 181);
  image_le32 (&i, 181 * S + 127 * 4, 190);
  image_le32 (&i, 180 * S, 191);
  open_image (&i, 0);
  CHECK_RUN (0, 640000, RUN_HOLE, 320000, 0);
  CHECK_RUN (320000, 320000, RUN_DATA, 1, 191);
  CHECK_RUN (320001, 319999, RUN_HOLE, 319998, 0);
  CHECK_RUN (639999, 1, RUN_DATA, 1, 190);
  close_opened ();
}

/* QEMU makes all tables, and writes none. */
static void
tables_in_a_hole_of_the_file_are_skipped_without_reading_them (void)
{
  struct hosted h = small_header (UINT64_C (65536) * 1024, 128, 1);
  struct image i = { NULL, 0 };
  unsigned table;

  h.gtes_per_gt = 512;
  h.gd_offset = 1;
  image_hosted (&i, 0, &h);
  for (table = 0; table < 1024; ++table)
    image_le32 (&i, S + table * 4, 64 + 4 * table);
  image_room (&i, 64 * S);
  open_image (&i, 10 << 20);
  {
    unsigned before = file_memory_reads (opened_file);

    CHECK_RUN (0, UINT64_C (65536) * 1024, RUN_HOLE, UINT64_C (65536) * 1024,
               0);
    /* The directory only: 4 KiB. */
    CHECK (file_memory_reads (opened_file) - before <= 2);
  }
  close_opened ();
}

static void
grains_below_overhead_may_be_used_if_nothing_else_is_there (void)
{
  struct image i = small_image (128, 1, 1, DATA + 64);

  set_gte (&i, 0, 40);
  open_image (&i, 0);
  CHECK_RUN (0, 1, RUN_DATA, 1, 40);
  CHECK_SILENT ();
  close_opened ();
}

/* ---- the last grain: 3.7 ---- */

static void
the_file_may_end_in_the_last_grain_behind_the_capacity (void)
{
  struct image i = small_image (83, 8, 1, DATA + 16 + 3);

  set_gte (&i, 9, DATA);
  set_gte (&i, 10, DATA + 16); /* sectors 80 to 82, the file ends there */
  open_image (&i, 0);
  CHECK_INT (opened->size, 83 * S);
  CHECK_RUN (80, 3, RUN_DATA, 3, DATA + 16);
  CHECK_RUN (72, 8, RUN_DATA, 8, DATA);
  CHECK_SILENT ();
  close_opened ();
}

static void
the_file_may_not_end_before_the_capacity (void)
{
  struct image i = small_image (83, 8, 1, DATA + 16 + 2);

  set_gte (&i, 10, DATA + 16);
  open_image (&i, 0);
  check_bad (80, "beyond the end of the file");
  close_opened ();
}

static void
no_other_grain_may_be_cut_short (void)
{
  struct image i = small_image (83, 8, 1, DATA + 7);

  set_gte (&i, 9, DATA);
  open_image (&i, 0);
  check_bad (72, "beyond the end of the file");
  close_opened ();
}

int
main (void)
{
  RUN (adjacent_grains_are_one_run_across_tables);
  RUN (grains_that_are_not_adjacent_are_runs_of_their_own);
  RUN (a_run_may_begin_and_end_inside_a_grain);
  RUN (no_run_is_longer_than_asked);
  RUN (zeroed_grains_and_holes_are_told_apart);
  RUN (zeroed_grains_without_the_flag_read_as_zeroes_with_one_warning);
  RUN (the_zeroed_grain_flag_in_version_1_is_warned_about);
  RUN (absent_tables_are_skipped_in_one_step);
  RUN (tables_in_a_hole_of_the_file_are_skipped_without_reading_them);
  RUN (grains_below_overhead_may_be_used_if_nothing_else_is_there);
  RUN (the_file_may_end_in_the_last_grain_behind_the_capacity);
  RUN (the_file_may_not_end_before_the_capacity);
  RUN (no_other_grain_may_be_cut_short);
  return test_result ();
}
