/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of descriptors, and edits of what parses. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "descriptor-edit.h"
#include "descriptor.h"
#include "file-memory.h"
#include "test.h"
#include "vmdk-limits.h"

#define NAME "top.vmdk"

static bool
inside (const struct descriptor *d, struct text t)
{
  return t.n == 0 || (t.p >= d->text && t.p + t.n <= d->text + d->length);
}

/* What descriptor.h promises. */
static void
check_descriptor (const struct descriptor *d)
{
  uint64_t sectors = 0;
  size_t i;

  HOLDS (d->version >= 1 && d->version <= 3);
  HOLDS (d->extents.count >= 1);
  for (i = 0; i < N_DESCRIPTOR_KEYS; ++i)
    HOLDS (inside (d, d->values[i]));
  for (i = 0; i < d->extents.count; ++i) {
    const struct extent_line *e = &d->extents.items[i];

    HOLDS (e->sectors >= 1 && e->sectors <= MAX_SECTORS);
    HOLDS (e->offset <= MAX_SECTORS - e->sectors);
    HOLDS (e->type < N_EXTENT_TYPES && e->number >= 1);
    HOLDS (inside (d, e->name) && e->name.n <= MAX_NAME_BYTES);
    HOLDS (e->type == EXTENT_ZERO || e->name.n > 0);
    sectors += e->sectors;
  }
  HOLDS (d->sectors == sectors && sectors <= MAX_SECTORS);
}

/* AFTER is BEFORE with a new content ID, and nothing else has moved. */
static void
check_edited (const struct descriptor *before, const struct descriptor *after,
              bool drop_cbt)
{
  size_t i;

  check_descriptor (after);
  HOLDS (after->length == before->length);
  HOLDS (after->extents.count == before->extents.count);
  for (i = 0; i < after->extents.count; ++i)
    HOLDS (after->extents.items[i].sectors == before->extents.items[i].sectors);
  HOLDS (after->sectors == before->sectors);
  HOLDS (after->parent_cid == before->parent_cid);
  HOLDS (after->has_cid == before->has_cid);
  if (after->has_cid)
    HOLDS (after->cid != before->cid && after->cid != 0xffffffff &&
           after->cid != 0xfffffffe);
  if (drop_cbt)
    HOLDS (after->values[KEY_CHANGE_TRACK_PATH].n == 0);
  else
    HOLDS (after->version == before->version);
}

/* Edit the text, which is in F too, and parse it again. */
static void
edit (const struct descriptor *d, struct file *f, size_t size, bool drop_cbt)
{
  struct descriptor_edit *e = descriptor_edit_create (d, f, 0, drop_cbt);
  struct descriptor *after;
  int r;

  check_result (e == NULL);
  if (e == NULL)
    return;
  r = descriptor_edit_apply (e);
  check_result (r == -1);
  HOLDS (r == 0);
  HOLDS ((uint64_t) file_size (f) == size);
  after = descriptor_read (f, 0, size);
  HOLDS (after != NULL);
  check_result (false);
  check_edited (d, after, drop_cbt);
  descriptor_free (after);
  descriptor_edit_free (e);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct descriptor *d;
  struct file *f;

  reports_forget ();
  errno = 0;
  d = descriptor_parse (NAME, (const char *) data, size);
  check_result (d == NULL);
  if (d == NULL)
    return 0;
  check_descriptor (d);
  f = file_memory_create (NAME, data, size, size, 1);
  HOLDS (f != NULL);
  edit (d, f, size, false);
  file_close (f);
  f = file_memory_create (NAME, data, size, size, 1);
  HOLDS (f != NULL);
  edit (d, f, size, true);
  file_close (f);
  descriptor_free (d);
  return 0;
}
