/* SPDX-License-Identifier: BSD-3-Clause */
/* What a unit test needs: checks that print what they saw and go on, the
 * messages that the core reported, and a directory of its own.
 *
 * A test is a function without arguments whose name says the behaviour; main
 * is a list of RUN (name); and ends in return test_result ();
 */

#ifndef VMDK_TEST_H
#define VMDK_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- checks ---- */

extern void
test_check (const char *file, int line, bool good, const char *what);
extern void test_check_int (const char *file, int line, const char *what,
                            int64_t actual, int64_t expected);
extern void test_check_string (const char *file, int line, const char *what,
                               const char *actual, const char *expected);
extern void test_check_has (const char *file, int line, const char *what,
                            const char *actual, const char *part);
extern void
test_check_bytes (const char *file, int line, const char *what,
                  const void *actual, const void *expected, size_t n);

#define CHECK(condition) \
  test_check (__FILE__, __LINE__, (condition), #condition)

/* Numbers: offsets, counts, enum values, errno. */
#define CHECK_INT(actual, expected)                                \
  test_check_int (__FILE__, __LINE__, #actual, (int64_t) (actual), \
                  (int64_t) (expected))

#define CHECK_STRING(actual, expected) \
  test_check_string (__FILE__, __LINE__, #actual, actual, expected)

/* The string ACTUAL contains PART. */
#define CHECK_HAS(actual, part) \
  test_check_has (__FILE__, __LINE__, #actual, actual, part)

#define CHECK_BYTES(actual, expected, n) \
  test_check_bytes (__FILE__, __LINE__, #actual, actual, expected, n)

/* Exactly one error was reported, and it contains PART. */
#define CHECK_ONE_ERROR(part)    \
  do {                           \
    CHECK_INT (n_errors (), 1);  \
    CHECK_HAS (errors (), part); \
  } while (0)

/* Nothing was reported at all. */
#define CHECK_SILENT()              \
  do {                              \
    CHECK_STRING (errors (), "");   \
    CHECK_STRING (warnings (), ""); \
  } while (0)

/* ---- tests ---- */

extern void test_run (const char *name, void (*test) (void));
extern int test_result (void);
extern unsigned test_failures (void);

#define RUN(test) test_run (#test, test)

/* Leave at once, with a message: the test itself cannot go on. */
extern void test_give_up (const char *file, int line, const char *what)
  __attribute__ ((__noreturn__));
#define MUST(condition) \
  ((condition) ? (void) 0 : test_give_up (__FILE__, __LINE__, #condition))

/* ---- around a test ---- */

/* Make a directory that is removed with all that is in it by the other one.
 * Returns its absolute path without links; anybody may look into it.
 */
extern const char *test_directory (void);
extern void test_directory_remove (void);

/* Call CHECK as somebody who is not root: in a child if we are.  What it
 * changes in memory is lost; that its checks failed is not.
 */
extern void test_as_nobody (void (*check) (void));
#define TEST_NOBODY 65534 /* user and group, if we are root */

/* ---- what the core reported (stubs.c) ---- */

/* Since the test began, or reports_forget; one line each. */
extern unsigned n_errors (void);
extern unsigned n_warnings (void);
extern const char *errors (void);
extern const char *warnings (void);
extern void reports_forget (void);

/* ---- pseudo-random numbers, the same in every run ---- */

extern uint64_t test_random (void);
extern void test_random_seed (uint64_t seed);

#endif /* VMDK_TEST_H */
