/* SPDX-License-Identifier: BSD-3-Clause */
/* The parsers of headers.  The first byte says which one, the next eight how
 * large the file is said to be; the rest is the header, and zeroes.
 */

#include <config.h>

#include <errno.h>
#include <string.h>

#include "check.h"
#include "descriptor.h"
#include "file-memory.h"
#include "header.h"
#include "test.h"
#include "vmdk-limits.h"

#define FRONT 9

/* The bounds that header.h promises. */
static void
check_geometry (const struct geometry *g, uint64_t file_size, size_t entry)
{
  uint64_t table; /* bytes of the disk that one has entries for */

  HOLDS (g->file_size == file_size);
  HOLDS (g->capacity <= MAX_SECTORS * SECTOR_SIZE);
  HOLDS (g->capacity % SECTOR_SIZE == 0);
  if (g->capacity == 0)
    return;
  HOLDS (g->grain_bytes > 0 && g->grain_bytes % SECTOR_SIZE == 0);
  HOLDS (g->grain_bytes <= MAX_GRAIN_SECTORS * SECTOR_SIZE);
  HOLDS (g->gtes_per_gt > 0 && g->gtes_per_gt <= MAX_GTES_PER_GT);
  HOLDS (g->n_tables > 0 && g->n_tables <= MAX_GD_ENTRIES);
  table = (uint64_t) g->gtes_per_gt * g->grain_bytes;
  HOLDS ((g->capacity - 1) / table < g->n_tables);
  if (g->gd_offset > 0)
    HOLDS (g->gd_offset <= file_size &&
           g->n_tables * entry <= file_size - g->gd_offset);
  if (g->rgd_offset > 0)
    HOLDS (g->rgd_offset <= file_size &&
           g->n_tables * entry <= file_size - g->rgd_offset);
}

static void
parse_hosted (struct file *f, uint64_t size, const unsigned char *bytes)
{
  struct hosted_header h;
  int r = header_parse_hosted (f, size, bytes, &h);

  check_result (r == -1);
  if (r == 0) {
    HOLDS (h.version >= 1 && h.version <= 3);
    HOLDS (h.compressed == header_is_compressed (bytes));
    HOLDS (h.descriptor_offset == 0 ||
           (h.descriptor_offset <= size &&
            h.descriptor_bytes <= size - h.descriptor_offset));
    if (h.gd_at_end)
      h.geometry.gd_offset = 0; /* not known */
    check_geometry (&h.geometry, size, 4);
  }
}

static void
parse_cowd (struct file *f, uint64_t size, const unsigned char *bytes)
{
  struct cowd_header h;
  int r = header_parse_cowd (f, size, bytes, &h);

  check_result (r == -1);
  if (r == 0) {
    HOLDS (h.geometry.capacity > 0 && h.geometry.gd_offset > 0);
    check_geometry (&h.geometry, size, 4);
  }
}

static void
parse_sesparse (struct file *f, uint64_t size, const unsigned char *bytes)
{
  struct sesparse_header h;
  uint64_t volatile_offset = 0;
  int r = header_parse_sesparse (f, size, bytes, &h, &volatile_offset);

  check_result (r == -1);
  if (r == 0) {
    HOLDS (h.geometry.capacity > 0 && h.geometry.gd_offset > 0);
    check_geometry (&h.geometry, size, 8);
    HOLDS (volatile_offset % SECTOR_SIZE == 0);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  unsigned char bytes[2048] = { 0 };
  struct file *f = file_memory_create ("header", NULL, 0, 0, 1);
  uint64_t file_size = 0;
  size_t i;

  HOLDS (f != NULL);
  reports_forget ();
  errno = 0;
  for (i = 1; i < FRONT && i < size; ++i)
    file_size = file_size << 8 | data[i];
  file_size &= INT64_MAX;
  if (size > FRONT)
    memcpy (bytes, data + FRONT,
            size - FRONT < sizeof bytes ? size - FRONT : sizeof bytes);
  switch (size > 0 ? data[0] % 5 : 0) {
  case 0: parse_hosted (f, file_size, bytes); break;
  case 1: parse_cowd (f, file_size, bytes); break;
  case 2: parse_sesparse (f, file_size, bytes); break;
  case 3: check_result (header_check_sesparse_volatile (f, bytes) == -1); break;
  case 4: vmdk_kind (bytes); break;
  }
  file_close (f);
  return 0;
}
