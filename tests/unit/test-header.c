/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers of sparse extents: each field at its bounds and just outside
 * (vmdk-format.md 3.2 to 3.8, 5.1, 6.1, 6.2), and random damage.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file-memory.h"
#include "header.h"
#include "image.h"
#include "test.h"

#define KIB UINT64_C (1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

/* Larger than anything that a default header speaks of. */
#define FILE_SIZE (64 * MIB)

static struct file *file; /* only its name is looked at */

/* ---- hosted ---- */

static int
parse_hosted (const struct hosted *h, uint64_t file_size,
              struct hosted_header *parsed)
{
  struct image i = { NULL, 0 };
  int r;

  reports_forget ();
  errno = 0;
  image_hosted (&i, 0, h);
  memset (parsed, 0xee, sizeof *parsed);
  r = header_parse_hosted (file, file_size, i.data, parsed);
  image_free (&i);
  return r;
}

static struct hosted_header
hosted_accepted_in (const struct hosted *h, uint64_t file_size)
{
  struct hosted_header parsed;

  CHECK_INT (parse_hosted (h, file_size, &parsed), 0);
  CHECK_STRING (errors (), "");
  return parsed;
}

static struct hosted_header
hosted_accepted (const struct hosted *h)
{
  return hosted_accepted_in (h, FILE_SIZE);
}

/* One message, which names the file, FIELD and what was FOUND. */
static void
check_refusal (const char *field, const char *found)
{
  CHECK (errno != 0);
  CHECK_ONE_ERROR ("h.vmdk");
  CHECK_HAS (errors (), field);
  CHECK_HAS (errors (), "expected");
  CHECK_HAS (errors (), found);
}

static void
hosted_refused_in (const struct hosted *h, uint64_t file_size,
                   const char *field, uint64_t found)
{
  struct hosted_header parsed;
  char number[32];

  CHECK_INT (parse_hosted (h, file_size, &parsed), -1);
  snprintf (number, sizeof number, "%" PRIu64 " (0x", found);
  check_refusal (field, number);
}

static void
hosted_refused (const struct hosted *h, const char *field, uint64_t found)
{
  hosted_refused_in (h, FILE_SIZE, field, found);
}

static void
a_usual_hosted_header_is_understood (void)
{
  struct hosted_header p = hosted_accepted (&hosted_default);

  CHECK_INT (p.version, 1);
  CHECK_INT (p.flags, 3);
  CHECK (!p.compressed && !p.gd_at_end && !p.unclean);
  CHECK_INT (p.descriptor_offset, 512);
  CHECK_INT (p.descriptor_bytes, 20 * 512);
  CHECK_INT (p.geometry.capacity, 100 * MIB);
  CHECK_INT (p.geometry.file_size, FILE_SIZE);
  CHECK_INT (p.geometry.grain_bytes, 64 * KIB);
  CHECK_INT (p.geometry.gtes_per_gt, 512);
  CHECK_INT (p.geometry.n_tables, 4); /* of 32 MiB each: 3.1 */
  CHECK_INT (p.geometry.gd_offset, 38 * 512);
  CHECK_INT (p.geometry.rgd_offset, 21 * 512);
  CHECK_SILENT ();
}

static void
hosted_versions_1_to_3_are_accepted (void)
{
  struct hosted h = hosted_default;

  for (h.version = 1; h.version <= 3; ++h.version)
    CHECK_INT (hosted_accepted (&h).version, h.version);
  h.version = 0;
  hosted_refused (&h, "version", 0);
  h.version = 4;
  hosted_refused (&h, "version", 4);
  h.version = UINT32_MAX;
  hosted_refused (&h, "version", UINT32_MAX);
}

static void
capacity_is_below_2_to_54_sectors (void)
{
  /* Large grains and tables, so that the directory is not the limit. */
  struct hosted h = hosted_default;

  h.grain_size = 65536;
  h.gtes_per_gt = 65536;
  h.flags = 1;
  h.capacity = (UINT64_C (1) << 54) - 1;
  /* 2^54 / 2^32 = 4 Mi tables, a directory of 16 MiB. */
  CHECK_INT (hosted_accepted (&h).geometry.n_tables, 4 << 20);
  h.capacity++;
  hosted_refused (&h, "capacity", h.capacity);
  h.capacity = UINT64_MAX;
  hosted_refused (&h, "capacity", h.capacity);
}

static void
capacity_0_is_passed_on (void)
{
  struct hosted h = hosted_default;

  h.capacity = 0;
  CHECK_INT (hosted_accepted (&h).geometry.capacity, 0);
  h.gd_offset = 0;
  CHECK_INT (hosted_accepted (&h).descriptor_bytes, 20 * 512);
}

static void
the_last_table_may_be_in_part_beyond_the_capacity (void)
{
  struct hosted h = hosted_default;

  h.capacity = 65536;
  CHECK_INT (hosted_accepted (&h).geometry.n_tables, 1);
  h.capacity = 65537;
  CHECK_INT (hosted_accepted (&h).geometry.n_tables, 2);
  h.capacity = 1;
  CHECK_INT (hosted_accepted (&h).geometry.n_tables, 1);
}

static void
at_most_64_mi_tables_are_accepted (void)
{
  struct hosted h = hosted_default;

  h.grain_size = 1;
  h.gtes_per_gt = 128;
  h.flags = 1;
  h.overhead = 0;
  h.capacity = UINT64_C (128) << 26;
  CHECK_INT (hosted_accepted_in (&h, TIB).geometry.n_tables, 64 << 20);
  h.capacity++;
  hosted_refused_in (&h, TIB, "capacity", h.capacity);
}

static void
hosted_grains_are_a_power_of_2_up_to_65536 (void)
{
  static const uint64_t bad[] = { 0,
                                  3,
                                  127,
                                  129,
                                  65535,
                                  65537,
                                  131072,
                                  UINT64_C (1) << 32,
                                  UINT64_C (1) << 40,
                                  UINT64_C (1) << 63 };
  struct hosted h = hosted_default;
  size_t i;

  for (h.grain_size = 1; h.grain_size <= 65536; h.grain_size *= 2)
    CHECK_INT (hosted_accepted (&h).geometry.grain_bytes, h.grain_size * 512);
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    h.grain_size = bad[i];
    hosted_refused (&h, "grainSize", bad[i]);
  }
}

static void
tables_have_a_power_of_2_of_128_to_65536_entries (void)
{
  static const uint32_t bad[] = { 0,   1,     64,    127,    129,
                                  511, 65535, 65537, 131072, UINT32_MAX };
  struct hosted h = hosted_default;
  size_t i;

  for (h.gtes_per_gt = 128; h.gtes_per_gt <= 65536; h.gtes_per_gt *= 2)
    CHECK_INT (hosted_accepted (&h).geometry.gtes_per_gt, h.gtes_per_gt);
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    h.gtes_per_gt = bad[i];
    hosted_refused (&h, "numGTEsPerGT", bad[i]);
  }
}

/* ---- flags: 3.3 ---- */

static void
undefined_compatible_flags_are_ignored (void)
{
  struct hosted h = hosted_default;
  unsigned bit;

  for (bit = 3; bit <= 15; ++bit) {
    h.flags = 3 | 1u << bit;
    CHECK_INT (hosted_accepted (&h).flags, h.flags);
  }
}

static void
undefined_incompatible_flags_are_refused (void)
{
  struct hosted h = hosted_default;
  unsigned bit;

  for (bit = 18; bit <= 31; ++bit) {
    h.flags = 3 | 1u << bit;
    hosted_refused (&h, "flags", h.flags);
  }
}

static void
newline_bytes_are_checked_if_flag_0_says_so (void)
{
  struct hosted h = hosted_default;
  struct hosted_header parsed;
  unsigned i;

  for (i = 0; i < 4; ++i) {
    h = hosted_default;
    h.newline[i] ^= 1;
    CHECK_INT (parse_hosted (&h, FILE_SIZE, &parsed), -1);
    check_refusal ("text mode", "");
    h.flags = 2;
    hosted_accepted (&h);
  }
  /* What a text-mode transfer makes of them. */
  h = hosted_default;
  memcpy (h.newline, "\x0d\x0a\x20\x0d", 4);
  CHECK_INT (parse_hosted (&h, FILE_SIZE, &parsed), -1);
  check_refusal ("text mode", "0d 0a 20 0d");
}

static void
flag_16_17_and_the_algorithm_have_to_agree (void)
{
  static const struct {
    uint32_t flags;
    uint16_t algorithm;
    const char *field; /* NULL: legal */
  } cases[] = {
    { 0x00001, 0, NULL },
    { 0x30001, 1, NULL },
    { 0x30003, 1, NULL },
    { 0x30001, 0, "compressAlgorithm" },
    { 0x30001, 2, "compressAlgorithm" },
    { 0x00001, 1, "compressAlgorithm" },
    { 0x00001, 0xffff, "compressAlgorithm" },
    { 0x10001, 1, "flags" },
    { 0x20001, 0, "flags" },
  };
  struct hosted h = hosted_default;
  size_t i;

  for (i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    h.flags = cases[i].flags;
    h.algorithm = cases[i].algorithm;
    if (cases[i].field == NULL)
      CHECK_INT (hosted_accepted (&h).compressed, cases[i].algorithm);
    else
      hosted_refused (&h, cases[i].field,
                      strcmp (cases[i].field, "flags") == 0 ? h.flags
                                                            : h.algorithm);
  }
}

static void
an_unclean_shutdown_is_noted (void)
{
  struct hosted h = hosted_default;

  h.unclean = 1;
  CHECK (hosted_accepted (&h).unclean);
  h.unclean = 0x80;
  CHECK (hosted_accepted (&h).unclean);
}

/* ---- the descriptor's place: 3.2, 11.2 ---- */

static void
without_descriptor_offset_the_size_does_not_matter (void)
{
  struct hosted h = hosted_default;

  h.descriptor_offset = 0;
  h.descriptor_size = UINT64_MAX;
  CHECK_INT (hosted_accepted (&h).descriptor_offset, 0);
  CHECK_INT (hosted_accepted (&h).descriptor_bytes, 0);
}

static void
a_descriptor_has_1_to_32768_sectors (void)
{
  struct hosted h = hosted_default;

  h.descriptor_size = 0;
  hosted_refused (&h, "descriptorSize", 0);
  h.descriptor_size = 1;
  CHECK_INT (hosted_accepted (&h).descriptor_bytes, 512);
  h.descriptor_size = 32768;
  h.gd_offset = 40000;
  h.overhead = 41000;
  h.flags = 1;
  CHECK_INT (hosted_accepted (&h).descriptor_bytes, 16 * MIB);
  h.descriptor_size = 32769;
  hosted_refused (&h, "descriptorSize", 32769);
  h.descriptor_size = UINT64_C (1) << 60;
  hosted_refused (&h, "descriptorSize", UINT64_C (1) << 60);
}

static void
a_descriptor_lies_inside_the_file (void)
{
  struct hosted h = hosted_default;

  h.flags = 0x30001; /* no overHead to be in front of */
  h.algorithm = 1;
  h.descriptor_offset = FILE_SIZE / 512 - 20;
  hosted_accepted (&h);
  h.descriptor_offset++;
  hosted_refused (&h, "descriptorOffset", h.descriptor_offset);
  h.descriptor_offset = UINT64_MAX;
  hosted_refused (&h, "descriptorOffset", h.descriptor_offset);
  h.descriptor_offset = UINT64_C (1) << 55; /* * 512 wraps to 0 */
  hosted_refused (&h, "descriptorOffset", h.descriptor_offset);
}

static void
a_descriptor_of_an_uncompressed_extent_lies_before_its_overhead (void)
{
  struct hosted h = hosted_default;

  h.descriptor_offset = 108;
  hosted_accepted (&h);
  h.descriptor_offset = 109; /* ends at 129 */
  hosted_refused (&h, "descriptor", 109);
}

/* ---- the directories' places ---- */

static void
a_directory_lies_inside_the_file (void)
{
  struct hosted h = hosted_default;
  const uint64_t last = FILE_SIZE / 512 - 1; /* 16 bytes are needed there */

  h.flags = 1;
  h.gd_offset = last;
  CHECK_INT (hosted_accepted (&h).geometry.gd_offset, last * 512);
  h.gd_offset++;
  hosted_refused (&h, "gdOffset", h.gd_offset);
  h.gd_offset = UINT64_MAX - 1;
  hosted_refused (&h, "gdOffset", h.gd_offset);
  h.gd_offset = (UINT64_C (1) << 55) + 38; /* * 512 wraps to the right place */
  hosted_refused (&h, "gdOffset", h.gd_offset);
}

static void
a_directory_longer_than_the_file_is_refused (void)
{
  struct hosted h = hosted_default;

  h.flags = 1;
  h.capacity = TIB; /* in sectors: 512 TiB, 64 MiB of directory */
  hosted_refused (&h, "gdOffset", 38);
}

static void
a_directory_in_header_or_descriptor_is_refused (void)
{
  struct hosted h = hosted_default;

  h.flags = 1;
  h.gd_offset = 0;
  hosted_refused (&h, "gdOffset", 0);
  h.gd_offset = 1;
  hosted_refused (&h, "gdOffset", 1);
  h.gd_offset = 20;
  hosted_refused (&h, "gdOffset", 20);
  h.gd_offset = 21;
  hosted_accepted (&h);
}

static void
only_a_stream_has_its_directory_at_the_end (void)
{
  struct hosted h = hosted_default;

  h.gd_offset = UINT64_MAX;
  hosted_refused (&h, "gdOffset", UINT64_MAX);
  h.flags = 0x30001;
  h.algorithm = 1;
  h.version = 3;
  CHECK (hosted_accepted (&h).gd_at_end);
  h.gd_offset = 38;
  CHECK (!hosted_accepted (&h).gd_at_end);
  h.gd_offset = 0;
  hosted_refused (&h, "gdOffset", 0);
}

static void
rgd_offset_counts_only_with_flag_1 (void)
{
  struct hosted h = hosted_default;

  h.flags = 1;
  h.rgd_offset = 21;
  CHECK_INT (hosted_accepted (&h).geometry.rgd_offset, 0);
  h.rgd_offset = UINT64_MAX;
  CHECK_INT (hosted_accepted (&h).geometry.rgd_offset, 0);
  CHECK_SILENT ();
}

/* 3.5; whoever opens the extent warns. */
static void
a_redundant_directory_without_a_place_is_not_used (void)
{
  static const uint64_t bad[] = { 0, 1, 20, 38, FILE_SIZE / 512, UINT64_MAX };
  struct hosted h = hosted_default;
  size_t i;

  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    struct hosted_header p;

    h.rgd_offset = bad[i];
    p = hosted_accepted (&h);
    CHECK_INT (p.geometry.rgd_offset, 0);
    CHECK (p.redundant_lost);
  }
  h.rgd_offset = 37;
  CHECK_INT (hosted_accepted (&h).geometry.rgd_offset, 37 * 512);
  CHECK (!hosted_accepted (&h).redundant_lost);
}

static void
overhead_of_an_uncompressed_extent_lies_inside_the_file (void)
{
  struct hosted h = hosted_default;

  h.overhead = FILE_SIZE / 512;
  hosted_accepted (&h);
  h.overhead++;
  hosted_refused (&h, "overHead", h.overhead);
  h.overhead = UINT64_C (1) << 63;
  hosted_refused (&h, "overHead", h.overhead);
}

static void
grains_may_lie_below_overhead_but_not_in_the_descriptor (void)
{
  struct hosted h = hosted_default;

  CHECK_INT (hosted_accepted (&h).geometry.data_start, 21 * 512);
  h.descriptor_offset = 0;
  CHECK_INT (hosted_accepted (&h).geometry.data_start, 512);
}

static void
compressed_extents_are_told_by_flag_or_algorithm (void)
{
  struct image i = { NULL, 0 };
  struct hosted h = hosted_default;

  image_hosted (&i, 0, &h);
  CHECK (!header_is_compressed (i.data));
  h.flags = 0x30001;
  image_hosted (&i, 0, &h);
  CHECK (header_is_compressed (i.data));
  h.flags = 1;
  h.algorithm = 1;
  image_hosted (&i, 0, &h);
  CHECK (header_is_compressed (i.data));
  image_free (&i);
}

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
  check_refusal (field, number);
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
  check_refusal (field, "");
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
    check_refusal ("reserved", "");
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
  check_refusal ("magic", "3405691582 (0x");
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

/* Values that lead somewhere, put where fields are. */
static void
damage (struct image *i, size_t n)
{
  static const uint64_t values[] = {
    0,
    1,
    2,
    511,
    512,
    UINT32_MAX,
    UINT64_MAX,
    UINT64_C (1) << 54,
    UINT64_C (1) << 55,
    UINT64_C (1) << 63,
    128,
    65536,
    UINT64_MAX / 512,
  };
  unsigned changes = 1 + test_random () % 3;

  while (changes-- > 0) {
    size_t at = 4 + test_random () % (n - 12);

    if (test_random () % 2)
      i->data[at] ^= 1 << test_random () % 8;
    else
      image_le64 (i, at & ~3u,
                  values[test_random () % (sizeof values / sizeof values[0])]);
  }
}

/* What header.h promises. */
static void
check_geometry (const struct geometry *g, unsigned entry_bytes)
{
  CHECK (g->capacity <= INT64_MAX);
  CHECK (g->grain_bytes > 0 && g->grain_bytes % 512 == 0);
  CHECK (g->grain_bytes <= 32 * MIB);
  CHECK (g->gtes_per_gt >= 128 && g->gtes_per_gt <= 65536);
  CHECK (g->n_tables > 0 && g->n_tables <= 64 << 20);
  CHECK ((g->capacity - 1) / g->grain_bytes / g->gtes_per_gt + 1 ==
         g->n_tables);
  CHECK (g->gd_offset >= 512 && g->gd_offset < g->file_size);
  CHECK (g->n_tables * entry_bytes <= g->file_size - g->gd_offset);
  CHECK (g->rgd_offset == 0 || g->rgd_offset >= 512);
  CHECK (g->data_start >= 512);
}

static void
random_damage_to_a_hosted_header_is_refused_or_sound (void)
{
  unsigned n, accepted = 0;

  for (n = 0; n < 100000; ++n) {
    struct image i = { NULL, 0 };
    struct hosted h = hosted_default;
    struct hosted_header p;

    if (n % 2) {
      h.flags = 0x30001;
      h.algorithm = 1;
      h.version = 3;
    }
    image_hosted (&i, 0, &h);
    damage (&i, 80);
    reports_forget ();
    errno = 0;
    if (header_parse_hosted (file, FILE_SIZE, i.data, &p) == -1) {
      CHECK_INT (n_errors (), 1);
      CHECK (errno != 0);
    }
    else {
      CHECK_INT (n_errors (), 0);
      accepted++;
      if (p.geometry.capacity > 0 && !p.gd_at_end)
        check_geometry (&p.geometry, 4);
    }
    image_free (&i);
  }
  CHECK (accepted > 5000 && accepted < 95000);
}

static void
random_damage_to_a_cowd_header_is_refused_or_sound (void)
{
  unsigned n, accepted = 0;

  for (n = 0; n < 50000; ++n) {
    struct image i = { NULL, 0 };
    struct cowd_header h;

    image_cowd (&i, &cowd_default);
    damage (&i, 40);
    reports_forget ();
    errno = 0;
    if (header_parse_cowd (file, FILE_SIZE, i.data, &h) == -1) {
      CHECK_INT (n_errors (), 1);
      CHECK (errno != 0);
    }
    else {
      CHECK_INT (n_errors (), 0);
      accepted++;
      check_geometry (&h.geometry, 4);
    }
    image_free (&i);
  }
  CHECK (accepted > 2000 && accepted < 48000);
}

static void
random_damage_to_a_sesparse_header_is_refused_or_sound (void)
{
  unsigned n, accepted = 0;

  for (n = 0; n < 50000; ++n) {
    struct image i = { NULL, 0 };
    struct sesparse_header p;
    uint64_t volatile_offset;

    image_sesparse (&i, &sesparse_default);
    damage (&i, 220);
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
      check_geometry (&p.geometry, 8);
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

  RUN (a_usual_hosted_header_is_understood);
  RUN (hosted_versions_1_to_3_are_accepted);
  RUN (capacity_is_below_2_to_54_sectors);
  RUN (capacity_0_is_passed_on);
  RUN (the_last_table_may_be_in_part_beyond_the_capacity);
  RUN (at_most_64_mi_tables_are_accepted);
  RUN (hosted_grains_are_a_power_of_2_up_to_65536);
  RUN (tables_have_a_power_of_2_of_128_to_65536_entries);
  RUN (undefined_compatible_flags_are_ignored);
  RUN (undefined_incompatible_flags_are_refused);
  RUN (newline_bytes_are_checked_if_flag_0_says_so);
  RUN (flag_16_17_and_the_algorithm_have_to_agree);
  RUN (an_unclean_shutdown_is_noted);
  RUN (without_descriptor_offset_the_size_does_not_matter);
  RUN (a_descriptor_has_1_to_32768_sectors);
  RUN (a_descriptor_lies_inside_the_file);
  RUN (a_descriptor_of_an_uncompressed_extent_lies_before_its_overhead);
  RUN (a_directory_lies_inside_the_file);
  RUN (a_directory_longer_than_the_file_is_refused);
  RUN (a_directory_in_header_or_descriptor_is_refused);
  RUN (only_a_stream_has_its_directory_at_the_end);
  RUN (rgd_offset_counts_only_with_flag_1);
  RUN (a_redundant_directory_without_a_place_is_not_used);
  RUN (overhead_of_an_uncompressed_extent_lies_inside_the_file);
  RUN (grains_may_lie_below_overhead_but_not_in_the_descriptor);
  RUN (compressed_extents_are_told_by_flag_or_algorithm);
  RUN (a_usual_cowd_header_is_understood);
  RUN (cowd_version_is_1);
  RUN (other_cowd_flags_are_warned_about);
  RUN (cowd_capacity_is_1_to_2_to_32_minus_1);
  RUN (cowd_grains_have_1_to_2048_sectors);
  RUN (a_cowd_directory_has_enough_entries_for_the_capacity);
  RUN (a_cowd_directory_lies_inside_the_file_behind_the_header);
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
  RUN (random_damage_to_a_hosted_header_is_refused_or_sound);
  RUN (random_damage_to_a_cowd_header_is_refused_or_sound);
  RUN (random_damage_to_a_sesparse_header_is_refused_or_sound);

  file_close (file);
  return test_result ();
}
