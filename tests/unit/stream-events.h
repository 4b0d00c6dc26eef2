/* SPDX-License-Identifier: BSD-3-Clause */
/* What a stream-optimized disk came to while it was written to, as the host's
 * log tells: a test that is about checkpoints has to see some.
 */

#ifndef VMDK_STREAM_EVENTS_H
#define VMDK_STREAM_EVENTS_H

#include "disks.h"

struct stream_events {
  unsigned checkpoints; /* the record in the header has changed */
  unsigned reused;      /* grains were written before the end of the file */
  unsigned orders;      /* writes of order marks */
  unsigned replaced;    /* the file was, by a new one */
};

/* Since the log began. */
extern struct stream_events stream_events (const struct test_disk *t);

#endif /* VMDK_STREAM_EVENTS_H */
