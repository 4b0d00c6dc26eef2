/* SPDX-License-Identifier: BSD-3-Clause */
/* From directories and tables to runs: COWD extents, built byte by byte
 * (vmdk-format.md 5.2).
 */

#include <config.h>

#include "grain-maps.h"
#include "image.h"
#include "test.h"

/* Sectors 0 to 3 are the header, 4 is the directory, then comes what the test
 * puts there; the tables have 32 sectors.
 */

static struct image
cowd_image (uint32_t capacity, uint32_t grain_size, size_t sectors)
{
  struct cowd c = { 1, 3, capacity, grain_size, 4, 0, 0 };
  struct image i = { NULL, 0 };

  c.gd_entries = capacity / (4096 * grain_size) + 1;
  image_cowd (&i, &c);
  image_room (&i, sectors * S);
  return i;
}

static void
cowd_tables_and_grains_are_mixed (void)
{
  struct image i = cowd_image (3 * 4096 * 3, 3, 128);

  image_le32 (&i, 4 * S + 0, 5);
  image_le32 (&i, 4 * S + 8, 40); /* table 2; table 1 is absent */
  image_le32 (&i, 5 * S + 4095 * 4, 37);
  image_le32 (&i, 40 * S, 72);
  image_le32 (&i, 40 * S + 4, 75);
  image_le32 (&i, 40 * S + 8, 80);
  open_image (&i, 0);
  CHECK_RUN (0, 36864, RUN_HOLE, 4095 * 3, 0);
  CHECK_RUN (4095 * 3, 36864 - 4095 * 3, RUN_DATA, 3, 37);
  CHECK_RUN (4096 * 3 + 1, 4096 * 6 - 1, RUN_HOLE, 4096 * 3 - 1, 0);
  CHECK_RUN (8192 * 3 + 2, 100, RUN_DATA, 4, 74);
  CHECK_RUN (8192 * 3 + 6, 100, RUN_DATA, 3, 80);
  CHECK_SILENT ();
  close_opened ();
}

static void
cowd_entry_1_is_zeroes_with_one_warning (void)
{
  struct image i = cowd_image (4096, 1, 64);

  image_le32 (&i, 4 * S, 5);
  image_le32 (&i, 5 * S, 1);
  image_le32 (&i, 5 * S + 8, 1);
  open_image (&i, 0);
  CHECK_RUN (0, 10, RUN_ZERO, 1, 0);
  CHECK_RUN (2, 10, RUN_ZERO, 1, 0);
  CHECK_INT (n_warnings (), 1);
  CHECK_INT (n_errors (), 0);
  close_opened ();
}

static void
cowd_grains_in_header_directory_or_table_are_refused (void)
{
  struct image i = cowd_image (4096, 1, 64);
  unsigned k;

  image_le32 (&i, 4 * S, 5);
  for (k = 2; k < 37; ++k)
    image_le32 (&i, 5 * S + k * 4, k);
  image_le32 (&i, 5 * S + 37 * 4, 37); /* the first free sector */
  image_le32 (&i, 5 * S + 38 * 4, 64); /* the end */
  open_image (&i, 0);
  check_bad (2, "header");
  check_bad (3, "header");
  check_bad (4, "grain directory");
  check_bad (5, "grain table");
  check_bad (36, "grain table");
  check_bad (38, "end of the file");
  reports_forget ();
  CHECK_RUN (37, 1, RUN_DATA, 1, 37);
  close_opened ();
}

static void
cowd_tables_in_the_header_are_refused (void)
{
  struct image i = cowd_image (3 * 4096, 1, 128);

  image_le32 (&i, 4 * S, 1);
  image_le32 (&i, 4 * S + 4, 3);
  image_le32 (&i, 4 * S + 8, 128 - 31); /* one sector too late */
  open_image (&i, 0);
  check_bad (0, "entry 0 of the grain directory");
  check_bad (4096, "entry 1 of the grain directory");
  check_bad (8192, "entry 2 of the grain directory");
  close_opened ();
}

int
main (void)
{
  RUN (cowd_tables_and_grains_are_mixed);
  RUN (cowd_entry_1_is_zeroes_with_one_warning);
  RUN (cowd_grains_in_header_directory_or_table_are_refused);
  RUN (cowd_tables_in_the_header_are_refused);
  return test_result ();
}
