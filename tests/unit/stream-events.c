/* SPDX-License-Identifier: BSD-3-Clause */
/* What a stream-optimized disk came to: see stream-events.h. */

#include <config.h>

#include <string.h>

#include "stream-events.h"

#define S             512
#define FRONT         (21 * S) /* header and descriptor */
#define RECORD_OFFSET 256      /* common/vmdk/stream-log.c */

static uint64_t
get_le (const unsigned char *p, unsigned n)
{
  uint64_t v = 0;

  while (n-- > 0)
    v = v << 8 | p[n];
  return v;
}

/* Look at a write to the file behind its front.  Of the metadata markers only
 * order marks have something behind byte 16.
 */
static void
count_write (const struct host_change *c, uint64_t *end,
             struct stream_events *e)
{
  const unsigned size = get_le (c->bytes + 8, 4);
  const unsigned type = get_le (c->bytes + 12, 4);

  e->reused += size != 0 && c->offset < *end;
  e->orders += size == 0 && type == 4 && get_le (c->bytes + 16, 8) != 0;
  if (c->offset + c->count > *end)
    *end = c->offset + c->count;
}

struct stream_events
stream_events (const struct test_disk *t)
{
  const struct host *h = t->host;
  const unsigned file = h->files[0].old_file;
  unsigned char record[S - RECORD_OFFSET] = { 0 };
  struct stream_events e = { 0 };
  unsigned records = 0;
  uint64_t end = 0;
  size_t i;

  for (i = 0; i < h->n_log; ++i) {
    const struct host_change *c = &h->log[i];

    e.replaced += c->operation == HOST_RENAME;
    if (c->file != file || c->operation != HOST_WRITE || c->count < S)
      continue;
    if (c->offset >= FRONT)
      count_write (c, &end, &e);
    else if (c->offset == 0 && c->bytes[72] &&
             memcmp (c->bytes + RECORD_OFFSET, record, sizeof record) != 0) {
      memcpy (record, c->bytes + RECORD_OFFSET, sizeof record);
      records++;
    }
  }
  e.checkpoints = records > 0 ? records - 1 : 0;
  return e;
}
