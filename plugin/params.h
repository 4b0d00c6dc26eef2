/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin's parameters: what the user wrote, checked, in one struct. */

#ifndef VMDK_PARAMS_H
#define VMDK_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "disk.h"
#include "vector.h"

DEFINE_VECTOR (string_vector, const char *);

struct params {
  const char *file; /* as written; NULL until given */
  string_vector search;
  bool check_cid;
  bool single_link;
  bool unbuffered;
  size_t cache_size; /* bytes */

  bool zeroed_grains; /* such entries may be written */
  bool drop_cbt;      /* end changed block tracking, and write */
  bool lock;          /* lock other programs out */

  /* For stream-optimized disks. */
  int compression_level;
  enum stream_close stream_close;

  /* Make the disk first; what these mean is create.c's work.  NULL until
   * given; ignored unless CREATE.
   */
  bool create;
  const char *create_adapter_type;
  const char *create_hwversion;
  const char *create_parent;
  const char *create_size;
  const char *create_toolsinstalltype;
  const char *create_toolsversion;
  const char *create_type;
  const char *create_uuid;
};

extern struct params params;

/* The text of --help. */
extern const char params_help[];

/* One KEY=VALUE of the command line.  Returns -1, reported. */
extern int params_set (const char *key, const char *value)
  __attribute__ ((__nonnull__ (1, 2)));

/* All parameters have been given: do they make sense together?  Returns -1,
 * reported.
 */
extern int params_check (void);

/* Is TEXT a decimal number, up to MAX?  It becomes *NUMBER. */
extern bool
params_number (const char *text, unsigned long max, unsigned long *number)
  __attribute__ ((__nonnull__ (1, 3)));

/* The first parameter about a new disk that is given, besides create=true; NULL
 * if there is none.
 */
extern const char *params_create_key (void);

extern void params_free (void);

#endif /* VMDK_PARAMS_H */
