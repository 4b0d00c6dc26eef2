/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole disks: every byte range of small images of all kinds and of a mixed
 * chain against a model, block status, threads, failing reads.
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "file-memory.h"
#include "image.h"
#include "test.h"

#define S 512

static struct dir *dir;
static unsigned char model[1 << 20]; /* what the disk holds */

static struct disk *
open_disk (const char *name)
{
  struct disk *d = image_disk (dir, name);

  CHECK_STRING (errors (), "");
  MUST (d != NULL);
  reports_forget ();
  return d;
}

/* ---- images ---- */

/* Hosted sparse: directory 2, tables from 16, grains from 64. */
static struct image
sparse_image (uint64_t capacity, uint64_t grain_size)
{
  const struct hosted h = {
    .version = 1,
    .flags = 5,
    .capacity = capacity,
    .grain_size = grain_size,
    .gtes_per_gt = 128,
    .gd_offset = 2,
    .overhead = 64,
    .newline = { 0x0a, 0x20, 0x0d, 0x0a },
  };
  struct image i = { NULL, 0 };
  uint64_t table;

  image_hosted (&i, 0, &h);
  for (table = 0; table * grain_size * 128 < capacity; ++table)
    image_le32 (&i, 2 * S + table * 4, 16 + table);
  image_room (&i, 64 * S);
  return i;
}

/* Put N bytes of SEED's pattern at SECTOR of the image, and into the model. */
static void
put_data (struct image *i, size_t sector, size_t n, size_t where, unsigned seed)
{
  image_put_pattern (i, sector * S, n, seed);
  image_pattern (model + where, n, seed);
}

static void
add_descriptor (const char *name, const char *keys, const char *extents)
{
  char text[1024] = "version=1\n";

  strcat (strcat (text, keys), extents);
  image_add_text (dir, name, text);
}

/* ---- reading ---- */

static void
check_range (struct disk *d, uint64_t offset, uint32_t count)
{
  unsigned char *buf = malloc (count + 1);

  MUST (buf != NULL);
  memset (buf, 0xee, count + 1);
  CHECK_INT (disk_pread (d, buf, count, offset), 0);
  CHECK_BYTES (buf, model + offset, count);
  CHECK_INT (buf[count], 0xee);
  free (buf);
}

/* Ranges from the bytes around each sector's ends, and some between, to the
 * bytes around each multiple of STEP.
 */
static void
check_all_ranges (struct disk *d, uint64_t step)
{
  uint64_t offset, end;
  int around;

  for (offset = 0;
       offset<d->size; offset += offset % S> 1 && offset % S < S - 38 ? 37 : 1)
    for (end = offset / step * step; end <= d->size + step; end += step)
      for (around = -1; around <= 1; ++around)
        if (end + around > offset && end + around <= d->size)
          check_range (d, offset, end + around - offset);
  CHECK_SILENT ();
}

static void
every_range_of_a_hosted_sparse_disk_reads (void)
{
  struct image i = sparse_image (11, 2);
  struct disk *d;

  memset (model, 0, sizeof model);
  put_data (&i, 68, 2 * S, 0, 1);
  put_data (&i, 70, 2 * S, 2 * S, 2);
  put_data (&i, 64, 2 * S, 8 * S, 3);
  put_data (&i, 72, 1 * S, 10 * S, 4); /* the last grain is short */
  image_le32 (&i, 16 * S, 68);
  image_le32 (&i, 16 * S + 4, 70);
  image_le32 (&i, 16 * S + 8, 1);
  image_le32 (&i, 16 * S + 16, 64);
  image_le32 (&i, 16 * S + 20, 72);
  image_add (dir, "x.vmdk", &i);
  d = open_disk ("x.vmdk");
  CHECK_INT (d->size, 11 * S);
  CHECK_INT (disk_grain_bytes (d), 2 * S);
  check_all_ranges (d, 2 * S);
  disk_close (d);
  image_free (&i);
}

static struct image
cowd_image (uint32_t capacity, uint32_t grain_size)
{
  const struct cowd c = { 1, 3, capacity, grain_size, 4, 1, 0 };
  struct image i = { NULL, 0 };

  image_cowd (&i, &c);
  image_le32 (&i, 4 * S, 5);
  image_room (&i, 37 * S);
  return i;
}

static void
every_range_of_a_cowd_reads (void)
{
  struct image i = cowd_image (10, 3);
  struct disk *d;

  memset (model, 0, sizeof model);
  put_data (&i, 40, 3 * S, 0, 1);
  put_data (&i, 37, 3 * S, 6 * S, 2);
  put_data (&i, 43, 1 * S, 9 * S, 3);
  image_le32 (&i, 5 * S, 40);
  image_le32 (&i, 5 * S + 8, 37);
  image_le32 (&i, 5 * S + 12, 43);
  image_add (dir, "x.vmdk", &i);
  d = open_disk ("x.vmdk");
  CHECK_INT (d->size, 10 * S);
  check_all_ranges (d, 3 * S);
  disk_close (d);
  image_free (&i);
}

static struct image
sesparse_image (uint64_t capacity)
{
  struct sesparse s = sesparse_default;
  struct image i = { NULL, 0 };

  s.capacity = capacity;
  image_sesparse (&i, &s);
  image_sesparse_volatile (&i, S, 0);
  image_room (&i, 12288 * S);
  image_le64 (&i, 4096 * S, UINT64_C (0x1000000000000000));
  return i;
}

static void
every_range_of_a_sesparse_reads (void)
{
  struct image i = sesparse_image (20);
  struct disk *d;

  memset (model, 0, sizeof model);
  put_data (&i, 12288 + 8, 8 * S, 0, 1);
  put_data (&i, 12288, 4 * S, 16 * S, 2);
  image_le64 (&i, 6144 * S, UINT64_C (0x3001000000000000));
  image_le64 (&i, 6144 * S + 8, UINT64_C (0x1002000000000000));
  image_le64 (&i, 6144 * S + 16, UINT64_C (0x3000000000000000));
  image_add (dir, "x.vmdk", &i);
  d = open_disk ("x.vmdk");
  CHECK_INT (d->size, 20 * S);
  CHECK_INT (disk_grain_bytes (d), 4096);
  check_all_ranges (d, 8 * S);
  disk_close (d);
  image_free (&i);
}

static void
every_range_over_several_extents_reads (void)
{
  static unsigned char flat[8 * S];
  struct image i = sparse_image (5, 1);
  struct disk *d;

  memset (model, 0, sizeof model);
  image_pattern (flat, sizeof flat, 9);
  MUST (dir_memory_add (dir, "flat", flat, sizeof flat) == 0);
  put_data (&i, 64, S, (2 + 3) * S, 1);
  image_le32 (&i, 16 * S + 3 * 4, 64);
  image_add (dir, "s.vmdk", &i);
  add_descriptor ("x.vmdk", "",
                  "RW 2 FLAT \"flat\" 6\n"
                  "RW 5 SPARSE \"s.vmdk\"\n"
                  "RDONLY 1 VMFS \"flat\" 1\n"
                  "NOACCESS 2 ZERO\n"
                  "RW 2 FLAT \"flat\" 0\n");
  memcpy (model, flat + 6 * S, 2 * S);
  memcpy (model + 7 * S, flat + S, S);
  memcpy (model + 10 * S, flat, 2 * S);
  d = open_disk ("x.vmdk");
  CHECK_INT (d->size, 12 * S);
  check_all_ranges (d, S);
  disk_close (d);
  image_free (&i);
}

/* The grains of a child, a COWD and a SESparse differ in size; extents of one
 * link are not split like the parent's (3.12, 7.1).
 */
static void
every_range_of_a_mixed_chain_reads (void)
{
  static unsigned char flat[24 * S];
  struct image a = sparse_image (10, 2), b = sparse_image (13, 4);
  struct image c = cowd_image (24, 3), e = sesparse_image (24);
  struct disk *d;

  image_pattern (flat, sizeof flat, 7);
  memcpy (model, flat, sizeof flat);
  MUST (dir_memory_add (dir, "flat", flat, sizeof flat) == 0);
  add_descriptor ("base.vmdk", "CID=1\nparentCID=ffffffff\n",
                  "RW 10 FLAT \"flat\" 0\nRW 14 FLAT \"flat\" 10\n");

  put_data (&e, 12288 + 8, 8 * S, 8 * S, 11);
  image_le64 (&e, 6144 * S + 8, UINT64_C (0x3001000000000000));
  image_le64 (&e, 6144 * S + 16, UINT64_C (0x2000000000000000));
  memset (model + 16 * S, 0, 8 * S);
  image_add (dir, "e.vmdk", &e);
  add_descriptor ("se.vmdk",
                  "CID=2\nparentCID=1\nparentFileNameHint=\"base.vmdk\"\n",
                  "RW 24 SESPARSE \"e.vmdk\"\n");

  put_data (&c, 40, 3 * S, 3 * S, 12);
  put_data (&c, 43, 3 * S, 15 * S, 13);
  put_data (&c, 46, 3 * S, 18 * S, 14);
  image_le32 (&c, 5 * S + 1 * 4, 40);
  image_le32 (&c, 5 * S + 5 * 4, 43);
  image_le32 (&c, 5 * S + 6 * 4, 46);
  image_add (dir, "c.vmdk", &c);
  add_descriptor ("cowd.vmdk",
                  "CID=3\nparentCID=2\nparentFileNameHint=\"se.vmdk\"\n",
                  "RW 24 VMFSSPARSE \"c.vmdk\"\n");

  put_data (&a, 64, 2 * S, 4 * S, 15);
  image_le32 (&a, 16 * S + 2 * 4, 64);
  image_le32 (&a, 16 * S + 4 * 4, 1); /* sectors 8 and 9 */
  memset (model + 8 * S, 0, 2 * S);
  /* The second extent begins at sector 10 of the disk, the third at 23. */
  put_data (&b, 64, 4 * S, (10 + 4) * S, 16);
  put_data (&b, 68, 1 * S, (10 + 12) * S, 17);
  image_le32 (&b, 16 * S + 1 * 4, 64);
  image_le32 (&b, 16 * S + 3 * 4, 68);
  image_add (dir, "a.vmdk", &a);
  image_add (dir, "b.vmdk", &b);
  memset (model + 23 * S, 0, S); /* ZERO hides the parent */
  add_descriptor ("top.vmdk",
                  "CID=4\nparentCID=3\nparentFileNameHint=\"cowd.vmdk\"\n",
                  "RW 10 SPARSE \"a.vmdk\"\nRW 13 SPARSE \"b.vmdk\"\n"
                  "RW 1 ZERO\n");
  d = open_disk ("top.vmdk");
  CHECK_INT (d->n_links, 4);
  CHECK_INT (disk_grain_bytes (d), 4 * S);
  check_all_ranges (d, S);
  disk_close (d);
  image_free (&a);
  image_free (&b);
  image_free (&c);
  image_free (&e);
}

static void
what_is_marked_noaccess_cannot_be_read (void)
{
  unsigned char buf[4 * S];
  struct disk *d;

  add_descriptor ("x.vmdk", "", "RW 2 ZERO\nNOACCESS 2 FLAT \"f\" 0\n");
  d = open_disk ("x.vmdk");
  CHECK_INT (disk_pread (d, buf, 2 * S, 0), 0);
  CHECK_INT (disk_pread (d, buf, S + 1, S), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR ("NOACCESS");
  reports_forget ();
  CHECK_INT (disk_prefetch (d, 4 * S, 0), 0);
  disk_close (d);
}

static void
a_disk_ends_below_2_to_63_bytes (void)
{
  struct disk *d;

  add_descriptor ("x.vmdk", "", "RW 18014398509481983 ZERO\n");
  d = open_disk ("x.vmdk");
  CHECK (d->size <= INT64_MAX);
  CHECK_INT (d->size, ((INT64_C (1) << 54) - 1) * S);
  memset (model, 0, 4 * S);
  {
    unsigned char buf[2 * S];

    memset (buf, 0xee, sizeof buf);
    CHECK_INT (disk_pread (d, buf, sizeof buf, d->size - sizeof buf), 0);
    CHECK_BYTES (buf, model, sizeof buf);
  }
  disk_close (d);
}

/* ---- failures ---- */

static void
a_failing_read_is_one_error (void)
{
  static unsigned char flat[4 * S];
  struct disk *d;
  unsigned char buf[4 * S];

  MUST (dir_memory_add (dir, "flat", flat, sizeof flat) == 0);
  add_descriptor ("x.vmdk", "", "RW 4 FLAT \"flat\" 0\n");
  d = open_disk ("x.vmdk");
  file_memory_fail_reads (d->links[0]->files.items[1], ENOMEM);
  CHECK_INT (disk_pread (d, buf, sizeof buf, 0), -1);
  CHECK_INT (errno, ENOMEM);
  CHECK_ONE_ERROR ("flat");
  reports_forget ();
  file_memory_fail_reads (d->links[0]->files.items[1], 0);
  CHECK_INT (disk_pread (d, buf, sizeof buf, 0), 0);
  CHECK_SILENT ();
  disk_close (d);
}

static void
a_request_that_meets_damage_is_one_error (void)
{
  struct image i = sparse_image (256, 1);
  unsigned char *buf = malloc (256 * S);
  struct disk *d;

  MUST (buf != NULL);
  image_le32 (&i, 16 * S, 64);
  image_le32 (&i, 2 * S + 4, UINT32_MAX); /* no table 1 */
  image_room (&i, 70 * S);
  image_add (dir, "x.vmdk", &i);
  d = open_disk ("x.vmdk");
  CHECK_INT (disk_pread (d, buf, 256 * S, 0), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR ("grain directory");
  disk_close (d);
  image_free (&i);
  free (buf);
}

/* ---- block status ---- */

struct part {
  uint64_t offset, length;
  bool zero;
};

struct parts {
  struct part parts[100];
  unsigned n;
  int result;
};

static int
add_part (void *opaque, uint64_t offset, uint64_t length, bool zero)
{
  struct parts *p = opaque;

  MUST (p->n < 100);
  p->parts[p->n++] = (struct part){ offset, length, zero };
  return p->result;
}

static struct parts
status (struct disk *d, uint32_t count, uint64_t offset, bool one)
{
  struct parts p = { .n = 0 };
  unsigned i;

  CHECK_INT (disk_status (d, count, offset, one, add_part, &p), 0);
  CHECK (p.n > 0);
  CHECK_INT (p.parts[0].offset, offset);
  for (i = 1; i < p.n; ++i) {
    CHECK_INT (p.parts[i].offset,
               p.parts[i - 1].offset + p.parts[i - 1].length);
    CHECK (p.parts[i].zero != p.parts[i - 1].zero);
  }
  return p;
}

static struct disk *
open_status_disk (void)
{
  struct image i = sparse_image (300, 1);
  struct disk *d;
  unsigned g;

  /* Data 2-4 in three places, zero 5, hole 6-9, data 10, hole to 300. */
  image_le32 (&i, 16 * S + 2 * 4, 70);
  image_le32 (&i, 16 * S + 3 * 4, 64);
  image_le32 (&i, 16 * S + 4 * 4, 66);
  image_le32 (&i, 16 * S + 5 * 4, 1);
  image_le32 (&i, 16 * S + 10 * 4, 67);
  for (g = 64; g < 72; ++g)
    image_put_pattern (&i, g * S, S, g);
  image_add (dir, "x.vmdk", &i);
  d = open_disk ("x.vmdk");
  image_free (&i);
  return d;
}

static void
neighbours_that_are_alike_are_one_part (void)
{
  struct disk *d = open_status_disk ();
  struct parts p = status (d, 300 * S, 0, false);

  CHECK_INT (p.n, 5);
  CHECK_INT (p.parts[0].length, 2 * S);
  CHECK (p.parts[0].zero);
  CHECK_INT (p.parts[1].length, 3 * S);
  CHECK (!p.parts[1].zero);
  CHECK_INT (p.parts[2].length, 5 * S);
  CHECK_INT (p.parts[3].length, S);
  CHECK_INT (p.parts[4].length, 289 * S);
  disk_close (d);
}

static void
status_is_clipped_to_the_request (void)
{
  struct disk *d = open_status_disk ();
  struct parts p = status (d, 1000, 2 * S + 100, false);

  CHECK_INT (p.n, 1);
  CHECK_INT (p.parts[0].length, 1000);
  CHECK (!p.parts[0].zero);
  p = status (d, 1, 5 * S + 511, false);
  CHECK_INT (p.n, 1);
  CHECK_INT (p.parts[0].length, 1);
  CHECK (p.parts[0].zero);
  disk_close (d);
}

static void
one_part_is_told_whole_if_only_one_is_wanted (void)
{
  struct disk *d = open_status_disk ();
  struct parts p = status (d, 300 * S, 2 * S, true);

  CHECK_INT (p.n, 1);
  CHECK_INT (p.parts[0].length, 3 * S);
  p = status (d, 290 * S, 5 * S, true);
  CHECK_INT (p.n, 1);
  CHECK_INT (p.parts[0].length, 5 * S);
  disk_close (d);
}

static void
an_error_of_the_callback_ends_status (void)
{
  struct disk *d = open_status_disk ();
  struct parts p = { .n = 0, .result = -1 };

  CHECK_INT (disk_status (d, 300 * S, 0, false, add_part, &p), -1);
  CHECK_INT (p.n, 1);
  disk_close (d);
}

static void
holes_of_flat_files_are_holes_of_the_disk (void)
{
  struct file *f;
  struct dir *d2 = dir;
  struct disk_options options = {
    .places = { &d2, 1 },
    .cache_size = DISK_CACHE_SIZE,
  };
  struct disk *d;
  struct parts p;
  unsigned char *flat = calloc (10, S);

  /* Files of memory directories have no holes: what ends in one is the file
   * of the disk itself, which here is a sparse extent's parent.
   */
  MUST (flat != NULL);
  MUST (dir_memory_add (dir, "flat", flat, 10 * S) == 0);
  add_descriptor ("x.vmdk", "", "RW 10 FLAT \"flat\" 0\n");
  f = dir_open_file (dir, "x.vmdk", false);
  MUST (f != NULL);
  d = disk_open (f, &options);
  MUST (d != NULL);
  p = status (d, 10 * S, 0, false);
  CHECK_INT (p.n, 1); /* written zeroes are data */
  CHECK (!p.parts[0].zero);
  /* Put a file with a hole in its place. */
  file_close (d->links[0]->files.items[1]);
  f = file_memory_create ("flat", flat, 3 * S, 10 * S, 77);
  d->links[0]->files.items[1] = f;
  d->links[0]->extents[0].file = f;
  p = status (d, 10 * S, 0, false);
  CHECK_INT (p.n, 2);
  CHECK (!p.parts[0].zero && p.parts[1].zero);
  CHECK_INT (p.parts[0].length, 3 * S);
  CHECK_INT (p.parts[1].length, 7 * S);
  p = status (d, 2 * S, 2 * S + 1, true);
  CHECK_INT (p.n, 1);
  CHECK_INT (p.parts[0].length, S - 1);
  disk_close (d);
  free (flat);
}

static void
an_absent_grain_has_the_parents_status (void)
{
  static unsigned char flat[10 * S];
  struct image i = sparse_image (10, 2);
  struct disk *d;
  struct parts p;

  MUST (dir_memory_add (dir, "flat", flat, sizeof flat) == 0);
  add_descriptor ("base.vmdk", "CID=1\n", "RW 4 ZERO\nRW 6 FLAT \"flat\" 0\n");
  image_le32 (&i, 16 * S, 64);        /* data over ZERO */
  image_le32 (&i, 16 * S + 4 * 4, 1); /* zero over data */
  image_room (&i, 66 * S);
  image_add (dir, "s.vmdk", &i);
  add_descriptor ("top.vmdk",
                  "CID=2\nparentCID=1\nparentFileNameHint=\"base.vmdk\"\n",
                  "RW 10 SPARSE \"s.vmdk\"\n");
  d = open_disk ("top.vmdk");
  p = status (d, 10 * S, 0, false);
  CHECK_INT (p.n, 4);
  CHECK (!p.parts[0].zero);
  CHECK_INT (p.parts[0].length, 2 * S);
  CHECK_INT (p.parts[1].length, 2 * S);
  CHECK_INT (p.parts[2].length, 4 * S);
  CHECK_INT (p.parts[3].length, 2 * S);
  disk_close (d);
  image_free (&i);
}

static void
mapping_an_empty_62_tib_disk_takes_few_reads (void)
{
  /* 62 TiB in grains of 64 KiB: 2 Mi tables, a directory of 8 MiB. */
  struct hosted h = hosted_default;
  struct image i = { NULL, 0 };
  struct disk_options options = { .cache_size = DISK_CACHE_SIZE };
  struct file *f;
  struct disk *d;
  struct parts p;
  uint64_t offset;

  h.capacity = UINT64_C (62) << 31;
  h.flags = 1;
  h.descriptor_offset = 0;
  h.gd_offset = 1;
  image_hosted (&i, 0, &h);
  f = image_file (&i, "x.vmdk", 64 << 20, 1);
  options.places.dirs = &dir;
  options.places.n = 1;
  d = disk_open (f, &options);
  MUST (d != NULL);
  for (offset = 0; offset < d->size; offset += UINT32_C (0xfffffe00)) {
    const uint64_t left = d->size - offset;

    p = status (d, left < 0xfffffe00 ? left : 0xfffffe00, offset, false);
    CHECK_INT (p.n, 1);
    CHECK (p.parts[0].zero);
  }
  /* No page of 8 KiB is read twice, but a page may be read in parts. */
  CHECK (file_memory_reads (f) < 4096);
  disk_close (d);
  image_free (&i);
}

/* ---- threads ---- */

static struct disk *shared;

static void *
read_randomly (void *opaque)
{
  uint64_t state = (uintptr_t) opaque * 77 + 5;
  unsigned char buf[4096];
  unsigned i;

  for (i = 0; i < 3000; ++i) {
    uint64_t offset;
    uint32_t count;

    state = state * 6364136223846793005u + 1442695040888963407u;
    offset = (state >> 33) % (shared->size - 1);
    count = 1 + (state >> 20) % 4000;
    if (count > shared->size - offset)
      count = shared->size - offset;
    CHECK_INT (disk_pread (shared, buf, count, offset), 0);
    CHECK_BYTES (buf, model + offset, count);
  }
  return NULL;
}

static void
threads_share_a_disk (void)
{
  struct image i = sparse_image (1000, 1);
  struct disk_options options = { .cache_size = DISK_MIN_CACHE_SIZE };
  pthread_t threads[16];
  uintptr_t k;
  unsigned g;

  memset (model, 0, sizeof model);
  for (g = 0; g < 1000; g += 1 + g % 3) {
    image_le32 (&i, (16 + g / 128) * S + g % 128 * 4, 64 + g);
    put_data (&i, 64 + g, S, g * S, g);
  }
  image_room (&i, 1064 * S);
  image_add (dir, "x.vmdk", &i);
  shared = image_disk_with (dir, "x.vmdk", options);
  MUST (shared != NULL);
  reports_forget ();
  for (k = 0; k < 16; ++k)
    MUST (pthread_create (&threads[k], NULL, read_randomly, (void *) k) == 0);
  for (k = 0; k < 16; ++k)
    pthread_join (threads[k], NULL);
  CHECK_SILENT ();
  disk_close (shared);
  image_free (&i);
}

static void
in_fresh_directory (const char *name, void (*test) (void))
{
  dir = image_dir ();
  test_run (name, test);
  dir_close (dir);
}

#define RUN_IN_DIR(test) in_fresh_directory (#test, test)

int
main (void)
{
  RUN_IN_DIR (every_range_of_a_hosted_sparse_disk_reads);
  RUN_IN_DIR (every_range_of_a_cowd_reads);
  RUN_IN_DIR (every_range_of_a_sesparse_reads);
  RUN_IN_DIR (every_range_over_several_extents_reads);
  RUN_IN_DIR (every_range_of_a_mixed_chain_reads);
  RUN_IN_DIR (what_is_marked_noaccess_cannot_be_read);
  RUN_IN_DIR (a_disk_ends_below_2_to_63_bytes);
  RUN_IN_DIR (a_failing_read_is_one_error);
  RUN_IN_DIR (a_request_that_meets_damage_is_one_error);
  RUN_IN_DIR (neighbours_that_are_alike_are_one_part);
  RUN_IN_DIR (status_is_clipped_to_the_request);
  RUN_IN_DIR (one_part_is_told_whole_if_only_one_is_wanted);
  RUN_IN_DIR (an_error_of_the_callback_ends_status);
  RUN_IN_DIR (holes_of_flat_files_are_holes_of_the_disk);
  RUN_IN_DIR (an_absent_grain_has_the_parents_status);
  RUN_IN_DIR (mapping_an_empty_62_tib_disk_takes_few_reads);
  RUN_IN_DIR (threads_share_a_disk);
  return test_result ();
}
