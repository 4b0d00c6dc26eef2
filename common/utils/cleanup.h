/* SPDX-License-Identifier: BSD-3-Clause */
/* Ownership by attribute: what is declared with one of these is released when
 * its scope ends, on every path.  Ownership is passed on by assigning NULL
 * (or, for pointers, with TAKE).
 */

#ifndef VMDK_CLEANUP_H
#define VMDK_CLEANUP_H

#include <pthread.h>

#define CLEANUP(fn) __attribute__ ((__cleanup__ (fn)))

extern void cleanup_free (void *ptr);
extern void cleanup_mutex_unlock (pthread_mutex_t **ptr);

#define CLEANUP_FREE CLEANUP (cleanup_free)

#define UNIQUE_NAME_2(prefix, line) prefix##line
#define UNIQUE_NAME_1(prefix, line) UNIQUE_NAME_2 (prefix, line)

/* Hold MUTEX (a pthread_mutex_t *) until the end of the enclosing block. */
#define LOCK_FOR_SCOPE(mutex)                                   \
  CLEANUP (cleanup_mutex_unlock)                                \
  pthread_mutex_t *UNIQUE_NAME_1 (locked_, __LINE__) = (mutex); \
  pthread_mutex_lock (UNIQUE_NAME_1 (locked_, __LINE__))

/* Read POINTER and set it to NULL: the reader owns it now. */
#define TAKE(pointer)                        \
  ({                                         \
    __typeof__ (pointer) taken_ = (pointer); \
    (pointer) = NULL;                        \
    taken_;                                  \
  })

#endif /* VMDK_CLEANUP_H */
