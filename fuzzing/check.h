/* SPDX-License-Identifier: BSD-3-Clause */
/* What must be true whatever the input is, besides that nothing crashes. */

#ifndef VMDK_FUZZ_CHECK_H
#define VMDK_FUZZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

/* What every target defines; see libFuzzer's manual. */
extern int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Unless CONDITION is true, say so, and what was reported, and abort. */
#define HOLDS(condition) \
  ((condition) ? (void) 0 : check_failed (__FILE__, __LINE__, #condition))

extern void check_failed (const char *file, int line, const char *what)
  __attribute__ ((__noreturn__));

/* A call has ended: if it FAILED, exactly one failure was reported and errno is
 * set; else none was.  Forgets the reports.  errno is as it was.
 */
extern void check_result (bool failed);

/* Map, read, prefetch and ask for the status of as much of D as is feasible,
 * and check that all of them agree.
 */
extern void check_reading (struct disk *d);

/* The same around one place, an offset in bytes inside D. */
extern void check_place (struct disk *d, uint64_t offset, uint32_t count);

#endif /* VMDK_FUZZ_CHECK_H */
