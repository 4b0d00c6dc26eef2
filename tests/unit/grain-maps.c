/* SPDX-License-Identifier: BSD-3-Clause */
/* Small extents, and checks of how they map: see grain-maps.h. */

#include <config.h>

#include <errno.h>
#include <string.h>

#include "disk.h"
#include "grain-maps.h"
#include "image.h"
#include "link.h"
#include "test.h"

/* ---- extents ---- */

struct hosted
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

struct image
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

void
set_gte (struct image *i, unsigned grain, uint32_t value)
{
  image_le32 (i, GT (grain / N_GTES) * S + grain % N_GTES * 4, value);
}

void
set_rgte (struct image *i, unsigned grain, uint32_t value)
{
  image_le32 (i, RGT (grain / N_GTES) * S + grain % N_GTES * 4, value);
}

struct image
sesparse_image (void)
{
  struct image i = { NULL, 0 };

  image_sesparse (&i, &sesparse_default);
  image_sesparse_volatile (&i, S, 0);
  image_room (&i, 7 << 20);
  return i;
}

void
set_se_gde (struct image *i, unsigned table, uint64_t value)
{
  image_le64 (i, 4096 * S + 8 * table, value);
}

void
set_se_gte (struct image *i, unsigned place, unsigned grain, uint64_t value)
{
  image_le64 (i, (6144 + 64 * place) * S + 8 * grain, value);
}

/* ---- opening ---- */

struct disk *opened;
struct file *opened_file;

void
open_x (struct file *f)
{
  struct dir *dir = image_dir ();
  struct disk_options options = {
    .places = { .dirs = &dir, .n = 1 },
    .cache_size = DISK_CACHE_SIZE,
  };

  opened_file = f;
  opened = disk_open (f, &options);
  MUST (opened != NULL);
  dir_close (dir);
  reports_forget ();
}

void
open_image (struct image *i, uint64_t length)
{
  open_x (image_file (i, "x.vmdk", length, 1));
  image_free (i);
}

void
close_opened (void)
{
  disk_close (opened);
  opened = NULL;
  opened_file = NULL;
}

/* ---- checks ---- */

/* Whoever asks sets quiet; the rest is for the answer to fill in. */
static int
map (uint64_t offset, uint64_t length, struct run *run)
{
  memset (run, 0xee, sizeof *run);
  run->quiet = false;
  return link_map (opened->links[0], offset * S, length * S, run);
}

void
check_run_at (const char *file, int line, uint64_t offset, uint64_t ask,
              enum run_state state, uint64_t length, uint64_t at)
{
  struct run run;

  test_check_int (file, line, "map", map (offset, ask, &run), 0);
  test_check_int (file, line, "run.state", run.state, state);
  test_check_int (file, line, "run.length", run.length, length * S);
  if (state == RUN_DATA)
    test_check_int (file, line, "run.at", run.at, at * S);
}

void
check_bad (uint64_t offset, const char *part)
{
  struct run run;

  reports_forget ();
  errno = 0;
  CHECK_INT (map (offset, 1, &run), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "x.vmdk");
}
