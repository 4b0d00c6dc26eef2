/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic on numbers that come from an image.
 *
 * Both return true when the result does not fit, and then *R is not to be
 * used.  All operands are uint64_t: narrower types promote, wider do not
 * exist.
 */

#ifndef VMDK_CHECKED_OVERFLOW_H
#define VMDK_CHECKED_OVERFLOW_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
add_overflow (uint64_t a, uint64_t b, uint64_t *r)
{
  return __builtin_add_overflow (a, b, r);
}

static inline bool
mul_overflow (uint64_t a, uint64_t b, uint64_t *r)
{
  return __builtin_mul_overflow (a, b, r);
}

/* Is [offset, offset+length) inside [0, size)? */
static inline bool
range_inside (uint64_t offset, uint64_t length, uint64_t size)
{
  return length <= size && offset <= size - length;
}

/* Do [a, a+a_length) and [b, b+b_length) share a byte?  Neither may wrap. */
static inline bool
ranges_overlap (uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
  return a_length > 0 && b_length > 0 && a < b + b_length && b < a + a_length;
}

#endif /* VMDK_CHECKED_OVERFLOW_H */
