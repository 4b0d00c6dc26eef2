/* SPDX-License-Identifier: BSD-3-Clause */
/* Integer rounding that cannot overflow on the way, and min and max. */

#ifndef VMDK_ROUNDING_H
#define VMDK_ROUNDING_H

#include <stdbool.h>
#include <stdint.h>

/* a / b rounded up; b must not be 0.  (a + b - 1) / b would overflow. */
static inline uint64_t
div_round_up (uint64_t a, uint64_t b)
{
  return a / b + (a % b != 0);
}

static inline uint64_t
round_up (uint64_t n, uint64_t unit)
{
  return div_round_up (n, unit) * unit;
}

static inline bool
is_power_of_2 (uint64_t n)
{
  return n != 0 && (n & (n - 1)) == 0;
}

static inline uint64_t
min_u64 (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static inline uint64_t
max_u64 (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

#endif /* VMDK_ROUNDING_H */
