/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of vector.h that does not depend on the type. */

#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "vector.h"

int
vector_grow (void **items, size_t *room, size_t size)
{
  size_t new_room = *room ? *room * 2 : 8;
  void *p;

  if (new_room > SIZE_MAX / 2 / size) {
    errno = ENOMEM;
    return -1;
  }
  p = realloc (*items, new_room * size);
  if (p == NULL)
    return -1;
  *items = p;
  *room = new_room;
  return 0;
}
