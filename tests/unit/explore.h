/* SPDX-License-Identifier: BSD-3-Clause */
/* What a disk must be after a power failure at any moment of a script:
 * readable, with undamaged tables, holding what the model allows, and with
 * another CID than before if it holds anything else.
 */

#ifndef VMDK_EXPLORE_H
#define VMDK_EXPLORE_H

#include "disks.h"

/* How much is tried; 0 of AGAIN: nothing of that kind. */
struct explore_effort {
  unsigned losses; /* random ones at each crash point */

  /* Of about so many images one is written to and left to crash again, or
   * closed.
   */
  unsigned again;
};

extern const struct explore_effort explore_usual;

/* T has been closed, or is left as it is: look at all crash points of its
 * host's log.  WHAT is for messages.
 */
extern void explore (struct test_disk *t, const char *what,
                     const struct explore_effort *effort);

/* How much was looked at. */
struct explore_count {
  unsigned long points, images, again;
};

extern struct explore_count explore_count;

#endif /* VMDK_EXPLORE_H */
