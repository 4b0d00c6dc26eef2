/* SPDX-License-Identifier: BSD-3-Clause */
/* No memory: the n-th allocation fails, for every n, while a chain of several
 * kinds is opened and read.  Nothing crashes, nothing leaks (a sanitizer
 * looks), and each failure is reported once.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "failing-alloc.h"
#include "file-memory.h"
#include "image.h"
#include "test.h"

/* ---- a chain of all kinds ---- */

#define S       512
#define SECTORS 24

static struct dir *dir;
static unsigned char model[SECTORS * S];

static void
add_sparse (void)
{
  struct hosted h = hosted_default;
  struct image i = { NULL, 0 };

  h.capacity = SECTORS;
  h.grain_size = 2;
  h.gtes_per_gt = 128;
  h.descriptor_offset = 0;
  h.rgd_offset = 1;
  h.gd_offset = 2;
  h.overhead = 64;
  image_hosted (&i, 0, &h);
  image_le32 (&i, 1 * S, 17);
  image_le32 (&i, 2 * S, 16);
  image_le32 (&i, 16 * S, 64);
  image_le32 (&i, 17 * S, 64); /* the redundant table says the same */
  image_put_pattern (&i, 64 * S, 2 * S, 1);
  memcpy (model, i.data + 64 * S, 2 * S);
  image_add (dir, "sparse.vmdk", &i);
  image_free (&i);
}

static void
add_cowd (void)
{
  const struct cowd c = { 1, 3, SECTORS, 1, 4, 1, 0 };
  struct image i = { NULL, 0 };

  image_cowd (&i, &c);
  image_le32 (&i, 4 * S, 5);
  image_le32 (&i, 5 * S + 4 * 4, 40);
  image_put_pattern (&i, 40 * S, S, 2);
  memcpy (model + 4 * S, i.data + 40 * S, S);
  image_add (dir, "cowd.vmdk", &i);
  image_free (&i);
}

static void
add_sesparse (void)
{
  struct sesparse s = sesparse_default;
  struct image i = { NULL, 0 };

  s.capacity = SECTORS;
  image_sesparse (&i, &s);
  image_sesparse_volatile (&i, S, 0);
  image_le64 (&i, 4096 * S, UINT64_C (0x1000000000000000));
  image_le64 (&i, 6144 * S + 8, UINT64_C (0x3000000000000000));
  image_put_pattern (&i, 12288 * S, 8 * S, 3);
  memcpy (model + 8 * S, i.data + 12288 * S, 8 * S);
  image_add (dir, "sesparse.vmdk", &i);
  image_free (&i);
}

static void
add_stream (void)
{
  const struct hosted h = {
    .version = 3,
    .flags = 0x30001,
    .capacity = 8,
    .grain_size = 8,
    .gtes_per_gt = 128,
    .gd_offset = UINT64_MAX,
    .overhead = 8,
    .newline = { 0x0a, 0x20, 0x0d, 0x0a },
    .algorithm = 1,
  };
  struct hosted footer = h;
  struct image i = { NULL, 0 };
  size_t end;

  image_hosted (&i, 0, &h);
  image_pattern (model + 16 * S, 8 * S, 4);
  end = image_packed (&i, 8 * S, 0, model + 16 * S, 8 * S);
  image_le32 (&i, end * S, 8);            /* the table */
  image_le32 (&i, (end + 1) * S + 12, 2); /* the directory's marker */
  image_le32 (&i, (end + 2) * S, end);
  image_le32 (&i, (end + 3) * S + 12, 3);
  footer.gd_offset = end + 2;
  image_hosted (&i, (end + 4) * S, &footer);
  image_room (&i, (end + 6) * S);
  image_add (dir, "stream.vmdk", &i);
  image_free (&i);
}

static void
make_chain (void)
{
  static unsigned char flat[16 * S];

  image_pattern (model, 16 * S, 9);
  memcpy (flat, model, sizeof flat);
  MUST (dir_memory_add (dir, "flat.vmdk", flat, sizeof flat) == 0);
  add_stream ();
  add_sesparse ();
  add_cowd ();
  add_sparse ();
  image_add_text (dir, "base.vmdk",
                  "version=1\nCID=1\ncreateType=\"custom\"\njunk\n"
                  "RW 10 FLAT \"flat.vmdk\" 0\nRW 6 FLAT \"flat.vmdk\" 10\n"
                  "RDONLY 8 SPARSE \"gone/stream.vmdk\"\n");
  image_add_text (dir, "se.vmdk",
                  "version=1\nCID=2\nparentCID=1\n"
                  "parentFileNameHint=\"/gone/base.vmdk\"\n"
                  "RW 24 SESPARSE \"sesparse.vmdk\"\n");
  image_add_text (dir, "cow.vmdk",
                  "version=1\nCID=3\nparentCID=2\nencoding=\"windows-1252\"\n"
                  "parentFileNameHint=\"C:\\gone\\se.vmdk\"\n"
                  "RW 24 VMFSSPARSE \"cowd.vmdk\"\n");
  image_add_text (dir, "top.vmdk",
                  "version=1\nCID=4\nparentCID=3\n"
                  "parentFileNameHint=\"cow.vmdk\"\n"
                  "RW 24 SPARSE \"sparse.vmdk\"\n");
}

/* The disk of NAME, which fails at the N-th allocation if there are so many;
 * the file is open before.
 */
static struct disk *
open_with (const char *name, long n)
{
  struct disk_options options = {
    .places = { &dir, 1 },
    .cache_size = DISK_CACHE_SIZE,
  };
  struct file *f = dir_open_file (dir, name, false);
  struct disk *d;

  MUST (f != NULL);
  reports_forget ();
  errno = 0;
  countdown = n;
  d = disk_open (f, &options);
  return d;
}

#define MANY 2000 /* more allocations than there are */

static void
the_chain_opens_and_reads_with_memory (void)
{
  unsigned char buf[SECTORS * S];
  struct disk *d = open_with ("top.vmdk", -1);

  CHECK_STRING (errors (), "");
  MUST (d != NULL);
  CHECK_INT (d->n_links, 4);
  CHECK_INT (disk_pread (d, buf, sizeof buf, 0), 0);
  CHECK_BYTES (buf, model, sizeof buf);
  disk_close (d);
}

static void
any_allocation_may_fail_while_a_chain_is_opened (void)
{
  long n;
  bool done = false;

  for (n = 0; n < MANY && !done; ++n) {
    struct disk *d = open_with ("top.vmdk", n);
    const int err = errno;

    done = countdown >= 0; /* none failed any more */
    countdown = -1;
    if (d == NULL) {
      CHECK (!done);
      CHECK_INT (err, ENOMEM);
      CHECK_INT (n_errors (), 1);
      if (n_errors () != 1)
        fprintf (stderr, "allocation %ld: %u errors\n%s", n, n_errors (),
                 errors ());
    }
    else
      CHECK_INT (n_errors (), 0); /* it could do without */
    disk_close (d);
  }
  CHECK (done);
  CHECK (n > 50);
}

static void
any_allocation_may_fail_while_a_disk_is_read (void)
{
  long n;
  bool done = false;

  for (n = 0; n < MANY && !done; ++n) {
    unsigned char buf[SECTORS * S];
    struct disk *d = open_with ("top.vmdk", -1);
    int r, err;

    MUST (d != NULL);
    reports_forget ();
    errno = 0;
    countdown = n;
    r = disk_pread (d, buf, sizeof buf - 1, 1);
    err = errno;
    done = countdown >= 0;
    countdown = -1;
    if (r == 0)
      CHECK_BYTES (buf, model + 1, sizeof buf - 1);
    else {
      CHECK (err != 0);
      CHECK_INT (n_errors (), 1);
      if (n_errors () != 1)
        fprintf (stderr, "allocation %ld: %u errors\n%s", n, n_errors (),
                 errors ());
    }
    /* It works again. */
    CHECK_INT (disk_pread (d, buf, sizeof buf, 0), 0);
    CHECK_BYTES (buf, model, sizeof buf);
    disk_close (d);
  }
  CHECK (done);
  CHECK (n > 5);
}

static void
any_allocation_may_fail_while_a_disk_is_refused (void)
{
  static const char *const texts[] = {
    "version=1\nCID=4\nparentCID=3\nparentFileNameHint=\"/gone/x.vmdk\"\n"
    "RW 24 ZERO\n",
    "version=1\nRW 24 FLAT \"sub/missing.vmdk\" 0\n",
    "version=1\nRW 24 FLAT \"../x\" 0\n",
    "version=1\nRW 24 NOSUCH \"x\"\n",
    "junk\njunk\n",
    "version=1\nCID=4\nparentCID=3\nparentFileNameHint=\"base.vmdk\"\n"
    "RW 24 ZERO\n",
    "version=1\nRW 24 VMFS \"vsan://x\"\n",
    "version=1\nCID=4\nparentCID=3\nparentFileNameHint=\"nbd:x\"\n"
    "RW 24 ZERO\n",
  };
  size_t t;

  for (t = 0; t < sizeof texts / sizeof texts[0]; ++t) {
    bool done = false;
    char name[32];
    long n;

    snprintf (name, sizeof name, "bad-%zu.vmdk", t);
    image_add_text (dir, name, texts[t]);
    for (n = 0; n < MANY && !done; ++n) {
      struct disk *d = open_with (name, n);

      done = countdown >= 0;
      countdown = -1;
      CHECK (d == NULL);
      CHECK_INT (n_errors (), 1);
      if (n_errors () != 1)
        fprintf (stderr, "%s: allocation %ld: %u errors\n%s", name, n,
                 n_errors (), errors ());
      disk_close (d);
    }
    CHECK (done);
  }
}

static void
any_allocation_may_fail_while_a_directory_is_opened (void)
{
  bool done = false;
  long n;

  for (n = 0; n < MANY && !done; ++n) {
    struct dir *d;
    struct file *f = NULL;

    reports_forget ();
    countdown = n;
    d = dir_posix_open ("/etc/..", 0);
    if (d == NULL)
      CHECK_ONE_ERROR ("Cannot allocate memory");
    else {
      f = dir_open_file (d, "etc/passwd", false);
      if (f == NULL)
        CHECK_INT (errno, ENOMEM);
    }
    done = countdown >= 0;
    countdown = -1;
    file_close (f);
    dir_close (d);
  }
  CHECK (done);
}

static void
any_allocation_may_fail_while_a_file_is_opened (void)
{
  bool done = false;
  long n;

  for (n = 0; n < MANY && !done; ++n) {
    struct file *f;

    reports_forget ();
    countdown = n;
    f = file_posix_open ("/etc/passwd", 0);
    done = countdown >= 0;
    countdown = -1;
    if (f == NULL)
      CHECK_INT (n_errors (), 1);
    file_close (f);
  }
  CHECK (done);
}

int
main (void)
{
  dir = image_dir ();
  make_chain ();
  RUN (the_chain_opens_and_reads_with_memory);
  RUN (any_allocation_may_fail_while_a_chain_is_opened);
  RUN (any_allocation_may_fail_while_a_disk_is_read);
  RUN (any_allocation_may_fail_while_a_disk_is_refused);
  RUN (any_allocation_may_fail_while_a_directory_is_opened);
  RUN (any_allocation_may_fail_while_a_file_is_opened);
  dir_close (dir);
  return test_result ();
}
