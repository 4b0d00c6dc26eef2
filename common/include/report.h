/* SPDX-License-Identifier: BSD-3-Clause */
/* How the core speaks to people.
 *
 * The core (common/) never calls nbdkit.  Each program that links it supplies
 * these functions and variables: the plugin passes them to nbdkit, unit tests
 * and fuzzers record or drop them.  All three functions preserve errno.
 *
 * A message names the file, what was expected, what was found and what to do
 * next.  A failure is reported exactly once, at the place that knows most;
 * callers that get -1 or NULL pass it on in silence.
 */

#ifndef VMDK_REPORT_H
#define VMDK_REPORT_H

#define REPORT_PRINTF __attribute__ ((__format__ (__printf__, 1, 2)))

/* A request or an open failed.  No newline at the end. */
extern void report_error (const char *fmt, ...) REPORT_PRINTF;

/* Something is odd, but the disk is served all the same. */
extern void report_warning (const char *fmt, ...) REPORT_PRINTF;

/* For developers; guard calls on hot paths with one of the flags below. */
extern void report_debug (const char *fmt, ...) REPORT_PRINTF;

/* Debug flags, each set by nbdkit's -D vmdk.NAME=1. */
extern int vmdk_debug_chain; /* what was opened, and where it was looked for */
extern int vmdk_debug_map;   /* each run that a request was split into */

#endif /* VMDK_REPORT_H */
