/* SPDX-License-Identifier: BSD-3-Clause */
/* What file-posix.c and dir-posix.c share; not for other layers. */

#ifndef VMDK_FILE_POSIX_H
#define VMDK_FILE_POSIX_H

#include <fcntl.h>
#include <stdbool.h>

/* Besides O_RDONLY or O_RDWR.  O_NONBLOCK: a FIFO must not stop us before we
 * see that it is one.
 */
#define FILE_POSIX_OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Does ERR, of an open for reading and writing, still allow an open for reading
 * only?
 */
extern bool file_posix_may_be_read (int err);

/* A disk in thousands of pieces needs a descriptor for each.  Raise the soft
 * limit on open files to the hard one; false if it is there already.
 */
extern bool file_posix_raise_limit (void);

#endif /* VMDK_FILE_POSIX_H */
