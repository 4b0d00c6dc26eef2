/* SPDX-License-Identifier: BSD-3-Clause */
/* -D vmdk.stats=1. */

#ifndef VMDK_STATS_PRINT_H
#define VMDK_STATS_PRINT_H

/* Set by nbdkit before the disk is opened. */
extern int vmdk_debug_stats;

/* If it is set, print what has been done since the start, to stderr. */
extern void stats_print (void);

#endif /* VMDK_STATS_PRINT_H */
