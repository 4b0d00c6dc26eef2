/* SPDX-License-Identifier: BSD-3-Clause */
/* SESparse extents, the space-efficient redo logs of ESXi (vmdk-format.md
 * section 6).  Everything is in units of areas: entries hold the numbers of
 * tables and grains inside their areas, not sectors of the file.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "checked-overflow.h"
#include "extent.h"
#include "format.h"
#include "grain.h"
#include "header.h"
#include "report.h"
#include "vmdk-limits.h"

struct sesparse {
  struct grains grains;
  struct sesparse_header header;
};

/* 6.3: 1 in the top nibble, then the number of the table. */
static enum entry
sesparse_gde (const struct grains *g, uint64_t raw, uint64_t *offset)
{
  const struct sesparse_header *h = g->detail;
  const uint64_t table_bytes = SESPARSE_GTES_PER_GT * 8;
  uint64_t i = raw & 0xffffffff;

  *offset = raw;
  if (raw == 0)
    return ENTRY_ABSENT;
  if (raw >> 32 != 0x10000000 ||
      !range_inside (i * table_bytes, table_bytes, h->tables_bytes))
    return ENTRY_BAD;
  *offset = h->tables_offset + i * table_bytes;
  return ENTRY_AT;
}

/* 6.4: the state in the top nibble; of the number of the grain, the low 12
 * bits come before the others.
 */
static enum entry
sesparse_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  const struct sesparse_header *h = g->detail;
  const uint64_t grain_bytes = g->geometry.grain_bytes;
  uint64_t i;

  *offset = raw;
  switch (raw >> 60) {
  case 0: return raw == 0 ? ENTRY_ABSENT : ENTRY_BAD;
  case 1: /* unmapped by the guest: zeroes, not the parent */
  case 2: return ENTRY_ZERO;
  case 3:
    i = (raw & UINT64_C (0x0fff000000000000)) >> 48 |
        (raw & UINT64_C (0x0000ffffffffffff)) << 12;
    if (i >=
        h->grains_bytes / grain_bytes + (h->grains_bytes % grain_bytes != 0))
      return ENTRY_BAD;
    *offset = h->grains_offset + i * grain_bytes;
    return ENTRY_AT;
  default: return ENTRY_BAD;
  }
}

/* The low 12 bits of the number are in bits 48 to 59. */
static uint64_t
sesparse_step (const struct grains *g)
{
  (void) g;
  return UINT64_C (1) << 48;
}

static const struct grain_format sesparse_format = {
  .entry_bytes = 8,
  .step = sesparse_step,
  .gde = sesparse_gde,
  .gte = sesparse_gte,
};

static bool
sesparse_match (const struct extent_source *source)
{
  return source->kind == KIND_SESPARSE;
}

static int
sesparse_parse (struct extent *e, const struct extent_source *source,
                struct sesparse *s)
{
  unsigned char sector[SECTOR_SIZE];
  uint64_t volatile_offset;

  if (header_parse_sesparse (e->file, source->file_size, source->sector,
                             &s->header, &volatile_offset) == -1 ||
      file_pread (e->file, sector, sizeof sector, volatile_offset) == -1 ||
      header_check_sesparse_volatile (e->file, sector) == -1)
    return -1;
  return extent_settle_length (e, s->header.geometry.capacity);
}

static int
sesparse_open (struct extent *e, const struct extent_source *source)
{
  struct sesparse *s = calloc (1, sizeof *s);

  if (s == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (sesparse_parse (e, source, s) == -1) {
    free (s);
    return -1;
  }
  s->grains.geometry = s->header.geometry;
  grains_init (&s->grains, e, &sesparse_format, &s->header);
  e->state = s;
  return 0;
}

static int
sesparse_map (struct extent *e, uint64_t offset, uint64_t length,
              struct run *run)
{
  struct sesparse *s = e->state;

  return grains_map (&s->grains, offset, length, run);
}

static void
sesparse_close (struct extent *e)
{
  struct sesparse *s = e->state;

  grains_destroy (&s->grains);
  free (s);
}

static const char *
sesparse_why_not (const struct extent *e)
{
  (void) e;
  return "it is space-efficient (SESparse), whose rules for writing are not "
         "public: make a child link with create-parent, and write to that";
}

const struct extent_driver extent_sesparse = {
  .name = "sesparse",
  .match = sesparse_match,
  .open = sesparse_open,
  .map = sesparse_map,
  .close = sesparse_close,
  .why_not = sesparse_why_not,
  .delta = true,
};
