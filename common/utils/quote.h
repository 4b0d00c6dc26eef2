/* SPDX-License-Identifier: BSD-3-Clause */
/* Names out of images and from users, made fit to be printed. */

#ifndef VMDK_QUOTE_H
#define VMDK_QUOTE_H

#include <stddef.h>

/* A copy of the LENGTH bytes at TEXT that is safe in a message or a log:
 * control bytes, backslash and whatever is not UTF-8 come out as \xHH.  What
 * is longer than 300 bytes is cut and ends in "...".
 * Returns NULL with errno ENOMEM; the caller frees.
 */
extern char *
quote_bytes (const char *text, size_t length) __attribute__ ((__nonnull__ (1)));

/* The same for a string. */
extern char *quote (const char *text) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_QUOTE_H */
