/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs: how to know that everybody who may still be using a thing has gone,
 * without counting the users of each thing.
 *
 * Whoever works enters an epoch and leaves it.  What is taken away in epoch E
 * may still be in use by those who entered in E or before; once
 * epoch_passed (E), all of them have left.  Two counters are enough, since the
 * epoch moves on only when nobody is left in the one before it.
 */

#ifndef VMDK_EPOCH_H
#define VMDK_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised it is ready for use.  All atomic. */
struct epochs {
  uint64_t now;
  uint64_t inside[2]; /* those who entered in an even, an odd epoch */
};

/* Returns what epoch_leave has to be given. */
extern uint64_t
epoch_enter (struct epochs *e) __attribute__ ((__nonnull__ (1)));
extern void epoch_leave (struct epochs *e, uint64_t entered)
  __attribute__ ((__nonnull__ (1)));

extern uint64_t epoch_now (struct epochs *e) __attribute__ ((__nonnull__ (1)));

/* Have all left who entered in EPOCH or before?  False may be too careful. */
extern bool epoch_passed (struct epochs *e, uint64_t epoch)
  __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_EPOCH_H */
