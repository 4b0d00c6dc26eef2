/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers of COWD extents: each field at its bounds and just outside
 * (vmdk-format.md 5.1), and random damage.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file-memory.h"
#include "header.h"
#include "headers.h"
#include "image.h"
#include "test.h"

static struct file *file; /* only its name is looked at */

/* ---- COWD: 5.1 ---- */

/* 100 MiB: 50 tables of 2 MiB. */
static const struct cowd cowd_default = {
  .version = 1,
  .flags = 3,
  .capacity = 204800,
  .grain_size = 1,
  .gd_offset = 4,
  .gd_entries = 50,
  .free_sector = 5,
};

static int
parse_cowd (const struct cowd *c, uint64_t file_size, struct geometry *g)
{
  struct image i = { NULL, 0 };
  struct cowd_header h;
  int r;

  reports_forget ();
  errno = 0;
  image_cowd (&i, c);
  r = header_parse_cowd (file, file_size, i.data, &h);
  *g = h.geometry;
  image_free (&i);
  return r;
}

static struct geometry
cowd_accepted_in (const struct cowd *c, uint64_t file_size)
{
  struct geometry g;

  CHECK_INT (parse_cowd (c, file_size, &g), 0);
  CHECK_STRING (errors (), "");
  return g;
}

static struct geometry
cowd_accepted (const struct cowd *c)
{
  return cowd_accepted_in (c, FILE_SIZE);
}

static void
cowd_refused_in (const struct cowd *c, uint64_t file_size, const char *field,
                 uint64_t found)
{
  struct geometry g;
  char number[32];

  CHECK_INT (parse_cowd (c, file_size, &g), -1);
  snprintf (number, sizeof number, "%" PRIu64 " (0x", found);
  header_check_refusal (field, number);
}

static void
a_usual_cowd_header_is_understood (void)
{
  struct geometry g = cowd_accepted (&cowd_default);

  CHECK_INT (g.capacity, 100 * MIB);
  CHECK_INT (g.grain_bytes, 512);
  CHECK_INT (g.gtes_per_gt, 4096);
  CHECK_INT (g.n_tables, 50);
  CHECK_INT (g.gd_offset, 2048);
  CHECK_INT (g.rgd_offset, 0);
  CHECK_INT (g.data_start, 2048);
  CHECK_SILENT ();
}

static void
cowd_version_is_1 (void)
{
  struct cowd c = cowd_default;

  c.version = 0;
  cowd_refused_in (&c, FILE_SIZE, "version", 0);
  c.version = 2;
  cowd_refused_in (&c, FILE_SIZE, "version", 2);
}

static void
other_cowd_flags_are_warned_about (void)
{
  struct cowd c = cowd_default;

  c.flags = 0;
  cowd_accepted (&c);
  CHECK_INT (n_warnings (), 1);
  c.flags = UINT32_MAX;
  cowd_accepted (&c);
  CHECK_INT (n_warnings (), 1);
}

static void
cowd_capacity_is_1_to_2_to_32_minus_1 (void)
{
  struct cowd c = cowd_default;

  c.capacity = 0;
  cowd_refused_in (&c, FILE_SIZE, "numSectors", 0);
  c.capacity = 1;
  c.gd_entries = 1;
  CHECK_INT (cowd_accepted (&c).n_tables, 1);
  c.capacity = UINT32_MAX;
  c.gd_entries = 1 << 20;
  CHECK_INT (cowd_accepted (&c).n_tables, 1 << 20); /* 5.2: 2 TiB */
  CHECK_INT (cowd_accepted (&c).capacity, UINT64_C (0xffffffff) * 512);
}

static void
cowd_grains_have_1_to_2048_sectors (void)
{
  struct cowd c = cowd_default;

  c.grain_size = 0;
  cowd_refused_in (&c, FILE_SIZE, "grainSize", 0);
  c.grain_size = 3; /* a power of two is not promised */
  CHECK_INT (cowd_accepted (&c).grain_bytes, 3 * 512);
  CHECK_INT (cowd_accepted (&c).n_tables, 17);
  c.grain_size = 2048;
  CHECK_INT (cowd_accepted (&c).n_tables, 1);
  c.grain_size = 2049;
  cowd_refused_in (&c, FILE_SIZE, "grainSize", 2049);
  c.grain_size = UINT32_MAX;
  cowd_refused_in (&c, FILE_SIZE, "grainSize", UINT32_MAX);
}

static void
a_cowd_directory_has_enough_entries_for_the_capacity (void)
{
  struct cowd c = cowd_default;

  c.gd_entries = 49;
  cowd_refused_in (&c, FILE_SIZE, "numGDEntries", 49);
  c.gd_entries = 51;
  CHECK_INT (cowd_accepted (&c).n_tables, 50);
}

static void
a_cowd_directory_lies_inside_the_file_behind_the_header (void)
{
  struct cowd c = cowd_default;

  c.gd_offset = 3;
  cowd_refused_in (&c, FILE_SIZE, "gdOffset", 3);
  c.gd_offset = 0;
  cowd_refused_in (&c, FILE_SIZE, "gdOffset", 0);
  c.gd_offset = 4;
  cowd_accepted_in (&c, 2048 + 200);
  cowd_refused_in (&c, 2048 + 199, "gdOffset", 4);
  c.gd_offset = UINT32_MAX;
  cowd_refused_in (&c, FILE_SIZE, "gdOffset", UINT32_MAX);
}

/* ---- random damage ---- */

static void
random_damage_to_a_cowd_header_is_refused_or_sound (void)
{
  unsigned n, accepted = 0;

  for (n = 0; n < 50000; ++n) {
    struct image i = { NULL, 0 };
    struct cowd_header h;

    image_cowd (&i, &cowd_default);
    header_damage (&i, 40);
    reports_forget ();
    errno = 0;
    if (header_parse_cowd (file, FILE_SIZE, i.data, &h) == -1) {
      CHECK_INT (n_errors (), 1);
      CHECK (errno != 0);
    }
    else {
      CHECK_INT (n_errors (), 0);
      accepted++;
      header_check_geometry (&h.geometry, 4);
    }
    image_free (&i);
  }
  CHECK (accepted > 2000 && accepted < 48000);
}

int
main (void)
{
  file = file_memory_create ("h.vmdk", NULL, 0, FILE_SIZE, 1);
  MUST (file != NULL);

  RUN (a_usual_cowd_header_is_understood);
  RUN (cowd_version_is_1);
  RUN (other_cowd_flags_are_warned_about);
  RUN (cowd_capacity_is_1_to_2_to_32_minus_1);
  RUN (cowd_grains_have_1_to_2048_sectors);
  RUN (a_cowd_directory_has_enough_entries_for_the_capacity);
  RUN (a_cowd_directory_lies_inside_the_file_behind_the_header);
  RUN (random_damage_to_a_cowd_header_is_refused_or_sound);

  file_close (file);
  return test_result ();
}
