/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of extent drivers, and what they share. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "extent.h"
#include "report.h"
#include "vmdk-limits.h"

/* The first that matches is taken: what the descriptor says before what the
 * file says, since a flat extent may begin with anything.
 */
static const struct extent_driver *const drivers[] = {
  &extent_zero,   &extent_noaccess, &extent_flat,     &extent_stream,
  &extent_sparse, &extent_cowd,     &extent_sesparse,
};

static int
refuse_signature (const struct extent *e, const struct extent_source *source)
{
  const unsigned char *s = source->sector;
  const char *type = extent_type_name (source->type);

  if (source->file_size < 4)
    report_error ("%s: expected the signature of a %s extent (KDMV, COWD or "
                  "0xcafebabe), but the file has only %" PRIu64 " bytes: it "
                  "was truncated, or copied incompletely",
                  e->file->name, type, source->file_size);
  else
    report_error ("%s: expected the signature of a %s extent (KDMV, COWD or "
                  "0xcafebabe), found the bytes %02x %02x %02x %02x: the "
                  "extent is encrypted, damaged, or not the file that belongs "
                  "here",
                  e->file->name, type, s[0], s[1], s[2], s[3]);
  errno = EIO;
  return -1;
}

int
extent_open (struct extent *e, const struct extent_source *source)
{
  size_t i;

  for (i = 0; i < sizeof drivers / sizeof drivers[0]; ++i) {
    if (drivers[i]->match (source)) {
      e->driver = drivers[i];
      if (e->driver->open (e, source) == 0)
        return 0;
      extent_close (e);
      e->driver = NULL;
      return -1;
    }
  }
  return refuse_signature (e, source);
}

void
extent_close (struct extent *e)
{
  int saved = errno;

  if (e->driver && e->driver->close && e->state)
    e->driver->close (e);
  e->state = NULL;
  errno = saved;
}

int
extent_settle_length (struct extent *e, uint64_t capacity)
{
  if (e->length == 0)
    e->length = capacity;
  if (e->length <= capacity)
    return 0;
  report_error ("%s: the descriptor expects %" PRIu64 " sectors in this "
                "extent, but its header states a capacity of %" PRIu64
                ": the file is not the one that belongs here",
                e->file->name, e->length / SECTOR_SIZE, capacity / SECTOR_SIZE);
  errno = EIO;
  return -1;
}
