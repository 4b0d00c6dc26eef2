/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream-optimized extents: layouts A and B and the hybrid, the search for the
 * footer, and every check of a grain (vmdk-format.md section 4).
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "file-memory.h"
#include "image.h"
#include "link.h"
#include "test.h"

#define S           512
#define GRAIN       16 /* sectors */
#define GRAIN_BYTES ((size_t) GRAIN * S)

/* Four grains, the last one of 5 sectors. */
#define CAPACITY (3 * GRAIN + 5)
#define SIZE     ((size_t) CAPACITY * S)

#define GD   1
#define GT   2
#define DATA 8

static unsigned char model[4 * 16 * 512];
static struct hosted header;
static struct image image;
static struct disk *disk;
static struct file *file; /* the disk's */
static size_t end;        /* first free sector of the image */

/* An image without grains; the directory at SECTOR (layout B: GD). */
static void
begin (uint64_t gd_offset)
{
  header = (struct hosted){
    .version = 3,
    .flags = 0x30001,
    .capacity = CAPACITY,
    .grain_size = GRAIN,
    .gtes_per_gt = 128,
    .gd_offset = gd_offset,
    .overhead = DATA,
    .newline = { 0x0a, 0x20, 0x0d, 0x0a },
    .algorithm = 1,
  };
  image = (struct image){ NULL, 0 };
  image_hosted (&image, 0, &header);
  image_room (&image, DATA * S);
  end = DATA;
  image_pattern (model, sizeof model, 5);
}

static void
set_gte (unsigned gt, unsigned grain, uint32_t value)
{
  image_le32 (&image, gt * S + grain * 4, value);
}

/* Grain GRAIN of the model at the end; the first N bytes of it.  Returns its
 * sector.
 */
static uint32_t
add_grain (unsigned grain, size_t n)
{
  const uint32_t at = end;

  end = image_packed (&image, end * S, grain * GRAIN,
                      model + grain * GRAIN_BYTES, n);
  return at;
}

static struct disk_options options = { .cache_size = DISK_CACHE_SIZE };

/* Open what was made; NULL if it is refused. */
static bool
try_open (void)
{
  struct dir *dir = image_dir ();

  reports_forget ();
  errno = 0;
  options.places.dirs = &dir;
  options.places.n = 1;
  file = image_file (&image, "x.vmdk", 0, 1);
  disk = disk_open (file, &options);
  dir_close (dir);
  image_free (&image);
  return disk != NULL;
}

static void
open_it (void)
{
  MUST (try_open ());
  reports_forget ();
}

static void
check_refused (const char *part)
{
  CHECK (!try_open ());
  CHECK (errno != 0);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "x.vmdk");
  disk_close (disk);
}

static void
check_content (void)
{
  unsigned char buf[SIZE];
  size_t offset;

  CHECK_INT (disk->size, SIZE);
  CHECK_INT (disk_pread (disk, buf, SIZE, 0), 0);
  CHECK_BYTES (buf, model, SIZE);
  for (offset = 0; offset + 3000 <= SIZE; offset += 777) {
    CHECK_INT (disk_pread (disk, buf, 3000, offset), 0);
    CHECK_BYTES (buf, model + offset, 3000);
  }
  CHECK_STRING (errors (), "");
}

/* Reading grain 0 fails with one error that has PART, in part and as a whole,
 * and grain 1 still reads.
 */
static void
check_bad_grain (const char *part)
{
  unsigned char buf[GRAIN_BYTES];

  open_it ();
  CHECK_INT (disk_pread (disk, buf, 1, 5), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "x.vmdk");
  reports_forget ();
  CHECK_INT (disk_pread (disk, buf, GRAIN_BYTES, 0), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR (part);
  reports_forget ();
  CHECK_INT (disk_pread (disk, buf, GRAIN_BYTES, GRAIN_BYTES), 0);
  CHECK_BYTES (buf, model + GRAIN_BYTES, GRAIN_BYTES);
  CHECK_STRING (errors (), "");
  disk_close (disk);
}

/* ---- layout B ---- */

static void
begin_b (void)
{
  begin (GD);
  image_le32 (&image, GD * S, GT);
}

/* Grain 1 is there, so that one good one is left. */
static void
begin_damage (void)
{
  begin_b ();
  set_gte (GT, 1, add_grain (1, GRAIN_BYTES));
}

static void
tables_in_front_are_read (void)
{
  unsigned g;

  begin_b ();
  for (g = 0; g < 4; ++g)
    set_gte (GT, g,
             add_grain (g, g < 3 ? GRAIN_BYTES : SIZE - 3 * GRAIN_BYTES));
  open_it ();
  check_content ();
  CHECK_INT (n_warnings (), 0);
  CHECK_INT (disk_grain_bytes (disk), GRAIN_BYTES);
  disk_close (disk);
}

static void
grains_may_lie_in_any_order (void)
{
  int g;

  begin_b ();
  for (g = 3; g >= 0; --g)
    set_gte (GT, g,
             add_grain (g, g < 3 ? GRAIN_BYTES : SIZE - 3 * GRAIN_BYTES));
  open_it ();
  check_content ();
  disk_close (disk);
}

/* 4.5: both forms. */
static void
the_last_grain_may_be_full (void)
{
  unsigned g;

  begin_b ();
  for (g = 0; g < 4; ++g)
    set_gte (GT, g, add_grain (g, GRAIN_BYTES));
  open_it ();
  check_content ();
  disk_close (disk);
}

static void
absent_and_zeroed_grains_are_zeroes (void)
{
  struct run run = { .quiet = false };

  begin_b ();
  set_gte (GT, 0, add_grain (0, GRAIN_BYTES));
  set_gte (GT, 1, 1);
  set_gte (GT, 3, add_grain (3, GRAIN_BYTES));
  memset (model + GRAIN_BYTES, 0, 2 * GRAIN_BYTES);
  open_it ();
  check_content ();
  CHECK_INT (link_map (disk->links[0], 0, SIZE, &run), 0);
  CHECK_INT (run.state, RUN_PACKED);
  CHECK_INT (run.length, GRAIN_BYTES);
  CHECK_INT (link_map (disk->links[0], GRAIN_BYTES, SIZE - GRAIN_BYTES, &run),
             0);
  CHECK_INT (run.state, RUN_ZERO);
  CHECK_INT (run.length, GRAIN_BYTES);
  CHECK_INT (
    link_map (disk->links[0], 2 * GRAIN_BYTES, SIZE - 2 * GRAIN_BYTES, &run),
    0);
  CHECK_INT (run.state, RUN_HOLE);
  CHECK_INT (run.length, GRAIN_BYTES);
  disk_close (disk);
}

static void
packed_grains_are_one_run (void)
{
  struct run run = { .quiet = false };
  unsigned g;

  begin_b ();
  for (g = 0; g < 3; ++g)
    set_gte (GT, 2 - g, add_grain (2 - g, GRAIN_BYTES));
  open_it ();
  CHECK_INT (link_map (disk->links[0], 100, SIZE - 100, &run), 0);
  CHECK_INT (run.state, RUN_PACKED);
  CHECK_INT (run.at, 100);
  CHECK_INT (run.length, 3 * GRAIN_BYTES - 100);
  disk_close (disk);
}

/* ---- checks of a grain: 4.8, 11.3 ---- */

static void
a_grain_with_another_grains_lba_is_refused (void)
{
  begin_damage ();
  set_gte (GT, 0, end);
  end = image_packed (&image, end * S, GRAIN, model, GRAIN_BYTES);
  check_bad_grain ("marker");
}

static void
an_entry_that_names_another_grain_is_refused (void)
{
  begin_damage ();
  set_gte (GT, 0, DATA); /* where grain 1 is */
  check_bad_grain ("marker");
}

static void
an_entry_that_names_a_metadata_marker_is_refused (void)
{
  begin_damage ();
  set_gte (GT, 0, end);
  image_room (&image, (end + 2) * S); /* zeroes: end of stream */
  check_bad_grain ("marker");
}

static void
an_entry_beyond_the_file_is_refused (void)
{
  begin_damage ();
  set_gte (GT, 0, end);
  check_bad_grain ("beyond the end of the file");
  begin_damage ();
  set_gte (GT, 0, UINT32_MAX);
  check_bad_grain ("beyond the end of the file");
}

static void
a_grain_larger_than_a_packed_grain_can_be_is_refused (void)
{
  static const uint32_t sizes[] = { 2 * 16 * 512 + 1025, 0x7fffffff,
                                    0xffffffff };
  size_t k;

  for (k = 0; k < 3; ++k) {
    begin_damage ();
    set_gte (GT, 0, end);
    image_le64 (&image, end * S, 0);
    image_le32 (&image, end * S + 8, sizes[k]);
    image_room (&image, (end + 100) * S);
    check_bad_grain ("more bytes");
  }
}

static void
a_grain_that_continues_beyond_the_file_is_refused (void)
{
  begin_damage ();
  set_gte (GT, 0, end);
  image_le64 (&image, end * S, 0);
  image_le32 (&image, end * S + 8, 501); /* 12 + 501 > 512 */
  image_room (&image, (end + 1) * S);
  check_bad_grain ("beyond the end of the file");
}

/* Grain 0 packed from N bytes, then damaged. */
static size_t
add_for_damage (const unsigned char *data, size_t n)
{
  const size_t at = end * S;

  set_gte (GT, 0, end);
  end = image_packed (&image, at, 0, data, n);
  return at;
}

static void
a_grain_that_does_not_inflate_is_refused (void)
{
  size_t at;

  begin_damage ();
  at = add_for_damage (model, GRAIN_BYTES);
  image.data[at + 12 + 20] ^= 0x55;
  check_bad_grain ("inflate");
}

static void
a_grain_with_a_wrong_adler_32_is_refused (void)
{
  size_t at, size;

  begin_damage ();
  at = add_for_damage (model, GRAIN_BYTES);
  size = image.data[at + 8] | image.data[at + 9] << 8;
  image.data[at + 12 + size - 1] ^= 1;
  check_bad_grain ("inflate");
}

static void
a_grain_whose_stream_is_cut_is_refused (void)
{
  size_t at, size;

  begin_damage ();
  at = add_for_damage (model, GRAIN_BYTES);
  size = image.data[at + 8] | image.data[at + 9] << 8;
  image_le32 (&image, at + 8, size - 1);
  check_bad_grain ("inflate");
}

static void
a_grain_of_too_few_bytes_is_refused (void)
{
  begin_damage ();
  add_for_damage (model, GRAIN_BYTES - 1);
  check_bad_grain ("less than");
  /* As many as the last grain may have, but this is the first. */
  begin_damage ();
  add_for_damage (model, SIZE - 3 * GRAIN_BYTES);
  check_bad_grain ("less than");
}

static void
a_grain_of_too_many_bytes_is_refused (void)
{
  begin_damage ();
  add_for_damage (model, GRAIN_BYTES + 1);
  check_bad_grain ("more than");
}

static void
bytes_behind_the_stream_of_a_grain_are_only_warned_about (void)
{
  unsigned char buf[GRAIN_BYTES];
  size_t at, size;

  begin_damage ();
  at = add_for_damage (model, GRAIN_BYTES);
  size = image.data[at + 8] | image.data[at + 9] << 8;
  image_room (&image, at + 12 + size + S);
  image_le32 (&image, at + 8, size + 9);
  open_it ();
  CHECK_INT (disk_pread (disk, buf, GRAIN_BYTES, 0), 0);
  CHECK_BYTES (buf, model, GRAIN_BYTES);
  CHECK_INT (n_errors (), 0);
  CHECK_INT (n_warnings (), 1);
  disk_close (disk);
}

/* ---- layout A ---- */

#define FOOTER_MARKER 3

/* The grains, their table, the directory; returns the directory's sector. */
static size_t
add_layout_a (void)
{
  uint32_t gtes[4];
  size_t gt, gd;
  unsigned g;

  for (g = 0; g < 4; ++g)
    gtes[g] = add_grain (g, GRAIN_BYTES);
  image_le64 (&image, end * S, 1); /* marker of a table */
  image_le32 (&image, end * S + 12, 1);
  gt = end + 1;
  for (g = 0; g < 4; ++g)
    image_le32 (&image, gt * S + g * 4, gtes[g]);
  image_room (&image, (gt + 1) * S);
  image_le64 (&image, (gt + 1) * S, 1); /* marker of the directory */
  image_le32 (&image, (gt + 1) * S + 12, 2);
  gd = gt + 2;
  image_le32 (&image, gd * S, gt);
  end = gd + 1;
  image_room (&image, end * S);
  return gd;
}

/* Footer marker, footer, end of stream. */
static void
add_footer (const struct hosted *footer)
{
  image_le64 (&image, end * S, 1);
  image_le32 (&image, end * S + 12, FOOTER_MARKER);
  image_hosted (&image, (end + 1) * S, footer);
  image_room (&image, (end + 3) * S);
  end += 3;
}

static void
make_layout_a (void)
{
  struct hosted footer;

  begin (UINT64_MAX);
  footer = header;
  footer.gd_offset = add_layout_a ();
  add_footer (&footer);
}

static void
tables_at_the_end_are_found_through_the_footer (void)
{
  make_layout_a ();
  open_it ();
  check_content ();
  CHECK_INT (n_warnings (), 0);
  disk_close (disk);
}

static void
padding_behind_the_stream_is_tolerated_up_to_64_kib (void)
{
  static const size_t paddings[] = { 1, 100, 511, 512, 513, 10000, 65536 };
  size_t k;

  for (k = 0; k < sizeof paddings / sizeof paddings[0]; ++k) {
    make_layout_a ();
    image_room (&image, image.size + paddings[k]);
    memset (image.data + image.size - paddings[k], 0x5a, paddings[k]);
    open_it ();
    check_content ();
    disk_close (disk);
  }
}

static void
a_footer_without_end_of_stream_is_found (void)
{
  make_layout_a ();
  image.size -= S;
  open_it ();
  check_content ();
  disk_close (disk);
}

static void
a_stream_without_footer_is_refused_as_incomplete (void)
{
  begin (UINT64_MAX);
  add_layout_a ();
  check_refused ("incomplete");
  make_layout_a ();
  image.size -= 2 * S; /* the marker is left */
  check_refused ("incomplete");
  begin (UINT64_MAX); /* nothing but the header */
  image.size = S;
  check_refused ("incomplete");
}

static void
a_footer_that_differs_from_the_header_is_refused (void)
{
  unsigned k;

  for (k = 0; k < 6; ++k) {
    struct hosted footer;

    begin (UINT64_MAX);
    footer = header;
    footer.gd_offset = add_layout_a ();
    switch (k) {
    case 0: footer.capacity++; break;
    case 1: footer.grain_size = 8; break;
    case 2: footer.gtes_per_gt = 256; break;
    case 3: footer.version = 1; break;
    case 4: footer.flags = 0x30003; break;
    default: footer.gd_offset = UINT64_MAX; break;
    }
    add_footer (&footer);
    check_refused ("footer");
  }
}

static void
a_footer_with_a_directory_in_the_header_is_refused (void)
{
  struct hosted footer;

  begin (UINT64_MAX);
  footer = header;
  add_layout_a ();
  footer.gd_offset = 0;
  add_footer (&footer);
  check_refused ("at sector 0, where the footer");
}

/* A stream converter writes both (4.1). */
static void
a_footer_beside_a_usable_header_does_no_harm (void)
{
  struct hosted footer;
  size_t gd;

  begin (GD);
  gd = add_layout_a ();
  header.gd_offset = gd;
  image_hosted (&image, 0, &header);
  footer = header;
  add_footer (&footer);
  open_it ();
  check_content ();
  disk_close (disk);
}

static void
markers_of_other_types_between_grains_do_no_harm (void)
{
  unsigned g;

  begin_b ();
  for (g = 0; g < 4; ++g) {
    image_le32 (&image, end * S + 12, 4 + g);
    image_room (&image, (end + 1) * S);
    end++;
    set_gte (GT, g, add_grain (g, GRAIN_BYTES));
  }
  open_it ();
  check_content ();
  disk_close (disk);
}

/* ---- the cache of grains, and threads ---- */

static void
a_grain_that_was_read_in_part_is_not_read_again (void)
{
  unsigned char buf[100];
  unsigned before;

  begin_b ();
  set_gte (GT, 0, add_grain (0, GRAIN_BYTES));
  open_it ();
  CHECK_INT (disk_pread (disk, buf, 100, 0), 0);
  before = file_memory_reads (file);
  CHECK_INT (disk_pread (disk, buf, 100, 4000), 0);
  CHECK_BYTES (buf, model + 4000, 100);
  CHECK_INT (file_memory_reads (file), before);
  disk_close (disk);
}

static void *
read_all (void *opaque)
{
  unsigned char buf[SIZE];
  uintptr_t i;

  for (i = 0; i < 50; ++i) {
    size_t offset = ((uintptr_t) opaque * 131 + i * 977) % (SIZE - 1);
    size_t count = 1 + (i * 631) % (SIZE - offset);

    CHECK_INT (disk_pread (disk, buf, count, offset), 0);
    CHECK_BYTES (buf, model + offset, count);
  }
  return NULL;
}

static void
threads_share_a_stream (void)
{
  pthread_t threads[16];
  uintptr_t k;
  unsigned g;

  begin_b ();
  for (g = 0; g < 4; ++g)
    set_gte (GT, g, add_grain (g, GRAIN_BYTES));
  open_it ();
  for (k = 0; k < 16; ++k)
    MUST (pthread_create (&threads[k], NULL, read_all, (void *) k) == 0);
  for (k = 0; k < 16; ++k)
    pthread_join (threads[k], NULL);
  CHECK_SILENT ();
  disk_close (disk);
}

static void
prefetching_leaves_grains_in_the_cache (void)
{
  unsigned char buf[GRAIN_BYTES];
  unsigned before, g;

  begin_b ();
  for (g = 0; g < 3; ++g)
    set_gte (GT, g, add_grain (g, GRAIN_BYTES));
  open_it ();
  CHECK_INT (disk_prefetch (disk, 2 * GRAIN_BYTES, 100), 0);
  before = file_memory_reads (file);
  CHECK_INT (disk_pread (disk, buf, 1000, 2 * GRAIN_BYTES), 0);
  CHECK_INT (disk_pread (disk, buf, GRAIN_BYTES, GRAIN_BYTES), 0);
  CHECK_INT (file_memory_reads (file), before);
  disk_close (disk);
}

int
main (void)
{
  RUN (tables_in_front_are_read);
  RUN (grains_may_lie_in_any_order);
  RUN (the_last_grain_may_be_full);
  RUN (absent_and_zeroed_grains_are_zeroes);
  RUN (packed_grains_are_one_run);
  RUN (a_grain_with_another_grains_lba_is_refused);
  RUN (an_entry_that_names_another_grain_is_refused);
  RUN (an_entry_that_names_a_metadata_marker_is_refused);
  RUN (an_entry_beyond_the_file_is_refused);
  RUN (a_grain_larger_than_a_packed_grain_can_be_is_refused);
  RUN (a_grain_that_continues_beyond_the_file_is_refused);
  RUN (a_grain_that_does_not_inflate_is_refused);
  RUN (a_grain_with_a_wrong_adler_32_is_refused);
  RUN (a_grain_whose_stream_is_cut_is_refused);
  RUN (a_grain_of_too_few_bytes_is_refused);
  RUN (a_grain_of_too_many_bytes_is_refused);
  RUN (bytes_behind_the_stream_of_a_grain_are_only_warned_about);
  RUN (tables_at_the_end_are_found_through_the_footer);
  RUN (padding_behind_the_stream_is_tolerated_up_to_64_kib);
  RUN (a_footer_without_end_of_stream_is_found);
  RUN (a_stream_without_footer_is_refused_as_incomplete);
  RUN (a_footer_that_differs_from_the_header_is_refused);
  RUN (a_footer_with_a_directory_in_the_header_is_refused);
  RUN (a_footer_beside_a_usable_header_does_no_harm);
  RUN (markers_of_other_types_between_grains_do_no_harm);
  RUN (a_grain_that_was_read_in_part_is_not_read_again);
  RUN (threads_share_a_stream);
  RUN (prefetching_leaves_grains_in_the_cache);
  return test_result ();
}
