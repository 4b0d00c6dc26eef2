/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers of one size that are needed for moments again and again, by many
 * threads.  The C library would give their memory back to the host each time,
 * and the host clear it the next.
 */

#ifndef VMDK_SPARES_H
#define VMDK_SPARES_H

#include <pthread.h>
#include <stddef.h>

/* More than that many are not kept. */
#define MAX_SPARES 16

struct spares {
  size_t size; /* bytes of each */

  pthread_mutex_t lock; /* guards what follows */
  unsigned n;
  void *idle[MAX_SPARES];
};

extern void
spares_init (struct spares *s, size_t size) __attribute__ ((__nonnull__ (1)));

/* All have been given back. */
extern void spares_destroy (struct spares *s) __attribute__ ((__nonnull__ (1)));

/* A buffer of S->size bytes, of any content.  NULL with errno set. */
extern void *spares_take (struct spares *s) __attribute__ ((__nonnull__ (1)));

/* BUF may be NULL. */
extern void
spares_give (struct spares *s, void *buf) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_SPARES_H */
