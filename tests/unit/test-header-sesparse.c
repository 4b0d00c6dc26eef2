/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers of SESparse extents: each field at its bounds and just outside
 * (vmdk-format.md 6.1, 6.2), and random damage.
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

/* ---- SESparse: 6.1 ---- */

static int
parse_sesparse (const struct sesparse *s, uint64_t file_size,
                struct sesparse_header *p, uint64_t *volatile_offset)
{
  struct image i = { NULL, 0 };
  int r;

  reports_forget ();
  errno = 0;
  image_sesparse (&i, s);
  r = header_parse_sesparse (file, file_size, i.data, p, volatile_offset);
  image_free (&i);
  return r;
}

static struct sesparse_header
sesparse_accepted (const struct sesparse *s)
{
  struct sesparse_header p;
  uint64_t volatile_offset;

  CHECK_INT (parse_sesparse (s, FILE_SIZE, &p, &volatile_offset), 0);
  CHECK_SILENT ();
  return p;
}

static void
sesparse_refused_in (const struct sesparse *s, uint64_t file_size,
                     const char *field)
{
  struct sesparse_header p;
  uint64_t volatile_offset;

  CHECK_INT (parse_sesparse (s, file_size, &p, &volatile_offset), -1);
  header_check_refusal (field, "");
}

static void
sesparse_refused (const struct sesparse *s, const char *field)
{
  sesparse_refused_in (s, FILE_SIZE, field);
}

static void
a_usual_sesparse_header_is_understood (void)
{
  struct sesparse_header p;
  uint64_t volatile_offset = 0;

  CHECK_INT (
    parse_sesparse (&sesparse_default, FILE_SIZE, &p, &volatile_offset), 0);
  CHECK_INT (volatile_offset, 512);
  CHECK_INT (p.geometry.capacity, 100 * MIB);
  CHECK_INT (p.geometry.grain_bytes, 4096);
  CHECK_INT (p.geometry.gtes_per_gt, 4096);
  CHECK_INT (p.geometry.n_tables, 7); /* of 16 MiB each */
  CHECK_INT (p.geometry.gd_offset, 2 * MIB);
  CHECK_INT (p.geometry.rgd_offset, 0);
  CHECK_INT (p.tables_offset, 3 * MIB);
  CHECK_INT (p.tables_bytes, 1 * MIB);
  CHECK_INT (p.grains_offset, 6 * MIB);
  CHECK_INT (p.grains_bytes, 100 * MIB);
  CHECK_SILENT ();
}

static void
sesparse_constants_are_exact (void)
{
  struct sesparse s = sesparse_default;

  s.version = UINT64_C (0x200000002);
  sesparse_refused (&s, "version");
  s.version = UINT64_C (0x100000001);
  sesparse_refused (&s, "version");
  s = sesparse_default;
  s.grain_size = 7;
  sesparse_refused (&s, "grainSize");
  s.grain_size = 16;
  sesparse_refused (&s, "grainSize");
  s = sesparse_default;
  s.gt_size = 32;
  sesparse_refused (&s, "grainTableSize");
  s.gt_size = 128;
  sesparse_refused (&s, "grainTableSize");
  s = sesparse_default;
  s.flags = 1;
  sesparse_refused (&s, "flags");
  s.flags = UINT64_C (1) << 63;
  sesparse_refused (&s, "flags");
}

static void
sesparse_reserved_fields_are_zero (void)
{
  static const unsigned at[] = { 48, 55, 56, 64, 72, 79, 208, 300, 511 };
  struct sesparse_header p;
  uint64_t volatile_offset;
  size_t k;

  for (k = 0; k < sizeof at / sizeof at[0]; ++k) {
    struct image i = { NULL, 0 };

    reports_forget ();
    image_sesparse (&i, &sesparse_default);
    i.data[at[k]] = 0x80;
    CHECK_INT (
      header_parse_sesparse (file, FILE_SIZE, i.data, &p, &volatile_offset),
      -1);
    header_check_refusal ("reserved", "");
    image_free (&i);
  }
}

static void
sesparse_capacity_has_bounds (void)
{
  struct sesparse s = sesparse_default;

  s.capacity = 0;
  sesparse_refused (&s, "capacity");
  s.capacity = 1;
  CHECK_INT (sesparse_accepted (&s).geometry.n_tables, 1);
  s.capacity = UINT64_C (1) << 54;
  sesparse_refused (&s, "capacity");
  s.capacity = UINT64_MAX;
  sesparse_refused (&s, "capacity");
}

static void
sesparse_tables_are_counted_up (void)
{
  struct sesparse s = sesparse_default;

  s.capacity = 32768;
  CHECK_INT (sesparse_accepted (&s).geometry.n_tables, 1);
  s.capacity = 32769;
  CHECK_INT (sesparse_accepted (&s).geometry.n_tables, 2);
}

static void
no_sesparse_area_covers_the_header (void)
{
  unsigned a;

  for (a = 0; a < N_AREAS; ++a) {
    struct sesparse s = sesparse_default;

    s.areas[a].offset = 0;
    sesparse_refused (&s, "area");
  }
}

static void
no_sesparse_area_wraps (void)
{
  unsigned a;

  for (a = 0; a < N_AREAS; ++a) {
    struct sesparse s = sesparse_default;

    s.areas[a].size = UINT64_MAX;
    sesparse_refused (&s, "area");
    s.areas[a].size = -s.areas[a].offset;
    sesparse_refused (&s, "area");
    s = sesparse_default;
    s.areas[a].offset = UINT64_MAX;
    sesparse_refused (&s, "area");
  }
}

static void
no_two_sesparse_areas_overlap (void)
{
  unsigned a;

  /* The last sector of each goes into its neighbour. */
  for (a = AREA_JOURNAL; a < AREA_GRAINS; ++a) {
    struct sesparse s = sesparse_default;

    s.areas[a].size++;
    sesparse_refused (&s, "area");
  }
  {
    struct sesparse s = sesparse_default;

    s.areas[AREA_TABLES] = s.areas[AREA_DIRECTORY];
    sesparse_refused (&s, "area");
  }
}

/* 6.1: "1 sector". */
static void
the_volatile_header_has_one_sector (void)
{
  struct sesparse s = sesparse_default;

  s.areas[AREA_VOLATILE].size = 0;
  sesparse_refused (&s, "volatile");
  /* Of no size it could lie among the grains, where a guest writes it. */
  s.areas[AREA_VOLATILE].offset = 12288;
  sesparse_refused (&s, "volatile");
}

static void
a_sesparse_directory_holds_all_tables (void)
{
  struct sesparse s = sesparse_default;

  /* 512 GiB: 32768 tables, 256 KiB of directory: 512 sectors. */
  s.capacity = UINT64_C (1) << 30;
  s.areas[AREA_GRAINS].size = s.capacity;
  s.areas[AREA_DIRECTORY].size = 512;
  CHECK_INT (sesparse_accepted (&s).geometry.n_tables, 32768);
  s.areas[AREA_DIRECTORY].size = 511;
  sesparse_refused (&s, "grainDirSize");
  s = sesparse_default;
  sesparse_refused_in (&s, 2 * MIB + 55, "grainDir");
}

static void
the_sesparse_grains_hold_the_capacity (void)
{
  struct sesparse s = sesparse_default;

  s.areas[AREA_GRAINS].size = 204799;
  sesparse_refused (&s, "grainsSize");
  s.areas[AREA_GRAINS].size = 204801;
  sesparse_accepted (&s);
}

static void
a_small_area_for_sesparse_tables_is_accepted (void)
{
  struct sesparse s = sesparse_default;

  s.areas[AREA_TABLES].size = 64;
  sesparse_accepted (&s);
}

/* ---- SESparse: 6.2 ---- */

static void
a_clean_volatile_header_is_accepted (void)
{
  struct image i = { NULL, 0 };

  image_sesparse_volatile (&i, 0, 0);
  CHECK_INT (header_check_sesparse_volatile (file, i.data), 0);
  CHECK_SILENT ();
  image_le64 (&i, 8, 77);  /* the next free table */
  image_le64 (&i, 16, 99); /* the next transaction */
  CHECK_INT (header_check_sesparse_volatile (file, i.data), 0);
  image_free (&i);
}

static void
a_wrong_volatile_magic_is_refused (void)
{
  struct image i = { NULL, 0 };

  image_sesparse_volatile (&i, 0, 0);
  image_le64 (&i, 0, 0xcafebabe);
  CHECK_INT (header_check_sesparse_volatile (file, i.data), -1);
  header_check_refusal ("magic", "3405691582 (0x");
  image_free (&i);
}

static void
a_dirty_journal_is_refused_with_advice (void)
{
  static const uint64_t dirty[] = { 1, 2, UINT64_C (1) << 63 };
  size_t k;

  for (k = 0; k < 3; ++k) {
    struct image i = { NULL, 0 };

    reports_forget ();
    image_sesparse_volatile (&i, 0, dirty[k]);
    CHECK_INT (header_check_sesparse_volatile (file, i.data), -1);
    CHECK_ONE_ERROR ("journal");
    CHECK_HAS (errors (), "ESXi");
    CHECK_HAS (errors (), "h.vmdk");
    image_free (&i);
  }
}

/* ---- random damage ---- */

static void
random_damage_to_a_sesparse_header_is_refused_or_sound (void)
{
  unsigned n, accepted = 0;

  for (n = 0; n < 50000; ++n) {
    struct image i = { NULL, 0 };
    struct sesparse_header p;
    uint64_t volatile_offset;

    image_sesparse (&i, &sesparse_default);
    header_damage (&i, 220);
    reports_forget ();
    errno = 0;
    if (header_parse_sesparse (file, FILE_SIZE, i.data, &p, &volatile_offset) ==
        -1) {
      CHECK_INT (n_errors (), 1);
      CHECK (errno != 0);
    }
    else {
      CHECK_INT (n_errors (), 0);
      accepted++;
      header_check_geometry (&p.geometry, 8);
      CHECK (volatile_offset >= 512);
      CHECK (p.grains_bytes >= p.geometry.capacity);
      CHECK (p.grains_offset + p.grains_bytes >= p.grains_offset);
      CHECK (p.tables_offset + p.tables_bytes >= p.tables_offset);
    }
    image_free (&i);
  }
  CHECK (accepted > 1000 && accepted < 48000);
}

int
main (void)
{
  file = file_memory_create ("h.vmdk", NULL, 0, FILE_SIZE, 1);
  MUST (file != NULL);

  RUN (a_usual_sesparse_header_is_understood);
  RUN (sesparse_constants_are_exact);
  RUN (sesparse_reserved_fields_are_zero);
  RUN (sesparse_capacity_has_bounds);
  RUN (sesparse_tables_are_counted_up);
  RUN (no_sesparse_area_covers_the_header);
  RUN (no_sesparse_area_wraps);
  RUN (no_two_sesparse_areas_overlap);
  RUN (the_volatile_header_has_one_sector);
  RUN (a_sesparse_directory_holds_all_tables);
  RUN (the_sesparse_grains_hold_the_capacity);
  RUN (a_small_area_for_sesparse_tables_is_accepted);
  RUN (a_clean_volatile_header_is_accepted);
  RUN (a_wrong_volatile_magic_is_refused);
  RUN (a_dirty_journal_is_refused_with_advice);
  RUN (random_damage_to_a_sesparse_header_is_refused_or_sound);

  file_close (file);
  return test_result ();
}
