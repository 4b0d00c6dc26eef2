/* SPDX-License-Identifier: BSD-3-Clause */
/* Which links can be served from files, and why the others cannot: each has a
 * sentence of its own.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "link.h"
#include "name.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"

#define TYPE(type) (1u << EXTENT_##type)
#define ANY_TYPE   (~0u)

static const char raw_device_map[] =
  "a raw device map (RDM): its data is on a LUN, not in files; serve the LUN "
  "itself";
static const char raw_device[] =
  "a raw device of an ESXi host: its data is not in files; serve the device "
  "itself";
static const char vsan_delta[] =
  "a vSAN sparse delta, whose layout is not public: export or clone the disk "
  "with VMware's tools";

/* Each createType (vmdk-format.md 2.6), the types of extents that belong to
 * it, and why it is refused, if it is.
 */
static const struct create_type {
  const char *name;
  unsigned types;
  const char *refusal;
} create_types[] = {
  { "monolithicSparse", TYPE (SPARSE), NULL },
  { "monolithicFlat", TYPE (FLAT), NULL },
  { "twoGbMaxExtentSparse", TYPE (SPARSE), NULL },
  { "2GbMaxExtentSparse", TYPE (SPARSE), NULL },
  { "twoGbMaxExtentFlat", TYPE (FLAT), NULL },
  { "2GbMaxExtentFlat", TYPE (FLAT), NULL },
  { "streamOptimized", TYPE (SPARSE), NULL },
  { "custom", ANY_TYPE, NULL },
  { "fullDevice", TYPE (FLAT), NULL },
  { "partitionedDevice", TYPE (FLAT), NULL },
  { "vmfs", TYPE (VMFS), NULL },
  { "vmfsPreallocated", TYPE (VMFS), NULL },
  { "vmfsEagerZeroedThick", TYPE (VMFS), NULL },
  { "vmfsThick", TYPE (VMFS), NULL },
  { "vmfsThin", TYPE (VMFS), NULL },
  { "vmfsSparse", TYPE (VMFS_SPARSE), NULL },
  { "seSparse", TYPE (SESPARSE), NULL },
  { "vmfsSeSparse", TYPE (SESPARSE), NULL },
  { "vsanSparse", 0, vsan_delta },
  { "vmfsRawDeviceMap", 0, raw_device_map },
  { "vmfsRDM", 0, raw_device_map },
  { "vmfsPassthroughRawDeviceMap", 0, raw_device_map },
  { "vmfsRDMP", 0, raw_device_map },
  { "vmfsRaw", 0, raw_device },
};

static const struct create_type *
find_create_type (struct text name)
{
  size_t i;

  for (i = 0; i < sizeof create_types / sizeof create_types[0]; ++i)
    if (text_is (name, create_types[i].name))
      return &create_types[i];
  return NULL;
}

static int
refuse (const struct link *l, const char *what)
{
  report_error ("%s: the disk is not served, since it is %s", l->file->name,
                what);
  errno = ENOTSUP;
  return -1;
}

static int
check_extent_line (const struct link *l, const struct extent_line *line)
{
  CLEANUP_FREE char *name = NULL;

  switch (line->type) {
  case EXTENT_VMFS_RDM: return refuse (l, raw_device_map);
  case EXTENT_VMFS_RAW: return refuse (l, raw_device);
  case EXTENT_VSAN_SPARSE: return refuse (l, vsan_delta);
  default: break;
  }
  if (line->type != EXTENT_ZERO && name_is_uri (line->name)) {
    name = text_quote (line->name);
    report_error ("%s: the extent \"%s\" is an object of a vSAN or vVol "
                  "datastore, not a file: export or clone the disk with "
                  "VMware's tools",
                  l->file->name, name ? name : "");
    errno = ENOTSUP;
    return -1;
  }
  return 0;
}

/* Extents decide how a disk is read; a createType that contradicts them is
 * only worth a word (11.1, "createType").
 */
static void
warn_inconsistent (const struct link *l, const struct create_type *type)
{
  const struct descriptor *d = l->descriptor;
  size_t i;

  for (i = 0; i < d->extents.count; ++i) {
    const struct extent_line *line = &d->extents.items[i];

    if (line->type == EXTENT_ZERO || (type->types & 1u << line->type))
      continue;
    report_warning ("%s: a disk of createType %s has no %s extents, but this "
                    "one has; it is read as the extents say",
                    l->file->name, type->name, extent_type_name (line->type));
    return;
  }
}

int
link_check_descriptor (const struct link *l)
{
  const struct descriptor *d = l->descriptor;
  const struct create_type *type =
    find_create_type (d->values[KEY_CREATE_TYPE]);
  size_t i;

  if (text_is (d->values[KEY_NATIVE_SNAPSHOT], "yes") ||
      d->values[KEY_DDB_NATIVE_PARENT_HINT].n > 0 ||
      d->values[KEY_DDB_NATIVE_PARENT_CID].n > 0)
    return refuse (l, "a native snapshot, whose data the storage array keeps: "
                      "consolidate or clone the virtual machine first");
  if (type != NULL && type->refusal != NULL)
    return refuse (l, type->refusal);
  for (i = 0; i < d->extents.count; ++i)
    if (check_extent_line (l, &d->extents.items[i]) == -1)
      return -1;
  if (type != NULL)
    warn_inconsistent (l, type);
  if (d->has_cid && d->cid == NO_PARENT_CID)
    report_warning ("%s: CID=ffffffff is no content ID: a child of this disk "
                    "would seem to have no parent",
                    l->file->name);
  if (d->version == 2)
    report_warning ("%s: version=2 may mean an encrypted disk; it is read as "
                    "if it were not",
                    l->file->name);
  return 0;
}

/* ---- which can be written to ---- */

/* What the descriptor says against it. */
static const char *
descriptor_why_not (const struct descriptor *d, bool drop_cbt)
{
  if (d->conflict)
    return "its descriptor sets a key twice, to different values: remove one "
           "of the two lines";
  if (d->version == 2)
    return "its descriptor has version=2, which may mean an encrypted disk";
  if (!drop_cbt && (d->version == 3 || d->values[KEY_CHANGE_TRACK_PATH].n > 0))
    return "its changes are tracked (CBT: version=3 or changeTrackPath in the "
           "descriptor), and the next incremental backup would miss what is "
           "written now: drop-cbt=true ends the tracking and writes";
  if (d->values[KEY_DDB_IOFILTERS].n > 0 || d->values[KEY_DDB_SIDECARS].n > 0)
    return "I/O filters of vSphere have state about it in other files "
           "(ddb.iofilters, ddb.sidecars), which would become wrong: remove "
           "the filters in vSphere first";
  return NULL;
}

/* An extent's part of a file. */
struct part {
  const struct file *file;
  uint64_t start, end; /* sectors */
  bool writable;
};

static int
compare_parts (const void *a, const void *b)
{
  const struct part *x = a, *y = b;

  if (x->file != y->file)
    return (x->file > y->file) - (x->file < y->file);
  return (x->start > y->start) - (x->start < y->start);
}

/* Do two extents, of which one can be written to, share bytes of one file? */
static bool
ranges_are_shared (const struct link *l)
{
  const extent_line_vector *lines = &l->descriptor->extents;
  CLEANUP_FREE struct part *parts = NULL;
  uint64_t end = 0, writable_end = 0;
  size_t i;

  /* Each a file of its own and one for the descriptor, as nearly always. */
  if (l->files.count > l->n_extents)
    return false;
  parts = calloc (l->n_extents, sizeof *parts);
  if (parts == NULL)
    return true;
  for (i = 0; i < l->n_extents; ++i)
    parts[i] = (struct part){ l->extents[i].file, lines->items[i].offset,
                              lines->items[i].offset + lines->items[i].sectors,
                              l->extents[i].access == ACCESS_RW };
  qsort (parts, l->n_extents, sizeof parts[0], compare_parts);
  for (i = 0; i < l->n_extents; ++i) {
    const struct part *p = &parts[i];

    if (p->file == NULL)
      continue;
    if (i == 0 || p->file != parts[i - 1].file)
      end = writable_end = 0;
    if (p->start < writable_end || (p->writable && p->start < end))
      return true;
    end = max_u64 (end, p->end);
    if (p->writable)
      writable_end = max_u64 (writable_end, p->end);
  }
  return false;
}

/* WHAT, a file of the link, cannot be opened for writing. */
static const char *
file_why_not (struct link *l, const struct file *f, const char *what)
{
  if (asprintf (&l->why_not_text, "%s cannot be opened for writing: %s", what,
                strerror (f->write_errno)) == -1) {
    l->why_not_text = NULL;
    return "one of its files cannot be opened for writing";
  }
  return l->why_not_text;
}

/* What an extent says against it.  One that is not writable by the word of the
 * descriptor says nothing, unless all are so.
 */
static const char *
extents_why_not (struct link *l)
{
  bool any = false;
  size_t i;

  for (i = 0; i < l->n_extents; ++i) {
    const struct extent *e = &l->extents[i];
    const char *why_not = e->driver->why_not && e->access == ACCESS_RW
                            ? e->driver->why_not (e)
                            : NULL;

    if (why_not != NULL)
      return why_not;
    if (e->driver->write == NULL || e->access != ACCESS_RW)
      continue;
    any = true;
    if (!e->file->writable)
      return file_why_not (l, e->file, e->file->name);
  }
  return any ? NULL
             : "all of its extents are marked as read-only in the descriptor";
}

void
link_check_writable (struct link *l, bool drop_cbt)
{
  if (l->descriptor == NULL)
    l->why_not = "it is an extent without its descriptor, so that its content "
                 "ID could not be changed: name the descriptor of the disk";
  else
    l->why_not = descriptor_why_not (l->descriptor, drop_cbt);
  if (l->why_not == NULL)
    l->why_not = extents_why_not (l);
  if (l->why_not == NULL && !l->file->writable)
    l->why_not = file_why_not (l, l->file, "its descriptor");
  if (l->why_not == NULL && ranges_are_shared (l))
    l->why_not = "two of its extents share a part of one file";
}

int
link_refuse_kind (const struct link *l, enum vmdk_kind kind)
{
  const char *name = l->file->name;

  errno = EIO;
  switch (kind) {
  case KIND_UNFINISHED:
    report_error ("%s: the conversion that made this disk was interrupted: "
                  "convert it again",
                  name);
    break;
  case KIND_CHANGE_TRACK:
    report_error ("%s: expected a VMDK, found a changed block tracking file "
                  "(-ctk.vmdk), which holds no data: name the descriptor of "
                  "the disk",
                  name);
    break;
  case KIND_UTF16:
    report_error ("%s: expected a descriptor in ASCII or UTF-8, found text in "
                  "UTF-16: save it as UTF-8",
                  name);
    break;
  default:
    report_error ("%s: expected a VMDK, found neither a descriptor nor the "
                  "signature of an extent; if this is the data of a flat disk "
                  "(-flat.vmdk), name the descriptor that belongs to it, or "
                  "serve it with the file plugin",
                  name);
  }
  return -1;
}
