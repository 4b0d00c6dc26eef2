/* SPDX-License-Identifier: BSD-3-Clause */
/* COWD extents, the redo logs of ESX on VMFS up to version 5
 * (vmdk-format.md section 5): small grains, tables made on demand and mixed
 * with them.
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

struct cowd {
  struct grains grains; /* first, for grain-writer.h */
  struct cowd_header header;
  uint64_t free_from; /* what the file says; a flush changes it */
};

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

/* ---- writing (5.3) ---- */

/* freeSector is ahead of what is in use by up to so much, so that it need not
 * be written with each flush.
 */
#define FREE_AHEAD (1 << 20)

static struct cowd *
cowd_of (const struct grains *g)
{
  return g->detail;
}

static uint64_t
cowd_align (const struct grains *g)
{
  (void) g;
  return SECTOR_SIZE;
}

static uint64_t
cowd_first_grain (const struct grains *g)
{
  return cowd_of (g)->header.directory_end;
}

static uint64_t
cowd_free_from (const struct grains *g)
{
  return cowd_of (g)->header.free_from;
}

/* The number of a sector that is not in use, as 32 bits can hold it. */
static int
write_free (struct grains *g, uint64_t end)
{
  struct cowd *c = cowd_of (g);
  unsigned char field[4];

  store_le32 (field, min_u64 (end / SECTOR_SIZE, UINT32_MAX));
  if (file_pwrite (g->file, field, sizeof field,
                   offsetof (struct disk_cowd_header, free_sector)) == -1)
    return -1;
  c->free_from = end;
  return 0;
}

/* ESX hands out what is behind freeSector: so it has to be durable before
 * anything refers to what it includes.  It lies in the file (5.1).
 */
static int
cowd_set_free (struct grains *g, uint64_t end, bool exact)
{
  const struct cowd *c = cowd_of (g);
  const uint64_t size = grain_file_size (g);

  if (exact)
    return end == c->free_from ? 0 : write_free (g, end);
  if (end <= c->free_from)
    return 0;
  return write_free (
    g, max_u64 (end, min_u64 (end + FREE_AHEAD, size - SECTOR_SIZE)));
}

static int
cowd_set_unclean (struct grains *g, bool unclean)
{
  unsigned char field[4];

  store_le32 (field, unclean);
  return file_pwrite (g->file, field, sizeof field,
                      offsetof (struct disk_cowd_header, unclean_shutdown));
}

static bool
cowd_zero_is_announced (const struct grains *g)
{
  (void) g;
  return false;
}

static const char *
cowd_why_not (const struct extent *e)
{
  const struct cowd *c = e->state;

  if (c->header.flags != 3)
    return "its header has flags that are not known, and what depends on them "
           "could be left wrong";
  if (c->header.geometry.n_tables > c->grains.geometry.n_tables)
    return "its header states a much larger capacity than the descriptor, and "
           "what is beyond the latter could be overwritten";
  return NULL;
}

static const struct grain_format cowd_format = {
  .entry_bytes = 4,
  .mixed = true,
  .step = grain_sector_step,
  .gde = grain_sector_gde,
  .gte = cowd_gte,
  .align = cowd_align,
  .first_grain = cowd_first_grain,
  .free_from = cowd_free_from,
  .zero_is_announced = cowd_zero_is_announced,
  .set_free = cowd_set_free,
  .set_unclean = cowd_set_unclean,
};

static bool
cowd_match (const struct extent_source *source)
{
  return source->kind == KIND_COWD;
}

static int
cowd_parse (struct extent *e, const struct extent_source *source,
            struct cowd *c)
{
  unsigned char header[sizeof (struct disk_cowd_header)];

  if (file_pread (e->file, header, sizeof header, 0) == -1 ||
      header_parse_cowd (e->file, source->file_size, header, &c->header) == -1)
    return -1;
  return extent_settle_length (e, c->header.geometry.capacity);
}

static int
cowd_open (struct extent *e, const struct extent_source *source)
{
  struct cowd *c = calloc (1, sizeof *c);

  if (c == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (cowd_parse (e, source, c) == -1) {
    free (c);
    return -1;
  }
  e->unclean = c->header.unclean;
  c->free_from = c->header.free_from;
  /* Nothing is behind the end of the file: wild numbers must not make it grow
   * to 2 TiB.
   */
  c->header.free_from = min_u64 (c->header.free_from, source->file_size);
  c->header.directory_end =
    min_u64 (c->header.directory_end, source->file_size);
  c->grains.geometry = c->header.geometry;
  grains_init (&c->grains, e, &cowd_format, c);
  e->state = c;
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
  .why_not = cowd_why_not,
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
