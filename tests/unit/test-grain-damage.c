/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosted sparse extents whose directories and tables are damaged: what they
 * damage is refused and named, and the rest reads (vmdk-format.md 3.5, 3.9).
 */

#include <config.h>

#include <string.h>

#include "grain-maps.h"
#include "image.h"
#include "test.h"

/* ---- damaged entries ---- */

static void
a_damaged_entry_ends_the_run_before_it_and_no_more (void)
{
  struct image i = small_image (128, 1, 1, DATA + 64);

  set_gte (&i, 0, DATA);
  set_gte (&i, 1, DATA + 1);
  set_gte (&i, 2, DATA + 64); /* the end of the file */
  set_gte (&i, 3, DATA + 63);
  set_gte (&i, 127, UINT32_MAX);
  open_image (&i, 0);
  CHECK_RUN (0, 128, RUN_DATA, 2, DATA);
  CHECK_SILENT ();
  check_bad (2, "grain 2");
  CHECK_HAS (errors (), "beyond the end of the file");
  reports_forget ();
  CHECK_RUN (3, 125, RUN_DATA, 1, DATA + 63);
  CHECK_RUN (4, 124, RUN_HOLE, 123, 0);
  CHECK_SILENT ();
  check_bad (127, "grain 127");
  close_opened ();
}

static void
a_grain_in_the_header_is_refused (void)
{
  struct hosted h = small_header (128, 1, 1);
  struct image i = small_image (128, 1, 1, DATA + 64);

  h.descriptor_offset = 40;
  h.descriptor_size = 10;
  image_hosted (&i, 0, &h); /* an area without text: 3.8 */
  set_gte (&i, 0, 49);
  set_gte (&i, 1, 50);
  image_le32 (&i, GD * S, 52); /* tables lie behind it */
  memmove (i.data + 52 * S, i.data + GT (0) * S, S);
  open_image (&i, 0);
  check_bad (0, "header or the descriptor");
  reports_forget ();
  CHECK_RUN (1, 1, RUN_DATA, 1, 50);
  close_opened ();
}

static void
a_grain_in_any_table_or_directory_is_refused (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  set_gte (&i, 0, GD);
  set_gte (&i, 1, RGD);
  set_gte (&i, 2, GT (0));
  set_gte (&i, 3, GT (2));
  set_gte (&i, 4, RGT (1));
  set_gte (&i, 5, GD + 1);
  set_gte (&i, 6, GT (3)); /* free: there are three tables */
  open_image (&i, 0);
  check_bad (0, "lies in a grain table or grain directory");
  check_bad (1, "lies in a grain table or grain directory");
  check_bad (2, "lies in a grain table or grain directory");
  check_bad (3, "lies in a grain table or grain directory");
  check_bad (4, "lies in a grain table or grain directory");
  reports_forget ();
  CHECK_RUN (5, 1, RUN_DATA, 1, GD + 1);
  CHECK_RUN (6, 1, RUN_DATA, 1, GT (3));
  close_opened ();
}

static void
a_grain_partly_in_a_table_is_refused_as_a_whole (void)
{
  struct image i = small_image (1024, 8, 1, DATA + 64);

  set_gte (&i, 0, GT (0) - 8); /* ends where the table begins */
  set_gte (&i, 1, GT (0) - 7);
  set_gte (&i, 2, GT (0) + 1); /* begins where it ends */
  open_image (&i, 0);
  CHECK_RUN (0, 8, RUN_DATA, 8, GT (0) - 8);
  check_bad (8, "lies in a grain table");
  check_bad (15, "lies in a grain table"); /* its last sector too */
  reports_forget ();
  CHECK_RUN (16, 8, RUN_DATA, 8, GT (0) + 1);
  close_opened ();
}

static void
a_run_ends_in_front_of_a_grain_that_lies_in_a_table (void)
{
  struct image i = small_image (128, 1, 1, DATA + 64);
  unsigned g;

  /* Grains 0 to 9 side by side; the fifth lies in the table. */
  for (g = 0; g < 10; ++g)
    set_gte (&i, g, GT (0) - 4 + g);
  open_image (&i, 0);
  CHECK_RUN (0, 10, RUN_DATA, 4, GT (0) - 4);
  CHECK_SILENT ();
  check_bad (4, "lies in a grain table");
  reports_forget ();
  CHECK_RUN (5, 5, RUN_DATA, 5, GT (0) + 1);
  close_opened ();
}

static void
a_damaged_directory_entry_is_refused_when_touched (void)
{
  static const uint32_t bad[] = { DATA + 64, UINT32_MAX, DATA + 1000 };
  size_t k;

  for (k = 0; k < 3; ++k) {
    struct image i = small_image (384, 1, 1, DATA + 64);

    image_le32 (&i, GD * S + 4, bad[k]);
    set_gte (&i, 256, DATA);
    open_image (&i, 0);
    check_bad (128, "x.vmdk: grain table 1 (of grains 128 to 255): "
                    "entry 1 of the grain directory");
    check_bad (255, "entry 1 of the grain directory");
    reports_forget ();
    CHECK_RUN (0, 128, RUN_HOLE, 128, 0);
    CHECK_RUN (256, 128, RUN_DATA, 1, DATA);
    CHECK_SILENT ();
    close_opened ();
  }
}

static void
a_damaged_directory_entry_ends_the_run_before_it_in_silence (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  image_le32 (&i, GD * S + 4, UINT32_MAX);
  open_image (&i, 0);
  CHECK_RUN (0, 384, RUN_HOLE, 128, 0);
  CHECK_SILENT ();
  close_opened ();
}

static void
a_table_in_the_directory_is_refused (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  image_le32 (&i, GD * S + 4, GD);
  open_image (&i, 0);
  check_bad (128, "directory");
  close_opened ();
}

static void
a_table_that_two_entries_share_is_refused (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  set_gte (&i, 0, DATA);
  set_gte (&i, 256, DATA + 1);
  image_le32 (&i, GD * S + 4, GT (0));
  open_image (&i, 0);
  check_bad (0, "grain table 0");
  check_bad (128, "grain table 1");
  reports_forget ();
  CHECK_RUN (256, 1, RUN_DATA, 1, DATA + 1);
  close_opened ();
}

/* Tables 0 to 3 in place; 4 to 6 are 1 to 3 again, and 7 is 2 once more. */
static void
each_of_several_shared_tables_is_refused (void)
{
  static const unsigned shared[] = { 1, 2, 3, 4, 5, 6, 7 };
  struct image i = small_image (8 * 128, 1, 1, DATA + 64);
  size_t k;

  for (k = 0; k < 8; ++k)
    image_le32 (&i, GT (k) * S, DATA + k);
  for (k = 4; k < 7; ++k)
    image_le32 (&i, GD * S + 4 * k, GT (k - 3));
  image_le32 (&i, GD * S + 4 * 7, GT (2));
  open_image (&i, 0);
  CHECK_RUN (0, 1, RUN_DATA, 1, DATA);
  for (k = 0; k < 7; ++k)
    check_bad (shared[k] * 128, "lies there too");
  close_opened ();
}

/* What is recorded of the metadata has to hold sectors up to 2^32. */
static void
a_table_at_the_end_of_2_tib_does_not_hide_the_others (void)
{
  struct hosted h = small_header (256, 1, 1);
  struct image i = small_image (256, 1, 1, DATA + 64);

  h.gd_offset = GT (0) - 1; /* so that they are one piece */
  image_hosted (&i, 0, &h);
  image_le32 (&i, h.gd_offset * S, GT (0));
  image_le32 (&i, h.gd_offset * S + 4, UINT32_MAX);
  set_gte (&i, 0, GT (0)); /* in itself */
  open_image (&i, (UINT64_C (1) << 41) + (1 << 20));
  check_bad (0, "lies in a grain table");
  close_opened ();
}

/* ---- the redundant tables: 3.5 ---- */

static void
where_the_primary_directory_is_damaged_the_redundant_one_helps (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  set_rgte (&i, 130, DATA + 5);
  set_rgte (&i, 300, DATA + 6);
  set_gte (&i, 0, DATA);
  set_rgte (&i, 0, DATA + 9); /* not looked at */
  image_le32 (&i, GD * S + 4, UINT32_MAX);
  image_le32 (&i, GD * S + 8, DATA + 64);
  open_image (&i, 0);
  CHECK_RUN (130, 1, RUN_DATA, 1, DATA + 5);
  CHECK_INT (n_warnings (), 1);
  CHECK_RUN (300, 1, RUN_DATA, 1, DATA + 6);
  CHECK_RUN (0, 1, RUN_DATA, 1, DATA);
  CHECK_RUN (128, 256, RUN_HOLE, 2, 0);
  CHECK_INT (n_warnings (), 1); /* once is enough */
  CHECK_HAS (warnings (), "x.vmdk");
  CHECK_INT (n_errors (), 0);
  close_opened ();
}

static void
where_both_directories_are_damaged_there_is_one_error (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  image_le32 (&i, GD * S + 4, UINT32_MAX);
  image_le32 (&i, RGD * S + 4, UINT32_MAX);
  open_image (&i, 0);
  check_bad (128, "entry 1 of the grain directory");
  close_opened ();
}

static void
an_absent_primary_table_is_absent (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  image_le32 (&i, GD * S + 4, 0);
  set_rgte (&i, 128, DATA);
  open_image (&i, 0);
  CHECK_RUN (128, 128, RUN_HOLE, 128, 0);
  CHECK_SILENT ();
  close_opened ();
}

int
main (void)
{
  RUN (a_damaged_entry_ends_the_run_before_it_and_no_more);
  RUN (a_grain_in_the_header_is_refused);
  RUN (a_grain_in_any_table_or_directory_is_refused);
  RUN (a_grain_partly_in_a_table_is_refused_as_a_whole);
  RUN (a_run_ends_in_front_of_a_grain_that_lies_in_a_table);
  RUN (a_damaged_directory_entry_is_refused_when_touched);
  RUN (a_damaged_directory_entry_ends_the_run_before_it_in_silence);
  RUN (a_table_in_the_directory_is_refused);
  RUN (a_table_that_two_entries_share_is_refused);
  RUN (each_of_several_shared_tables_is_refused);
  RUN (a_table_at_the_end_of_2_tib_does_not_hide_the_others);
  RUN (where_the_primary_directory_is_damaged_the_redundant_one_helps);
  RUN (where_both_directories_are_damaged_there_is_one_error);
  RUN (an_absent_primary_table_is_absent);
  return test_result ();
}
