/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: one thread at a time may work on a range of numbers.  Who wants a
 * range that overlaps one that is claimed, waits.  A claim is held over I/O,
 * the lock inside is not.
 */

#ifndef VMDK_CLAIMS_H
#define VMDK_CLAIMS_H

#include <pthread.h>
#include <stdint.h>

/* One claimed range; lives on its holder's stack. */
struct claim {
  struct claim *next;
  uint64_t first, count;
};

struct claims {
  pthread_mutex_t lock;
  pthread_cond_t change;
  struct claim *held; /* few: one for each thread at most */
};

extern void claims_init (struct claims *c) __attribute__ ((__nonnull__ (1)));
extern void claims_destroy (struct claims *c) __attribute__ ((__nonnull__ (1)));

/* Claim COUNT numbers from FIRST on; waits until nobody holds any of them.  A
 * thread that holds a claim must not ask for another.
 */
extern void claims_take (struct claims *c, struct claim *claim, uint64_t first,
                         uint64_t count) __attribute__ ((__nonnull__ (1, 2)));
extern void claims_release (struct claims *c, struct claim *claim)
  __attribute__ ((__nonnull__ (1, 2)));

#endif /* VMDK_CLAIMS_H */
