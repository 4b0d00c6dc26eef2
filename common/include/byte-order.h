/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads and stores of little-endian integers at any address.
 *
 * Every integer of every VMDK flavour is little-endian, and headers are
 * packed, so fields sit at any alignment (vmdk-format.md 0.3).
 */

#ifndef VMDK_BYTE_ORDER_H
#define VMDK_BYTE_ORDER_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t
load_le32 (const void *p)
{
  uint32_t v;

  memcpy (&v, p, sizeof v);
  return le32toh (v);
}

static inline uint64_t
load_le64 (const void *p)
{
  uint64_t v;

  memcpy (&v, p, sizeof v);
  return le64toh (v);
}

static inline void
store_le32 (void *p, uint32_t v)
{
  v = htole32 (v);
  memcpy (p, &v, sizeof v);
}

#endif /* VMDK_BYTE_ORDER_H */
