/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosted sparse extents (vmdk-format.md section 3): uncompressed grains, and
 * as a rule a redundant copy of directory and tables.
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

struct sparse {
  struct grains grains;
  struct hosted_header header;
};

static enum entry
sparse_gde (struct grains *g, uint64_t raw, uint64_t *offset)
{
  (void) g;
  *offset = raw * SECTOR_SIZE;
  return raw == 0 ? ENTRY_ABSENT : ENTRY_AT;
}

static enum entry
sparse_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  const struct hosted_header *h = g->detail;

  *offset = raw * SECTOR_SIZE;
  if (raw == 0)
    return ENTRY_ABSENT;
  if (raw != HOSTED_GTE_ZERO)
    return ENTRY_AT;
  /* No conforming file has data at sector 1, so it means zero even where the
   * flag is missing (3.9).
   */
  if (!(h->flags & HOSTED_ZEROED_GRAINS) &&
      !__atomic_exchange_n (&g->warned_zero, true, __ATOMIC_RELAXED))
    report_warning ("%s: there are zeroed grains, although the header does "
                    "not announce them; they read as zeroes",
                    g->file->name);
  return ENTRY_ZERO;
}

static uint64_t
sparse_step (const struct grains *g)
{
  return g->geometry.grain_bytes / SECTOR_SIZE;
}

static const struct grain_format sparse_format = {
  .entry_bytes = 4,
  .mixed = true,
  .step = sparse_step,
  .gde = sparse_gde,
  .gte = sparse_gte,
};

static bool
sparse_match (const struct extent_source *source)
{
  return source->kind == KIND_HOSTED && !source->compressed;
}

static int
sparse_open (struct extent *e, const struct extent_source *source)
{
  struct sparse *s = calloc (1, sizeof *s);

  if (s == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (header_parse_hosted (e->file, source->file_size, source->sector,
                           &s->header) == -1 ||
      extent_settle_length (e, s->header.geometry.capacity) == -1) {
    free (s);
    return -1;
  }
  if (s->header.unclean)
    report_warning ("%s: the extent was not closed cleanly by the program "
                    "that wrote it last",
                    e->file->name);
  if (s->header.version == 1 && (s->header.flags & HOSTED_ZEROED_GRAINS))
    report_warning ("%s: the header announces zeroed grains, which belong to "
                    "version 2, in version 1",
                    e->file->name);
  if (s->header.redundant_lost)
    report_warning ("%s: the header promises a redundant grain directory, but "
                    "its place cannot be one: it is not used",
                    e->file->name);
  s->grains.geometry = s->header.geometry;
  grains_init (&s->grains, e, &sparse_format, &s->header);
  e->state = s;
  return 0;
}

static int
sparse_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  struct sparse *s = e->state;

  return grains_map (&s->grains, offset, length, run);
}

static void
sparse_close (struct extent *e)
{
  struct sparse *s = e->state;

  grains_destroy (&s->grains);
  free (s);
}

const struct extent_driver extent_sparse = {
  .name = "sparse",
  .match = sparse_match,
  .open = sparse_open,
  .map = sparse_map,
  .close = sparse_close,
  .delta = true,
};
