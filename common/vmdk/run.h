/* SPDX-License-Identifier: BSD-3-Clause */
/* The run: the one answer to "what is at this offset, and for how long".
 *
 * What flows down is (offset, length), what flows up is a run.  Reads, block
 * status and prefetching all use it, so they cannot disagree.
 *
 *   state        read                          block status
 *   RUN_DATA     LENGTH bytes of FILE at AT    data
 *   RUN_PACKED   the extent's driver does it   data
 *   RUN_ZERO     zeroes; stops the chain       hole, zero
 *   RUN_HOLE     ask the parent; zeroes        the parent's
 *                at the base
 */

#ifndef VMDK_RUN_H
#define VMDK_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct extent;
struct file;

enum run_state { RUN_DATA, RUN_PACKED, RUN_ZERO, RUN_HOLE };

struct run {
  bool quiet; /* set by who asks: do not report a failure */

  enum run_state state;
  uint64_t length; /* bytes; at least 1, no more than was asked for */

  struct file *file; /* RUN_DATA */
  uint64_t at;       /* RUN_DATA: bytes into file; RUN_PACKED: into extent */

  struct extent *extent; /* RUN_DATA and RUN_PACKED: whose it is */
};

#endif /* VMDK_RUN_H */
