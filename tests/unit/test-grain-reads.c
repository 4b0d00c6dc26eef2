/* SPDX-License-Identifier: BSD-3-Clause */
/* How often directories and tables are read, and what becomes of reads that
 * fail.
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "disk.h"
#include "file-memory.h"
#include "file.h"
#include "grain-maps.h"
#include "image.h"
#include "link.h"
#include "test.h"

/* ---- threads ---- */

#define N_THREADS 16

static void *
map_one (void *opaque)
{
  const uint64_t grain = (uintptr_t) opaque;
  struct run run = { .quiet = false };

  CHECK_INT (link_map (opened->links[0], grain * 4096, 4096, &run), 0);
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
    before = file_memory_reads (opened_file);
    for (k = 0; k < N_THREADS; ++k)
      MUST (pthread_create (&threads[k], NULL, map_one,
                            (void *) (uintptr_t) k) == 0);
    for (k = 0; k < N_THREADS; ++k)
      pthread_join (threads[k], NULL);
    /* The page of the directory, and the table. */
    CHECK_INT (file_memory_reads (opened_file) - before, 2);
    close_opened ();
  }
}

/* ---- one table cannot be read ---- */

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
  file_fini (f);
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

  MUST (f != NULL && file_init (&f->file, &faulty_ops, "x.vmdk") == 0);
  f->file.id.inode = 1;
  f->inner = image_file (i, "x.vmdk", 0, 1);
  f->bad_start = bad_sector * S;
  f->bad_end = f->bad_start + S;
  open_x (&f->file);
  image_free (i);
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
  close_opened ();
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
  close_opened ();
}

static void
an_unreadable_table_ends_the_run_before_it_in_silence (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  open_faulty (&i, GT (1));
  CHECK_RUN (0, 384, RUN_HOLE, 128, 0);
  CHECK_SILENT ();
  close_opened ();
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
  close_opened ();
}

/* ---- every read fails, for a while ---- */

static void
a_table_that_cannot_be_read_is_named (void)
{
  struct image i = small_image (384, 1, 1, DATA + 64);

  set_gte (&i, 0, DATA);
  set_gte (&i, 256, DATA + 1);
  open_image (&i, 0);
  CHECK_RUN (0, 1, RUN_DATA, 1, DATA); /* the directory is known now */
  file_memory_fail_reads (opened_file, EIO);
  check_bad (257, "x.vmdk: grain table 2 (of grains 256 to 383) cannot be "
                  "read: x.vmdk: cannot read 512 bytes at offset ");
  file_memory_fail_reads (opened_file, 0);
  close_opened ();
}

static void
a_failed_read_of_metadata_is_tried_again_next_time (void)
{
  struct image i = sesparse_image ();

  set_se_gde (&i, 0, UINT64_C (0x1000000000000000));
  set_se_gte (&i, 0, 0, UINT64_C (0x3000000000000000));
  open_image (&i, 0);
  file_memory_fail_reads (opened_file, EIO);
  check_bad (0, "cannot read");
  check_bad (0, "cannot read");
  file_memory_fail_reads (opened_file, 0);
  reports_forget ();
  CHECK_RUN (0, 8, RUN_DATA, 8, 12288);
  CHECK_SILENT ();
  close_opened ();
}

int
main (void)
{
  RUN (sixteen_threads_that_miss_a_table_read_it_once);
  RUN (where_the_primary_table_is_unreadable_the_redundant_one_helps);
  RUN (an_unreadable_table_is_one_error);
  RUN (an_unreadable_table_ends_the_run_before_it_in_silence);
  RUN (an_unreadable_table_among_many_is_one_error_of_its_own);
  RUN (a_table_that_cannot_be_read_is_named);
  RUN (a_failed_read_of_metadata_is_tried_again_next_time);
  return test_result ();
}
