/* SPDX-License-Identifier: BSD-3-Clause */
/* Extents without data: ZERO, which reads as zeroes and hides the parent, and
 * NOACCESS, which must not be touched (vmdk-format.md 2.5).
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "extent.h"
#include "report.h"

static bool
zero_match (const struct extent_source *source)
{
  return source->type == EXTENT_ZERO;
}

static int
zero_open (struct extent *e, const struct extent_source *source)
{
  (void) e;
  (void) source;
  return 0;
}

static int
zero_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  (void) offset;
  run->state = RUN_ZERO;
  run->length = length;
  run->extent = e;
  return 0;
}

const struct extent_driver extent_zero = {
  .name = "zero",
  .match = zero_match,
  .open = zero_open,
  .map = zero_map,
  .delta = true,
};

static bool
noaccess_match (const struct extent_source *source)
{
  return source->access == ACCESS_NONE;
}

/* Block status must call it something, and a client that skips what is called
 * a hole would never learn that it cannot be read.
 */
static int
noaccess_map (struct extent *e, uint64_t offset, uint64_t length,
              struct run *run)
{
  run->state = RUN_PACKED;
  run->length = length;
  run->at = offset;
  run->extent = e;
  return 0;
}

static int
noaccess_read (struct extent *e, void *buf, size_t count, uint64_t offset)
{
  (void) buf;
  report_error ("%s: cannot read %zu bytes at offset %" PRIu64
                " of the disk: the descriptor marks that extent NOACCESS",
                e->link_name, count, e->start + offset);
  errno = EIO;
  return -1;
}

const struct extent_driver extent_noaccess = {
  .name = "noaccess",
  .match = noaccess_match,
  .open = zero_open,
  .map = noaccess_map,
  .read_packed = noaccess_read,
  .delta = true,
};
