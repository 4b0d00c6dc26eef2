/* SPDX-License-Identifier: BSD-3-Clause */
/* What a power failure may leave of the files of a host.
 *
 * At crash point K the first K changes of the host's log have been made.  Of
 * each file, what was changed before its last sync is there.  Of each later
 * write or zeroing any set of sectors may be there, and any of the changes of
 * its size; data that is there makes the file grow, with zeroes before it.  A
 * rename is there or not, and surely only when the names have been synced:
 * until then a name may be the old file's or the new one's, each with what is
 * left of it.
 */

#ifndef VMDK_CRASH_H
#define VMDK_CRASH_H

#include <stdbool.h>
#include <stddef.h>

#include "host.h"

enum crash_loss {
  CRASH_LOSE_NOTHING,
  CRASH_LOSE_ALL,
  CRASH_LOSE_SOME /* at random */
};

struct crash;

/* At point 0 of the log of H, which must be complete. */
extern struct crash *crash_begin (const struct host *h);
extern void crash_end (struct crash *c);

/* On to the next point; false if there is none. */
extern bool crash_next (struct crash *c);
extern size_t crash_point (const struct crash *c);

/* Is there anything that might be lost? */
extern bool crash_may_lose (const struct crash *c);

/* Give the files of INTO, which may be empty, what is left of H's. */
extern void
crash_image (const struct crash *c, enum crash_loss loss, struct host *into);

#endif /* VMDK_CRASH_H */
