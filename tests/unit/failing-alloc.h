/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocations of the core that fail at will.  Not a header like others: it
 * holds the functions that the linker calls in place of the C library's
 * (WRAP_ALLOCATIONS in tests/Makefile.am), so one file of a program includes
 * it.  What the C library allocates for itself does not fail.
 *
 * No thread but the one that asks for failures may allocate meanwhile.
 */

#ifndef VMDK_FAILING_ALLOC_H
#define VMDK_FAILING_ALLOC_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static long countdown = -1; /* at 0 an allocation fails; below 0 none does */
static bool no_memory;      /* one has failed; for the tests to reset */

static bool
fails (void)
{
  if (countdown < 0 || countdown-- > 0)
    return false;
  no_memory = true;
  errno = ENOMEM;
  return true;
}

extern void *__real_malloc (size_t size);
extern void *__wrap_malloc (size_t size);
extern void *__real_calloc (size_t n, size_t size);
extern void *__wrap_calloc (size_t n, size_t size);
extern void *__real_realloc (void *p, size_t size);
extern void *__wrap_realloc (void *p, size_t size);
extern char *__real_strdup (const char *s);
extern char *__wrap_strdup (const char *s);
extern char *__real_strndup (const char *s, size_t n);
extern char *__wrap_strndup (const char *s, size_t n);
extern FILE *__real_open_memstream (char **p, size_t *size);
extern FILE *__wrap_open_memstream (char **p, size_t *size);
extern int __wrap_asprintf (char **p, const char *fmt, ...)
  __attribute__ ((__format__ (__printf__, 2, 3)));
extern int __wrap___asprintf_chk (char **p, int flag, const char *fmt, ...)
  __attribute__ ((__format__ (__printf__, 3, 4)));

void *
__wrap_malloc (size_t size)
{
  return fails () ? NULL : __real_malloc (size);
}

void *
__wrap_calloc (size_t n, size_t size)
{
  return fails () ? NULL : __real_calloc (n, size);
}

void *
__wrap_realloc (void *p, size_t size)
{
  return fails () ? NULL : __real_realloc (p, size);
}

char *
__wrap_strdup (const char *s)
{
  return fails () ? NULL : __real_strdup (s);
}

char *
__wrap_strndup (const char *s, size_t n)
{
  return fails () ? NULL : __real_strndup (s, n);
}

FILE *
__wrap_open_memstream (char **p, size_t *size)
{
  return fails () ? NULL : __real_open_memstream (p, size);
}

/* On failure *P is undefined. */
static int __attribute__ ((__format__ (__printf__, 2, 0)))
wrapped_vasprintf (char **p, const char *fmt, va_list args)
{
  if (fails ()) {
    *p = (char *) 16; /* to be neither used nor freed */
    return -1;
  }
  return vasprintf (p, fmt, args);
}

int
__wrap_asprintf (char **p, const char *fmt, ...)
{
  va_list args;
  int r;

  va_start (args, fmt);
  r = wrapped_vasprintf (p, fmt, args);
  va_end (args);
  return r;
}

/* What asprintf becomes with _FORTIFY_SOURCE. */
int
__wrap___asprintf_chk (char **p, int flag, const char *fmt, ...)
{
  va_list args;
  int r;

  (void) flag;
  va_start (args, fmt);
  r = wrapped_vasprintf (p, fmt, args);
  va_end (args);
  return r;
}

#endif /* VMDK_FAILING_ALLOC_H */
