/* SPDX-License-Identifier: BSD-3-Clause */
/* No memory on the way to a disk that can be written to, with real files: the
 * n-th allocation fails, for every n.  Each way out closes all that is open,
 * frees what was allocated (a sanitizer looks), reports one failure, and leaves
 * the files as they are.
 */

#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "disks.h"
#include "failing-alloc.h"
#include "test.h"

#define MANY 5000 /* more allocations than there are */

static const char *base;
static struct dir *dir;
static struct test_disk model; /* the files as they must be */

static unsigned
open_files (void)
{
  DIR *list = opendir ("/proc/self/fd");
  unsigned n = 0;

  MUST (list != NULL);
  while (readdir (list) != NULL)
    ++n;
  closedir (list);
  return n;
}

/* ---- the files ---- */

static void
path_of (const struct host_file *f, char path[PATH_MAX])
{
  snprintf (path, PATH_MAX, "%s/%s", base, f->name);
}

static void
make_files (enum disk_kind kind)
{
  char path[PATH_MAX];
  unsigned i;
  FILE *out;

  test_disk_make (&model, kind);
  for (i = 0; i < model.host->n_files; ++i) {
    const struct host_file *f = &model.host->files[i];

    path_of (f, path);
    out = fopen (path, "w");
    MUST (out != NULL);
    MUST (fwrite (f->bytes, 1, f->size, out) == f->size);
    MUST (fclose (out) == 0);
  }
}

static void
check_files (void)
{
  char path[PATH_MAX];
  unsigned i;

  for (i = 0; i < model.host->n_files; ++i) {
    const struct host_file *f = &model.host->files[i];
    unsigned char *bytes = malloc (f->size + 1);
    FILE *in;

    MUST (bytes != NULL);
    path_of (f, path);
    in = fopen (path, "r");
    MUST (in != NULL);
    CHECK_INT (fread (bytes, 1, f->size + 1, in), f->size);
    CHECK (memcmp (bytes, f->bytes, f->size) == 0);
    fclose (in);
    free (bytes);
  }
}

static void
remove_files (void)
{
  char path[PATH_MAX];
  unsigned i;

  for (i = 0; i < model.host->n_files; ++i) {
    path_of (&model.host->files[i], path);
    MUST (unlink (path) == 0);
  }
  test_disk_free (&model);
}

/* ---- opening ---- */

/* Returns 1 if the disk could be written to, 0 if it can only be read, -1 if it
 * could not be opened; it is closed again.
 */
static int
open_and_close (bool writable)
{
  struct disk_options options = {
    .places = { &dir, 1 },
    .name = "top.vmdk",
    .cache_size = DISK_MIN_CACHE_SIZE,
    .writable = writable,
  };
  struct file *f = dir_open_file (dir, "top.vmdk", writable);
  struct disk *d = f ? disk_open (f, &options) : NULL;
  int r = d == NULL ? -1 : 0;

  if (d && writable)
    r = disk_start_writing (d);
  countdown = -1;
  CHECK_INT (n_errors (), f != NULL && r == -1);
  if (f == NULL)
    CHECK_INT (errno, ENOMEM);
  reports_forget ();
  CHECK_INT (disk_close (d), 0);
  CHECK_INT (n_errors (), 0);
  return r;
}

static unsigned
try_all (bool writable)
{
  const unsigned before = open_files ();
  long n;

  no_memory = true;
  for (n = 0; n < MANY && no_memory; ++n) {
    reports_forget ();
    no_memory = false;
    countdown = n;
    if (open_and_close (writable) == -1)
      CHECK (no_memory);
    if (open_files () != before) {
      fprintf (stderr, "%s: allocation %ld: %u files are left open\n",
               disk_kind_name (model.kind), n, open_files () - before);
      CHECK (false);
      break;
    }
  }
  CHECK (!no_memory);
  return n;
}

static void
every_kind_of_disk (void)
{
  int kind;

  for (kind = 0; kind < N_DISK_KINDS; ++kind) {
    make_files (kind);
    CHECK_INT (open_and_close (false), 0);
    CHECK_INT (open_and_close (true), 1);
    CHECK (try_all (false) > 20);
    CHECK (try_all (true) > 20);
    check_files ();
    CHECK_INT (open_and_close (true), 1);
    remove_files ();
  }
}

int
main (void)
{
  base = test_directory ();
  dir = dir_posix_open (base, 0);
  MUST (dir != NULL);
  RUN (every_kind_of_disk);
  dir_close (dir);
  test_directory_remove ();
  return test_result ();
}
