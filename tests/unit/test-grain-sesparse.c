/* SPDX-License-Identifier: BSD-3-Clause */
/* From directories and tables to runs: SESparse extents, built byte by byte
 * (vmdk-format.md 6.3, 6.4).
 */

#include <config.h>

#include "grain-maps.h"
#include "image.h"
#include "test.h"

static void
all_four_kinds_of_sesparse_entries_are_understood (void)
{
  struct image i = sesparse_image ();

  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x3002000000000000)); /* 14, V11 */
  set_se_gte (&i, 0, 2, UINT64_C (0x1003000000000000));
  set_se_gte (&i, 0, 3, UINT64_C (0x2000000000000000));
  set_se_gte (&i, 0, 4, UINT64_C (0x3000000000000000));
  set_se_gte (&i, 0, 5, UINT64_C (0x3001000000000000));
  open_image (&i, 0);
  CHECK_RUN (0, 64, RUN_DATA, 8, 12288 + 16);
  CHECK_RUN (8, 56, RUN_HOLE, 8, 0);
  CHECK_RUN (16, 48, RUN_ZERO, 16, 0);
  CHECK_RUN (32, 32, RUN_DATA, 16, 12288);
  CHECK_RUN (48, 32768, RUN_HOLE, 32768, 0);
  CHECK_SILENT ();
  close_opened ();
}

static void
the_sesparse_index_is_permuted (void)
{
  struct image i = sesparse_image ();

  image_room (&i, (12288 + 204800) * S);
  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  /* Grain 0x1234: low 12 bits first. */
  set_se_gte (&i, 0, 0, UINT64_C (0x3234000000000001));
  /* The last one, 25599 = 0x63ff. */
  set_se_gte (&i, 0, 1, UINT64_C (0x33ff000000000006));
  set_se_gte (&i, 0, 2, UINT64_C (0x3400000000000006)); /* one more */
  set_se_gte (&i, 0, 3, UINT64_C (0x3345000000000012)); /* 0x12345 */
  set_se_gte (&i, 0, 4, UINT64_C (0x3fffffffffffffff));
  set_se_gte (&i, 0, 5, UINT64_C (0x3000ffffffffffff));
  open_image (&i, 0);
  CHECK_RUN (0, 16, RUN_DATA, 8, 12288 + 0x1234 * 8);
  CHECK_RUN (8, 8, RUN_DATA, 8, 12288 + 25599 * 8);
  check_bad (16, "grain 2");
  check_bad (24, "grain 3");
  check_bad (32, "grain 4");
  check_bad (40, "grain 5");
  close_opened ();
}

/* What lies behind the area may be a table. */
static void
a_sesparse_run_ends_with_the_grain_area (void)
{
  struct image i = sesparse_image ();

  image_room (&i, (12288 + 204800 + 64) * S);
  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x33fe000000000006)); /* 25598 */
  set_se_gte (&i, 0, 1, UINT64_C (0x33ff000000000006)); /* the last one */
  set_se_gte (&i, 0, 2, UINT64_C (0x3400000000000006)); /* one more */
  open_image (&i, 0);
  check_bad (16, "grain 2");
  reports_forget ();
  CHECK_RUN (0, 24, RUN_DATA, 16, 12288 + 25598 * 8);
  close_opened ();
}

/* Index 0xfff is followed by 0x1000, but 0x3fff... not by 0x4000... */
static void
sesparse_runs_cross_the_permutation (void)
{
  struct image i = sesparse_image ();

  image_room (&i, (12288 + 0x1002 * 8) * S);
  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x3ffe000000000000));
  set_se_gte (&i, 0, 1, UINT64_C (0x3fff000000000000));
  set_se_gte (&i, 0, 2, UINT64_C (0x3000000000000001));
  set_se_gte (&i, 0, 3, UINT64_C (0x3001000000000001));
  set_se_gte (&i, 0, 5, UINT64_C (0x3fff000000000000));
  set_se_gte (&i, 0, 6, UINT64_C (0x4000000000000000));
  open_image (&i, 0);
  CHECK_RUN (0, 32, RUN_DATA, 32, 12288 + 0xffe * 8);
  CHECK_RUN (40, 16, RUN_DATA, 8, 12288 + 0xfff * 8);
  CHECK_SILENT ();
  check_bad (48, "which is no entry of such");
  close_opened ();
}

static void
a_sesparse_grain_beyond_the_file_is_refused (void)
{
  struct image i = sesparse_image (); /* it has 1 MiB of grains: 256 */

  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x30ff000000000000));
  set_se_gte (&i, 0, 1, UINT64_C (0x3100000000000000));
  open_image (&i, 0);
  CHECK_RUN (0, 16, RUN_DATA, 8, 12288 + 255 * 8);
  check_bad (8, "beyond the end of the file");
  close_opened ();
}

static void
other_sesparse_entries_are_refused (void)
{
  struct image i = sesparse_image ();
  uint64_t nibble;

  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, 1);
  set_se_gte (&i, 0, 1, UINT64_C (0x0001000000000000));
  for (nibble = 4; nibble < 16; ++nibble)
    set_se_gte (&i, 0, nibble, nibble << 60);
  open_image (&i, 0);
  check_bad (0, "grain 0: entry 0 of grain table 0 is 0x1, which is no entry");
  check_bad (8, "grain 1: entry 1 of grain table 0 is 0x1000000000000,");
  for (nibble = 4; nibble < 16; ++nibble)
    check_bad (nibble * 8, "000000000000000, which is no entry of such");
  close_opened ();
}

static void
sesparse_tables_are_numbered_by_first_use (void)
{
  struct image i = sesparse_image ();

  set_se_gde (&i, 3, UINT64_C (0x1000000000000000));
  set_se_gde (&i, 1, UINT64_C (0x1000000000000001));
  set_se_gte (&i, 0, 7, UINT64_C (0x3005000000000000));
  set_se_gte (&i, 1, 8, UINT64_C (0x3006000000000000));
  open_image (&i, 0);
  CHECK_RUN (3 * 32768 + 7 * 8, 8, RUN_DATA, 8, 12288 + 5 * 8);
  CHECK_RUN (32768 + 8 * 8, 8, RUN_DATA, 8, 12288 + 6 * 8);
  CHECK_RUN (0, 204800, RUN_HOLE, 32768 + 64, 0);
  close_opened ();
}

static void
damaged_sesparse_directory_entries_are_refused (void)
{
  static const uint64_t bad[] = {
    1,                             /* no table, but something */
    UINT64_C (0x2000000000000000), /* another nibble */
    UINT64_C (0xf000000000000000),
    UINT64_C (0x1000000100000000), /* a bit between */
    UINT64_C (0x1800000000000000),
    UINT64_C (0x1000000000000020), /* table 32 of 32 */
    UINT64_C (0x10000000ffffffff),
  };
  size_t k;

  for (k = 0; k < sizeof bad / sizeof bad[0]; ++k) {
    struct image i = sesparse_image ();

    set_se_gde (&i, 0, bad[k]);
    open_image (&i, 0);
    check_bad (0, "entry 0 of the grain directory");
    close_opened ();
  }
}

static void
the_last_sesparse_table_of_the_area_is_usable (void)
{
  struct image i = sesparse_image ();

  set_se_gde (&i, 0, UINT64_C (0x100000000000001f));
  set_se_gte (&i, 31, 0, UINT64_C (0x3000000000000000));
  open_image (&i, 0);
  CHECK_RUN (0, 8, RUN_DATA, 8, 12288);
  close_opened ();
}

int
main (void)
{
  RUN (all_four_kinds_of_sesparse_entries_are_understood);
  RUN (the_sesparse_index_is_permuted);
  RUN (a_sesparse_run_ends_with_the_grain_area);
  RUN (sesparse_runs_cross_the_permutation);
  RUN (a_sesparse_grain_beyond_the_file_is_refused);
  RUN (other_sesparse_entries_are_refused);
  RUN (sesparse_tables_are_numbered_by_first_use);
  RUN (damaged_sesparse_directory_entries_are_refused);
  RUN (the_last_sesparse_table_of_the_area_is_usable);
  return test_result ();
}
