/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces of a descriptor's text: bytes, not characters, and hostile ones.
 * Nothing here reads beyond the piece.
 */

#ifndef VMDK_TEXT_H
#define VMDK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* p is NULL if it is not there. */
struct text {
  const char *p;
  size_t n;
};

/* T without the blanks (space, tab, carriage return) around it. */
extern struct text text_trim (struct text t);

/* Take what is before the next blank off REST, and the blanks around it. */
extern struct text
text_next_word (struct text *rest) __attribute__ ((__nonnull__ (1)));

/* Does TEXT equal WORD, which is ASCII, whatever the case?  Contain it? */
extern bool
text_is (struct text text, const char *word) __attribute__ ((__nonnull__ (2)));
extern bool text_contains (struct text text, const char *word)
  __attribute__ ((__nonnull__ (2)));

/* The same bytes? */
extern bool text_equal (struct text a, struct text b);

/* Digits only, at least one, of a number that is at most MAX? */
extern bool text_decimal (struct text t, uint64_t max, uint64_t *value)
  __attribute__ ((__nonnull__ (3)));

/* One to eight hexadecimal digits? */
extern bool
text_hex32 (struct text t, uint32_t *value) __attribute__ ((__nonnull__ (2)));

/* A copy that is fit to be printed (quote.h); of what is not there, "".
 * Returns NULL with errno ENOMEM; the caller frees.
 */
extern char *text_quote (struct text t);

#endif /* VMDK_TEXT_H */
