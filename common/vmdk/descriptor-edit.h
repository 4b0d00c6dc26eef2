/* SPDX-License-Identifier: BSD-3-Clause */
/* What changes in a descriptor when the content of its disk does: the content
 * IDs, and whether changes are tracked (vmdk-format.md 2.12, 9.1).
 *
 * Everything is replaced by as many bytes, where it is (2.15): no other byte of
 * the file moves or changes.
 */

#ifndef VMDK_DESCRIPTOR_EDIT_H
#define VMDK_DESCRIPTOR_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "descriptor.h"
#include "file.h"

struct descriptor_edit;

/* Learn from D, whose text is in F from OFFSET (bytes) on, what there is to
 * change.  DROP_CBT: end change tracking too.  F must stay open, D need not.
 * Nothing is written.  Returns NULL with errno set, reported.  Free with
 * descriptor_edit_free.
 */
extern struct descriptor_edit *
descriptor_edit_create (const struct descriptor *d, struct file *f,
                        uint64_t offset, bool drop_cbt)
  __attribute__ ((__nonnull__ (1, 2)));

/* Give the link, whose file must be writable, a new content ID; the caller
 * syncs the file.  One thread at a time.  Returns 0; or -1 with errno set,
 * reported.  If the lines are not those that were learnt, nothing is written;
 * after any other failure some may have changed, and it may be tried again.
 */
extern int descriptor_edit_apply (struct descriptor_edit *e)
  __attribute__ ((__nonnull__ (1)));

/* E may be NULL. */
extern void descriptor_edit_free (struct descriptor_edit *e);

#endif /* VMDK_DESCRIPTOR_EDIT_H */
