/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions behind the attributes of cleanup.h. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"

void
cleanup_free (void *ptr)
{
  int saved = errno;

  free (*(void **) ptr);
  errno = saved;
}

void
cleanup_mutex_unlock (pthread_mutex_t **ptr)
{
  pthread_mutex_unlock (*ptr);
}
