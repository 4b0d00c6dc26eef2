/* SPDX-License-Identifier: BSD-3-Clause */
/* Spare buffers: see spares.h. */

#include <config.h>

#include <stdlib.h>

#include "cleanup.h"
#include "spares.h"

void
spares_init (struct spares *s, size_t size)
{
  pthread_mutex_init (&s->lock, NULL);
  s->size = size;
  s->n = 0;
}

void
spares_destroy (struct spares *s)
{
  while (s->n > 0)
    free (s->idle[--s->n]);
  pthread_mutex_destroy (&s->lock);
}

void *
spares_take (struct spares *s)
{
  {
    LOCK_FOR_SCOPE (&s->lock);
    if (s->n > 0)
      return s->idle[--s->n];
  }
  return malloc (s->size);
}

void
spares_give (struct spares *s, void *buf)
{
  if (buf == NULL)
    return;
  {
    LOCK_FOR_SCOPE (&s->lock);
    if (s->n < MAX_SPARES) {
      s->idle[s->n++] = buf;
      return;
    }
  }
  free (buf);
}
