/* SPDX-License-Identifier: BSD-3-Clause */
/* From directories and tables to runs: hosted sparse, COWD and SESparse
 * extents, built byte by byte (vmdk-format.md 3.5 to 3.9, 5.2, 6.3, 6.4).
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

#define S 512 /* a sector */

/* ---- a small hosted sparse extent ----
 *
 *   sector 0       header
 *   2, 4           directory, redundant directory
 *   16 + i         table i: 128 entries, one sector
 *   32 + i         redundant table i
 *   64...          grains
 */

#define GD     2
#define RGD    4
#define GT(i)  (16 + (i))
#define RGT(i) (32 + (i))
#define DATA   64
#define N_GTES 128

static struct hosted
small_header (uint64_t capacity, uint64_t grain_size, uint32_t flags)
{
  return (struct hosted){
    .version = 1,
    .flags = flags,
    .capacity = capacity,
    .grain_size = grain_size,
    .gtes_per_gt = N_GTES,
    .rgd_offset = RGD,
    .gd_offset = GD,
    .overhead = DATA,
    .newline = { 0x0a, 0x20, 0x0d, 0x0a },
  };
}

/* All tables are there and empty; the file has SECTORS. */
static struct image
small_image (uint64_t capacity, uint64_t grain_size, uint32_t flags,
             size_t sectors)
{
  const struct hosted h = small_header (capacity, grain_size, flags);
  struct image i = { NULL, 0 };
  uint64_t coverage = grain_size * N_GTES, table;

  image_hosted (&i, 0, &h);
  image_room (&i, sectors * S);
  for (table = 0; table * coverage < capacity; ++table) {
    image_le32 (&i, GD * S + table * 4, GT (table));
    image_le32 (&i, RGD * S + table * 4, RGT (table));
  }
  return i;
}

static void
set_gte (struct image *i, unsigned grain, uint32_t value)
{
  image_le32 (i, GT (grain / N_GTES) * S + grain % N_GTES * 4, value);
}

static void
set_rgte (struct image *i, unsigned grain, uint32_t value)
{
  image_le32 (i, RGT (grain / N_GTES) * S + grain % N_GTES * 4, value);
}

/* ---- opening and mapping ---- */

static struct disk *disk;
static struct file *disk_file; /* the disk's */

static void
open_image (struct image *i, uint64_t length)
{
  struct dir *dir = image_dir ();
  struct disk_options options = {
    .places = { .dirs = &dir, .n = 1 },
    .cache_size = DISK_CACHE_SIZE,
  };

  disk_file = image_file (i, "x.vmdk", length, 1);
  disk = disk_open (disk_file, &options);
  MUST (disk != NULL);
  dir_close (dir);
  image_free (i);
  reports_forget ();
}

static void
close_image (void)
{
  disk_close (disk);
}

/* The run at sector OFFSET of the top link, in sectors. */
static int
map (uint64_t offset, uint64_t length, struct run *run)
{
  /* Whoever asks sets quiet; the rest is for the answer to fill in. */
  memset (run, 0xee, sizeof *run);
  run->quiet = false;
  return link_map (disk->links[0], offset * S, length * S, run);
}

static void
check_run_at (int line, uint64_t offset, uint64_t ask, enum run_state state,
              uint64_t length, uint64_t at)
{
  struct run run = { .quiet = false };

  test_check_int (__FILE__, line, "map", map (offset, ask, &run), 0);
  test_check_int (__FILE__, line, "run.state", run.state, state);
  test_check_int (__FILE__, line, "run.length", run.length, length * S);
  if (state == RUN_DATA)
    test_check_int (__FILE__, line, "run.at", run.at, at * S);
}

/* All in sectors. */
#define CHECK_RUN(offset, ask, state, length, at) \
  check_run_at (__LINE__, offset, ask, state, length, at)

/* Mapping one sector fails with one message that has PART. */
static void
check_bad (uint64_t offset, const char *part)
{
  struct run run = { .quiet = false };

  reports_forget ();
  errno = 0;
  CHECK_INT (map (offset, 1, &run), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "x.vmdk");
}

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
  close_image ();
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
  close_image ();
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
  CHECK_INT (link_map (disk->links[0], 1000, 17, &run), 0);
  CHECK_INT (run.length, 17);
  CHECK_INT (run.at, (DATA + 16) * S + 1000);
  close_image ();
}

static void
no_run_is_longer_than_asked (void)
{
  struct image i = small_image (1024, 8, 1, DATA + 64);
  struct run run = { .quiet = false };

  open_image (&i, 0);
  CHECK_INT (link_map (disk->links[0], 5, 1, &run), 0);
  CHECK_INT (run.length, 1);
  close_image ();
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
  close_image ();
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
  close_image ();
}

/* 3.4 rule 6. */
static void
the_zeroed_grain_flag_in_version_1_is_warned_about (void)
{
  struct image i = small_image (128, 1, 5, DATA);
  struct image bare = small_image (128, 1, 1, DATA);
  unsigned usual;

  open_image (&bare, 0);
  close_image ();
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
  close_image ();
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
    unsigned before = file_memory_reads (disk_file);

    CHECK_RUN (0, UINT64_C (65536) * 1024, RUN_HOLE, UINT64_C (65536) * 1024,
               0);
    /* The directory only: 4 KiB. */
    CHECK (file_memory_reads (disk_file) - before <= 2);
  }
  close_image ();
}

static void
grains_below_overhead_may_be_used_if_nothing_else_is_there (void)
{
  struct image i = small_image (128, 1, 1, DATA + 64);

  set_gte (&i, 0, 40);
  open_image (&i, 0);
  CHECK_RUN (0, 1, RUN_DATA, 1, 40);
  CHECK_SILENT ();
  close_image ();
}

/* ---- the last grain: 3.7 ---- */

static void
the_file_may_end_in_the_last_grain_behind_the_capacity (void)
{
  struct image i = small_image (83, 8, 1, DATA + 16 + 3);

  set_gte (&i, 9, DATA);
  set_gte (&i, 10, DATA + 16); /* sectors 80 to 82, the file ends there */
  open_image (&i, 0);
  CHECK_INT (disk->size, 83 * S);
  CHECK_RUN (80, 3, RUN_DATA, 3, DATA + 16);
  CHECK_RUN (72, 8, RUN_DATA, 8, DATA);
  CHECK_SILENT ();
  close_image ();
}

static void
the_file_may_not_end_before_the_capacity (void)
{
  struct image i = small_image (83, 8, 1, DATA + 16 + 2);

  set_gte (&i, 10, DATA + 16);
  open_image (&i, 0);
  check_bad (80, "beyond the end of the file");
  close_image ();
}

static void
no_other_grain_may_be_cut_short (void)
{
  struct image i = small_image (83, 8, 1, DATA + 7);

  set_gte (&i, 9, DATA);
  open_image (&i, 0);
  check_bad (72, "beyond the end of the file");
  close_image ();
}

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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
    close_image ();
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
  close_image ();
}

static void
a_table_in_the_directory_is_refused (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  image_le32 (&i, GD * S + 4, GD);
  open_image (&i, 0);
  check_bad (128, "directory");
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
}

static void
where_both_directories_are_damaged_there_is_one_error (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  image_le32 (&i, GD * S + 4, UINT32_MAX);
  image_le32 (&i, RGD * S + 4, UINT32_MAX);
  open_image (&i, 0);
  check_bad (128, "entry 1 of the grain directory");
  close_image ();
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
  close_image ();
}

/* A file that fails to read where it is said to. */
struct faulty_file {
  struct file file;
  struct file *inner;
  uint64_t bad_start, bad_end;
};

static int64_t
faulty_size (struct file *f)
{
  return file_size (((struct faulty_file *) f)->inner);
}

static int64_t
faulty_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  struct faulty_file *faulty = (struct faulty_file *) f;

  if (offset < faulty->bad_end && faulty->bad_start < offset + count) {
    errno = EIO;
    return -1;
  }
  return faulty->inner->ops->pread (faulty->inner, buf, count, offset);
}

static void
faulty_close (struct file *f)
{
  struct faulty_file *faulty = (struct faulty_file *) f;

  file_close (faulty->inner);
  free (f->name);
  free (f);
}

static const struct file_ops faulty_ops = {
  .size = faulty_size,
  .pread = faulty_pread,
  .close = faulty_close,
};

static void
open_faulty (struct image *i, uint64_t bad_sector)
{
  struct faulty_file *f = calloc (1, sizeof *f);
  struct dir *dir = image_dir ();
  struct disk_options options = {
    .places = { .dirs = &dir, .n = 1 },
    .cache_size = DISK_CACHE_SIZE,
  };

  MUST (f != NULL);
  f->file.ops = &faulty_ops;
  f->file.name = strdup ("x.vmdk");
  f->file.id.inode = 1;
  f->inner = image_file (i, "x.vmdk", 0, 1);
  f->bad_start = bad_sector * S;
  f->bad_end = f->bad_start + S;
  disk = disk_open (&f->file, &options);
  MUST (disk != NULL);
  dir_close (dir);
  image_free (i);
  reports_forget ();
}

static void
where_the_primary_table_is_unreadable_the_redundant_one_helps (void)
{
  struct image i = small_image (384, 1, 3, DATA + 64);

  set_rgte (&i, 130, DATA + 5);
  open_faulty (&i, GT (1));
  CHECK_RUN (130, 1, RUN_DATA, 1, DATA + 5);
  CHECK_INT (n_warnings (), 1);
  CHECK_INT (n_errors (), 0); /* nothing failed */
  close_image ();
}

static void
an_unreadable_table_is_one_error (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  open_faulty (&i, GT (1));
  check_bad (130, "cannot read");
  reports_forget ();
  CHECK_RUN (0, 128, RUN_HOLE, 128, 0);
  CHECK_SILENT ();
  close_image ();
}

static void
an_unreadable_table_ends_the_run_before_it_in_silence (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  open_faulty (&i, GT (1));
  CHECK_RUN (0, 384, RUN_HOLE, 128, 0);
  CHECK_SILENT ();
  close_image ();
}

/* Many tables side by side, of which one cannot be read. */
static void
an_unreadable_table_among_many_is_one_error_of_its_own (void)
{
  struct hosted h = small_header (40 * 128, 1, 1);
  struct image i = { NULL, 0 };
  unsigned table;

  image_hosted (&i, 0, &h);
  for (table = 0; table < 40; ++table) {
    image_le32 (&i, GD * S + 4 * table, 100 + table);
    image_le32 (&i, (100 + table) * S, 200 + 2 * table);
  }
  image_room (&i, 300 * S);
  open_faulty (&i, 120);
  CHECK_RUN (0, 20 * 128, RUN_DATA, 1, 200);
  CHECK_SILENT ();
  CHECK_RUN (1, 20 * 128 - 1, RUN_HOLE, 127, 0);
  check_bad (20 * 128, "cannot read");
  reports_forget ();
  CHECK_RUN (21 * 128, 10 * 128, RUN_DATA, 1, 200 + 2 * 21);
  CHECK_SILENT ();
  CHECK_RUN (19 * 128 + 1, 20 * 128, RUN_HOLE, 127, 0);
  CHECK_SILENT (); /* the error is not in this run */
  close_image ();
}

/* ---- COWD: 5.2 ----
 *
 *   sectors 0-3 header, 4 directory, then what the test puts there; the
 *   tables have 32 sectors
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
}

/* ---- SESparse: 6.3, 6.4 ---- */

/* 100 MiB of 7 tables: directory at 2 MiB, tables at 3 MiB, grains at 6 MiB. */
static struct image
sesparse_image (void)
{
  struct image i = { NULL, 0 };

  image_sesparse (&i, &sesparse_default);
  image_sesparse_volatile (&i, S, 0);
  image_room (&i, 7 << 20);
  return i;
}

static void
set_se_gde (struct image *i, unsigned table, uint64_t value)
{
  image_le64 (i, 4096 * S + 8 * table, value);
}

/* Entry GRAIN of the table in PLACE. */
static void
set_se_gte (struct image *i, unsigned place, unsigned grain, uint64_t value)
{
  image_le64 (i, (6144 + 64 * place) * S + 8 * grain, value);
}

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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
  close_image ();
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
    close_image ();
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
  close_image ();
}

/* ---- threads and failing reads ---- */

#define N_THREADS 16

static void *
map_one (void *opaque)
{
  const uint64_t grain = (uintptr_t) opaque;
  struct run run = { .quiet = false };

  CHECK_INT (link_map (disk->links[0], grain * 4096, 4096, &run), 0);
  CHECK_INT (run.state, RUN_DATA);
  CHECK_INT (run.at, (12288 + (grain + 1) * 8) * S);
  return NULL;
}

static void
sixteen_threads_that_miss_a_table_read_it_once (void)
{
  unsigned round;

  for (round = 0; round < 20; ++round) {
    struct image i = sesparse_image ();
    pthread_t threads[N_THREADS];
    unsigned k, before;

    set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
    for (k = 0; k < N_THREADS; ++k)
      set_se_gte (&i, 0, k,
                  UINT64_C (0x3000000000000000) | (uint64_t) (k + 1) << 48);
    open_image (&i, 0);
    before = file_memory_reads (disk_file);
    for (k = 0; k < N_THREADS; ++k)
      MUST (pthread_create (&threads[k], NULL, map_one,
                            (void *) (uintptr_t) k) == 0);
    for (k = 0; k < N_THREADS; ++k)
      pthread_join (threads[k], NULL);
    /* The page of the directory, and the table. */
    CHECK_INT (file_memory_reads (disk_file) - before, 2);
    close_image ();
  }
}

static void
a_table_that_cannot_be_read_is_named (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  set_gte (&i, 0, DATA);
  set_gte (&i, 256, DATA + 1);
  open_image (&i, 0);
  CHECK_RUN (0, 1, RUN_DATA, 1, DATA); /* the directory is known now */
  file_memory_fail_reads (disk_file, EIO);
  check_bad (257, "x.vmdk: grain table 2 (of grains 256 to 383) cannot be "
                  "read: x.vmdk: cannot read 512 bytes at offset ");
  file_memory_fail_reads (disk_file, 0);
  close_image ();
}

static void
a_failed_read_of_metadata_is_tried_again_next_time (void)
{
  struct image i = sesparse_image ();

  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x3000000000000000));
  open_image (&i, 0);
  file_memory_fail_reads (disk_file, EIO);
  check_bad (0, "cannot read");
  check_bad (0, "cannot read");
  file_memory_fail_reads (disk_file, 0);
  reports_forget ();
  CHECK_RUN (0, 8, RUN_DATA, 8, 12288);
  CHECK_SILENT ();
  close_image ();
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
  RUN (where_the_primary_table_is_unreadable_the_redundant_one_helps);
  RUN (an_unreadable_table_is_one_error);
  RUN (an_unreadable_table_ends_the_run_before_it_in_silence);
  RUN (an_unreadable_table_among_many_is_one_error_of_its_own);
  RUN (cowd_tables_and_grains_are_mixed);
  RUN (cowd_entry_1_is_zeroes_with_one_warning);
  RUN (cowd_grains_in_header_directory_or_table_are_refused);
  RUN (cowd_tables_in_the_header_are_refused);
  RUN (all_four_kinds_of_sesparse_entries_are_understood);
  RUN (the_sesparse_index_is_permuted);
  RUN (a_sesparse_run_ends_with_the_grain_area);
  RUN (sesparse_runs_cross_the_permutation);
  RUN (a_sesparse_grain_beyond_the_file_is_refused);
  RUN (other_sesparse_entries_are_refused);
  RUN (sesparse_tables_are_numbered_by_first_use);
  RUN (damaged_sesparse_directory_entries_are_refused);
  RUN (the_last_sesparse_table_of_the_area_is_usable);
  RUN (sixteen_threads_that_miss_a_table_read_it_once);
  RUN (a_table_that_cannot_be_read_is_named);
  RUN (a_failed_read_of_metadata_is_tried_again_next_time);
  return test_result ();
}
