/* SPDX-License-Identifier: BSD-3-Clause */
/* The chain: from a link to its parent, down to the base
 * (vmdk-format.md 2.12, 2.13, 7.2).
 *
 * Parents are opened one after the other, without recursion, before the first
 * read, so that whatever is wrong shows at the start.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "disk.h"
#include "quote.h"
#include "report.h"
#include "vmdk-limits.h"

static int
refuse (const struct link *l, const char *problem)
{
  report_error ("%s: %s", l->file->name, problem);
  errno = EIO;
  return -1;
}

/* Does CHILD say that it has a parent?  Returns -1 if what it says cannot be
 * obeyed.
 */
static int
has_parent (struct disk *disk, const struct link *child, bool ignore_cid)
{
  const struct descriptor *d = child->descriptor;

  if (d == NULL)
    return 0;
  if (d->has_parent_cid && d->parent_cid == NO_PARENT_CID) {
    if (d->values[KEY_PARENT_HINT].n > 0)
      report_warning ("%s: parentFileNameHint is ignored, since "
                      "parentCID=ffffffff says that there is no parent",
                      child->file->name);
    return 0;
  }
  if (!d->has_parent_cid && d->values[KEY_PARENT_HINT].n == 0)
    return 0;
  if (!d->has_parent_cid)
    disk->cid_ignored = true;
  if (!d->has_parent_cid && !ignore_cid)
    return refuse (child,
                   "expected a parentCID beside the parentFileNameHint, found "
                   "none: without it nothing tells whether the parent is the "
                   "right one; check-cid=false serves the disk all the same, "
                   "single-link=true this link alone");
  if (d->values[KEY_PARENT_HINT].n == 0)
    return refuse (
      child,
      d->values[KEY_DDB_OBJECT_PARENT].n > 0
        ? "its parent is an object of a vSAN or vVol datastore "
          "(ddb.objectParentUri), not a file: export or clone the disk with "
          "VMware's tools; single-link=true serves this link alone"
        : "it has a parent (parentCID is not ffffffff), but no "
          "parentFileNameHint says which: add the line to the "
          "descriptor; single-link=true serves this link alone");
  if (!link_is_delta (child))
    return refuse (child,
                   "it has flat extents and a parent (parentCID is not "
                   "ffffffff), but flat extents leave nothing to a parent: "
                   "the descriptor is wrong; single-link=true serves this "
                   "link alone");
  return 1;
}

/* Find and open the file that the parent of CHILD begins in. */
static struct file *
find_parent (struct opener *o, const struct link *child, struct location *where)
{
  const struct descriptor *d = child->descriptor;
  struct text hint = d->values[KEY_PARENT_HINT];
  struct text encoding = d->values[KEY_ENCODING];
  struct file *f;

  if (name_has_protocol (hint)) {
    CLEANUP_FREE char *quoted = text_quote (hint);

    report_error ("%s: expected the path of a file as parentFileNameHint, "
                  "found \"%s\", which looks like a URI: it is not opened",
                  child->file->name, quoted ? quoted : "");
    errno = EIO;
    return NULL;
  }
  if (encoding.n == 0)
    encoding = d->values[KEY_DDB_ENCODING];
  f = name_open (o->places, &child->where, hint, encoding, child->file->name,
                 "the parent", &o->files, false, where);
  if (f != NULL && file_set_find (&o->files, f) != NULL) {
    report_error ("%s: its parent %s is in the chain already: the chain is a "
                  "loop",
                  child->file->name, f->name);
    file_close (f);
    location_free (where);
    errno = EIO;
    return NULL;
  }
  return f;
}

static int
check_cid (struct disk *d, const struct link *child, const struct link *parent,
           bool ignore_cid)
{
  const uint32_t expected = child->descriptor->parent_cid;
  char found[16] = "none";

  if (parent->has_cid && parent->cid == expected)
    return 0;
  if (parent->has_cid)
    snprintf (found, sizeof found, "%08" PRIx32, parent->cid);
  if (ignore_cid) {
    d->cid_ignored = true;
    report_warning ("%s expects the CID %08" PRIx32 " of its parent %s, which "
                    "has %s: check-cid=false serves the disk all the same, "
                    "but its content may be wrong",
                    child->file->name, expected, parent->file->name, found);
    return 0;
  }
  report_error ("%s: content ID mismatch: expected CID %08" PRIx32
                " (parentCID) in the parent %s, found %s: the parent has been "
                "modified since this link was made, or is another disk; "
                "check-cid=false serves it all the same, read-only",
                child->file->name, expected, parent->file->name, found);
  errno = EIO;
  return -1;
}

static int
check_capacity (const struct link *child, const struct link *parent)
{
  if (child->length == parent->length)
    return 0;
  report_error ("%s: expected a parent of the same capacity, %" PRIu64
                " sectors, found %" PRIu64 " sectors in %s: they do not "
                "belong together",
                child->file->name, child->length / SECTOR_SIZE,
                parent->length / SECTOR_SIZE, parent->file->name);
  errno = EIO;
  return -1;
}

/* Open one more link, whose owner D becomes. */
static struct link *
add_link (struct disk *d, struct opener *o, struct file *file,
          struct location where)
{
  struct link *l = link_open (o, file, where, d->n_links);

  if (l == NULL)
    return NULL;
  d->links[d->n_links++] = l;
  if (vmdk_debug_chain)
    report_debug ("link %u: %s, %s, CID %08" PRIx32 ", %zu extents, %" PRIu64
                  " bytes",
                  l->number, l->file->name, l->create_type, l->cid,
                  l->n_extents, l->length);
  return l;
}

/* Open the parents of the top link. */
static int
open_parents (struct disk *d, struct opener *o,
              const struct disk_options *options)
{
  struct link *child = d->links[0], *parent;
  struct location where;
  struct file *file;
  int r;

  for (; (r = has_parent (d, child, options->ignore_cid)) == 1;
       child = parent) {
    if (d->n_links == MAX_LINKS)
      return refuse (child, "the chain has more than 256 links");
    file = find_parent (o, child, &where);
    if (file == NULL)
      return -1;
    parent = add_link (d, o, file, where);
    if (parent == NULL ||
        check_cid (d, child, parent, options->ignore_cid) == -1 ||
        check_capacity (child, parent) == -1)
      return -1;
    /* Of use no longer, and up to 16 MiB of hostile text each. */
    link_forget_descriptor (child);
  }
  if (r == 0)
    link_forget_descriptor (child);
  return r;
}

int
chain_open (struct disk *d, struct file *file,
            const struct disk_options *options)
{
  struct opener o = { .places = &options->places,
                      .resources = &d->resources,
                      .writable = options->writable,
                      .drop_cbt = options->drop_cbt };
  struct location where = { 0, strdup ("") };
  int r = -1;

  if (where.path == NULL) {
    report_error ("%s: %m", file->name);
    file_close (file);
  }
  else if (add_link (d, &o, file, where) != NULL)
    r = options->single_link ? 0 : open_parents (d, &o, options);
  file_set_clear (&o.files);
  return r;
}
