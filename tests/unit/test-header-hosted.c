/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers of hosted sparse and stream-optimized extents: each field at its
 * bounds and just outside (vmdk-format.md 3.2 to 3.8), and random damage.
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

static void
hosted_refused_in (const struct hosted *h, uint64_t file_size,
                   const char *field, uint64_t found)
{
  struct hosted_header parsed;
  char number[32];

  CHECK_INT (parse_hosted (h, file_size, &parsed), -1);
  snprintf (number, sizeof number, "%" PRIu64 " (0x", found);
  header_check_refusal (field, number);
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
    header_check_refusal ("text mode", "");
    h.flags = 2;
    hosted_accepted (&h);
  }
  /* What a text-mode transfer makes of them. */
  h = hosted_default;
  memcpy (h.newline, "\x0d\x0a\x20\x0d", 4);
  CHECK_INT (parse_hosted (&h, FILE_SIZE, &parsed), -1);
  header_check_refusal ("text mode", "0d 0a 20 0d");
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

/* ---- random damage ---- */

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
    header_damage (&i, 80);
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
        header_check_geometry (&p.geometry, 4);
    }
    image_free (&i);
  }
  CHECK (accepted > 5000 && accepted < 95000);
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
  RUN (random_damage_to_a_hosted_header_is_refused_or_sound);

  file_close (file);
  return test_result ();
}
