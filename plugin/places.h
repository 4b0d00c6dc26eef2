/* SPDX-License-Identifier: BSD-3-Clause */
/* The directories that the files of a disk may come from. */

#ifndef VMDK_PLACES_H
#define VMDK_PLACES_H

#include "name.h"

/* Open the directory of the disk PATH, then, if that is a symbolic link to a
 * file, the directory of that file, then each search=DIR, then the directory of
 * create-parent=FILE, all of them for files with FLAGS (enum file_flags).
 * Returns -1, reported; close PLACES all the same.
 */
extern int places_open (struct places *places, const char *path, unsigned flags)
  __attribute__ ((__nonnull__ (1, 2)));

extern void
places_close (struct places *places) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_PLACES_H */
