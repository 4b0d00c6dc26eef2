/* SPDX-License-Identifier: BSD-3-Clause */
/* COWD extents, the redo logs of ESX on VMFS up to version 5
 * (vmdk-format.md section 5): small grains, tables made on demand and mixed
 * with them.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "extent.h"
#include "format.h"
#include "grain.h"
#include "header.h"
#include "report.h"
#include "vmdk-limits.h"

static enum entry
cowd_gde (struct grains *g, uint64_t raw, uint64_t *offset)
{
  (void) g;
  *offset = raw * SECTOR_SIZE;
  return raw == 0 ? ENTRY_ABSENT : ENTRY_AT;
}

static enum entry
cowd_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  *offset = raw * SECTOR_SIZE;
  if (raw == 0)
    return ENTRY_ABSENT;
  if (raw != 1)
    return ENTRY_AT;
  /* VMware's note has no zeroed grains here, other tools do (13, n. 12). */
  if (!__atomic_exchange_n (&g->warned_zero, true, __ATOMIC_RELAXED))
    report_warning ("%s: there are grain table entries of 1, which no COWD "
                    "extent should have; they read as zeroes",
                    g->file->name);
  return ENTRY_ZERO;
}

static uint64_t
cowd_step (const struct grains *g)
{
  return g->geometry.grain_bytes / SECTOR_SIZE;
}

static const struct grain_format cowd_format = {
  .entry_bytes = 4,
  .mixed = true,
  .step = cowd_step,
  .gde = cowd_gde,
  .gte = cowd_gte,
};

static bool
cowd_match (const struct extent_source *source)
{
  return source->kind == KIND_COWD;
}

static int
cowd_parse (struct extent *e, const struct extent_source *source,
            struct grains *g)
{
  unsigned char header[sizeof (struct disk_cowd_header)];

  if (file_pread (e->file, header, sizeof header, 0) == -1 ||
      header_parse_cowd (e->file, source->file_size, header, &g->geometry) ==
        -1)
    return -1;
  return extent_settle_length (e, g->geometry.capacity);
}

static int
cowd_open (struct extent *e, const struct extent_source *source)
{
  struct grains *g = calloc (1, sizeof *g);

  if (g == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (cowd_parse (e, source, g) == -1) {
    free (g);
    return -1;
  }
  grains_init (g, e, &cowd_format, NULL);
  e->state = g;
  return 0;
}

static int
cowd_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  return grains_map (e->state, offset, length, run);
}

static void
cowd_close (struct extent *e)
{
  grains_destroy (e->state);
  free (e->state);
}

const struct extent_driver extent_cowd = {
  .name = "cowd",
  .match = cowd_match,
  .open = cowd_open,
  .map = cowd_map,
  .close = cowd_close,
  .delta = true,
};
