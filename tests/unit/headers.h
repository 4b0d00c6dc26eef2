/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the parsers of headers share. */

#ifndef VMDK_TEST_HEADERS_H
#define VMDK_TEST_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#include "header.h"
#include "image.h"

#define KIB UINT64_C (1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

/* Larger than anything that a default header speaks of. */
#define FILE_SIZE (64 * MIB)

/* Change a few of the first N bytes of I behind the magic: to values that lead
 * somewhere, put where fields are, or by a bit.
 */
extern void header_damage (struct image *i, size_t n);

/* What header.h promises of what has been accepted. */
extern void
header_check_geometry (const struct geometry *g, unsigned entry_bytes);

/* A parser has refused the header of h.vmdk, once, for FIELD and what was FOUND
 * there.
 */
extern void header_check_refusal (const char *field, const char *found);

#endif /* VMDK_TEST_HEADERS_H */
