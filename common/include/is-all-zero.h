/* SPDX-License-Identifier: BSD-3-Clause */
/* Are bytes all zero? */

#ifndef VMDK_IS_ALL_ZERO_H
#define VMDK_IS_ALL_ZERO_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool
is_all_zero (const void *bytes, size_t n)
{
  const unsigned char *p = bytes;

  /* The first is zero, and each is equal to the one before it. */
  return n == 0 || (p[0] == 0 && memcmp (p, p + 1, n - 1) == 0);
}

#endif /* VMDK_IS_ALL_ZERO_H */
