/* SPDX-License-Identifier: BSD-3-Clause */
/* The create parameters, and making the disk that they ask for. */

#ifndef VMDK_CREATE_DISK_H
#define VMDK_CREATE_DISK_H

#include "dir.h"

/* With create=true: do the create parameters make sense, alone and together?
 * Returns -1, reported.
 */
extern int create_check_params (void);

/* Make the disk params.file, which is in DIR.  Returns -1 with errno set,
 * reported; there is no file of it then.
 */
extern int
create_from_params (struct dir *dir) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_CREATE_DISK_H */
