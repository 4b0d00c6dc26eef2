/* SPDX-License-Identifier: BSD-3-Clause */
/* What must be true whatever the input is, besides that nothing crashes. */

#ifndef VMDK_FUZZ_CHECK_H
#define VMDK_FUZZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "host.h"

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

/* Why a call on a disk that is written to may fail: something is wrong with the
 * image, or the host has no room, or the call is about an extent that cannot be
 * written to.  Without any of these, it must not.
 */
struct excuses {
  const struct host *host;
  uint64_t refused; /* by the host, before the call */

  /* At first, tables were not in order, or a byte that a request may need, be
   * it hidden by what a child has for it, could not be read; or whether it can
   * is not known.
   */
  bool image;
};

/* Before each call. */
extern void excuses_begin (struct excuses *x);

/* As check_result, after a call that must not fail for want of an excuse; and
 * after one that changes COUNT bytes at OFFSET of D.
 */
extern void check_call (const struct excuses *x, bool failed);
extern void check_change (const struct excuses *x, const struct disk *d,
                          uint64_t offset, uint64_t count, bool failed);

/* Is there something in the COUNT bytes (at most 4096) at OFFSET that the links
 * below the top one have, and that cannot be read?
 */
extern bool check_below (struct disk *d, uint64_t offset, uint32_t count);

/* Map, read, prefetch and ask for the status of as much of D as is feasible,
 * and check that all of them agree.
 */
extern void check_reading (struct disk *d);

/* The same around one place, an offset in bytes inside D. */
extern void check_place (struct disk *d, uint64_t offset, uint32_t count);

#endif /* VMDK_FUZZ_CHECK_H */
