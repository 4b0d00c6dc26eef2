/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the parsers of headers share: see headers.h. */

#include <config.h>

#include <errno.h>

#include "headers.h"
#include "test.h"

void
header_damage (struct image *i, size_t n)
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

void
header_check_geometry (const struct geometry *g, unsigned entry_bytes)
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

void
header_check_refusal (const char *field, const char *found)
{
  CHECK (errno != 0);
  CHECK_ONE_ERROR ("h.vmdk");
  CHECK_HAS (errors (), field);
  CHECK_HAS (errors (), "expected");
  CHECK_HAS (errors (), found);
}
