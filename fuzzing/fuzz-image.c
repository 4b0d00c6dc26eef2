/* SPDX-License-Identifier: BSD-3-Clause */
/* Open one link of any kind, read all that is feasible of it. */

#include <config.h>

#include "check.h"
#include "input.h"
#include "test.h"

#define PLACES 32 /* the script may name so many */
#define PLACE  10 /* bytes of the script for each */

/* Places that only a fuzzer thinks of: an offset and a count of bytes. */
static void
check_places (struct disk *d, const struct input *in)
{
  size_t i, k;

  for (i = 0; i < PLACES; ++i) {
    uint64_t offset = 0;
    uint32_t count;

    if (in->files[INPUT_SCRIPT].size < (i + 1) * PLACE)
      break;
    for (k = 0; k < 8; ++k)
      offset = offset << 8 | input_script (in, i * PLACE + k);
    count = input_script (in, i * PLACE + 8) << 8;
    check_place (d, offset % d->size, count | input_script (in, i * PLACE + 9));
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct dir *dirs[1];
  struct disk_options o = { .places = { dirs, 1 },
                            .single_link = true,
                            .cache_size = DISK_MIN_CACHE_SIZE };
  struct input in;
  struct disk *d;

  reports_forget ();
  input_split (&in, data, size);
  dirs[0] = input_dir (&in);
  d = input_open (dirs[0], &o);
  if (d) {
    check_reading (d);
    check_places (d, &in);
    HOLDS (disk_close (d) == 0);
  }
  check_result (false);
  dir_close (dirs[0]);
  input_free (&in);
  return 0;
}
