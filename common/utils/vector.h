/* SPDX-License-Identifier: BSD-3-Clause */
/* Growing arrays of one type.
 *
 *   DEFINE_VECTOR (file_vector, struct file *);
 *   file_vector files = VECTOR_EMPTY;
 *   if (file_vector_append (&files, f) == -1) ...
 *   free (files.items);
 *
 * Append returns -1 with errno ENOMEM when there is no memory; the vector is
 * then as it was.
 */

#ifndef VMDK_VECTOR_H
#define VMDK_VECTOR_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define VECTOR_EMPTY                     \
  {                                      \
    .items = NULL, .count = 0, .room = 0 \
  }

/* Room for one more item of SIZE bytes; returns -1 with errno set. */
extern int vector_grow (void **items, size_t *room, size_t size)
  __attribute__ ((__nonnull__ (1, 2)));

#define DEFINE_VECTOR(name, type)                                       \
  typedef struct {                                                      \
    type *items;                                                        \
    size_t count;                                                       \
    size_t room;                                                        \
  } name;                                                               \
                                                                        \
  static inline                                                         \
    __attribute__ ((__unused__)) int name##_append (name *v, type item) \
  {                                                                     \
    void *items = v->items;                                             \
                                                                        \
    if (v->count == v->room) {                                          \
      if (vector_grow (&items, &v->room, sizeof (type)) == -1)          \
        return -1;                                                      \
      v->items = items;                                                 \
    }                                                                   \
    assert (v->items != NULL);                                          \
    v->items[v->count++] = item;                                        \
    return 0;                                                           \
  }                                                                     \
                                                                        \
  struct name##_needs_semicolon

#endif /* VMDK_VECTOR_H */
