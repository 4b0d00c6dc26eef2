/* SPDX-License-Identifier: BSD-3-Clause */
/* Which links can be served from files, and why the others cannot: each has a
 * sentence of its own.
 */

#include <config.h>

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "link.h"
#include "name.h"
#include "quote.h"
#include "report.h"

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
