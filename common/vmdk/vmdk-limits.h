/* SPDX-License-Identifier: BSD-3-Clause */
/* Every ceiling on what an image may say, with its reason.
 *
 * Section numbers are those of vmdk-format.md.
 */

#ifndef VMDK_LIMITS_H
#define VMDK_LIMITS_H

#define SECTOR_SIZE 512

/* So that sectors << 9 fits in int64_t, which NBD and the host's files are
 * limited to (2.3 rule 5 says 2^55 - 1, which does not fit).
 */
#define MAX_SECTORS ((UINT64_C (1) << 54) - 1)

/* Descriptor text (2.3 rule 8).  A 62 TiB disk in 2 GiB pieces takes 1.2 MB;
 * the others are far beyond what any tool writes.
 */
#define MAX_DESCRIPTOR_BYTES (16 << 20)
#define MAX_LINE_BYTES       (64 << 10)
#define MAX_NAME_BYTES       4096

/* Extents of a whole chain; each costs an open file (11.1). */
#define MAX_EXTENTS 65536

/* Links of a chain.  VMware has 32 snapshots at most (2.13 rule 7). */
#define MAX_LINKS 256

/* Sparse header (3.2).  A grain of 32 MiB is the largest that a request of
 * 64 MiB can be expected to touch without absurd amplification.
 */
#define MAX_GRAIN_SECTORS 65536
#define MIN_GTES_PER_GT   128
#define MAX_GTES_PER_GT   65536

/* Grain directory entries: 2 PiB at the usual 32 MiB a table (11.2). */
#define MAX_GD_ENTRIES (UINT64_C (64) << 20)

/* COWD grains, 1 MB by VMware's note (5.1). */
#define MAX_COWD_GRAIN_SECTORS 2048

/* A COWD's grain table has this many entries, a SESparse's too (5.2, 6.1). */
#define COWD_GTES_PER_GT       4096
#define SESPARSE_GTES_PER_GT   4096
#define SESPARSE_GRAIN_SECTORS 8

/* Padding after a stream that is searched for its footer (4.7). */
#define FOOTER_SEARCH_BYTES (64 << 10)

/* Grains that are compressed: each request holds one of them in memory, twice.
 * No program is known that writes more than 128 sectors.
 */
#define MAX_PACKED_GRAIN_SECTORS 2048

/* A compressed grain may be larger than its content, but not by more (4.4). */
#define MAX_PACKED_BYTES(grain_bytes) (2 * (uint64_t) (grain_bytes) + 1024)

/* Grain tables of a stream-optimized disk that is written to, since its
 * directory is in memory: 64 TiB at the usual 32 MiB a table; VMware's largest
 * disk has 62.
 */
#define STREAM_MAX_TABLES (UINT64_C (1) << 21)

#endif /* VMDK_LIMITS_H */
