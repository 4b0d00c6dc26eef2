/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosted sparse extents (vmdk-format.md section 3): uncompressed grains, and
 * as a rule a redundant copy of directory and tables.
 */

#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "byte-order.h"
#include "extent.h"
#include "format.h"
#include "grain-writer.h"
#include "header.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

struct sparse {
  struct grains grains; /* first, for grain-writer.h */
  struct hosted_header header;
};

static bool
sparse_zero_is_announced (const struct grains *g)
{
  const struct hosted_header *h = g->detail;

  return __atomic_load_n (&h->flags, __ATOMIC_RELAXED) & HOSTED_ZEROED_GRAINS;
}

static enum entry
sparse_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  *offset = raw * SECTOR_SIZE;
  if (raw == 0)
    return ENTRY_ABSENT;
  if (raw != HOSTED_GTE_ZERO)
    return ENTRY_AT;
  /* No conforming file has data at sector 1, so it means zero even where the
   * flag is missing (3.9).
   */
  if (!sparse_zero_is_announced (g) &&
      !__atomic_exchange_n (&g->warned_zero, true, __ATOMIC_RELAXED))
    report_warning ("%s: there are zeroed grains, although the header does "
                    "not announce them; they read as zeroes",
                    g->file->name);
  return ENTRY_ZERO;
}

/* ---- writing ---- */

static uint64_t
sparse_align (const struct grains *g)
{
  return g->geometry.grain_bytes; /* 3.10 */
}

static uint64_t
sparse_first_grain (const struct grains *g)
{
  const struct hosted_header *h = g->detail;

  return max_u64 (h->overhead, g->geometry.data_start);
}

static uint64_t
sparse_free_from (const struct grains *g)
{
  (void) g;
  return 0; /* behind the file */
}

/* Version and flags are side by side in one sector, so this is atomic; they
 * have to be durable before there is such an entry (3.9).  Several threads may
 * do it at once.
 */
static int
sparse_announce_zeroed (struct grains *g)
{
  struct hosted_header *h = g->detail;
  unsigned char fields[8];

  if (sparse_zero_is_announced (g))
    return 0;
  store_le32 (fields, max_u64 (h->version, 2));
  store_le32 (fields + 4, __atomic_load_n (&h->flags, __ATOMIC_RELAXED) |
                            HOSTED_ZEROED_GRAINS);
  if (file_pwrite (g->file, fields, sizeof fields,
                   offsetof (struct disk_hosted_header, version)) == -1 ||
      writing_sync (g->extent->writing, g->file) == -1)
    return -1;
  __atomic_fetch_or (&h->flags, HOSTED_ZEROED_GRAINS, __ATOMIC_RELAXED);
  return 0;
}

static int
sparse_set_unclean (struct grains *g, bool unclean)
{
  const unsigned char value = unclean;

  return file_pwrite (g->file, &value, 1,
                      offsetof (struct disk_hosted_header, unclean_shutdown));
}

static const char *
sparse_why_not (const struct extent *e)
{
  const struct sparse *s = e->state;

  if (s->header.version == 3)
    return "its header has version 3, which belongs to disks whose changes are "
           "tracked (CBT)";
  if (s->header.flags & HOSTED_UNKNOWN_COMPATIBLE)
    return "its header has flags that are not known, and what depends on them "
           "could be left wrong";
  if (s->header.redundant_lost)
    return "its header promises a redundant grain directory in a place that "
           "cannot be one: check the disk first";
  if (s->header.geometry.n_tables > s->grains.geometry.n_tables)
    return "its header states a much larger capacity than the descriptor, and "
           "what is beyond the latter could be overwritten";
  return NULL;
}

static const struct grain_format sparse_format = {
  .entry_bytes = 4,
  .mixed = true,
  .step = grain_sector_step,
  .gde = grain_sector_gde,
  .gte = sparse_gte,
  .align = sparse_align,
  .first_grain = sparse_first_grain,
  .free_from = sparse_free_from,
  .zero_is_announced = sparse_zero_is_announced,
  .announce_zeroed = sparse_announce_zeroed,
  .zeroed_entry = HOSTED_GTE_ZERO,
  .set_unclean = sparse_set_unclean,
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
  e->unclean = s->header.unclean;
  if (e->unclean)
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
  .why_not = sparse_why_not,
  .start_writing = grains_start_writing,
  .write = grains_write,
  .zero = grains_zero,
  .zero_is_quick = grains_zero_is_quick,
  .flush = grains_flush,
  .relieve = grains_relieve,
  .finish = grains_finish,
  .set_unclean = grains_set_unclean,
  .delta = true,
};
