/* SPDX-License-Identifier: BSD-3-Clause */
/* Open a link: find its descriptor, refuse what cannot be served from files,
 * open its extents; and map an offset to one of them.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "descriptor-edit.h"
#include "header.h"
#include "is-all-zero.h"
#include "link.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* ---- the descriptor ---- */

/* Is there text in the embedded descriptor's place?  QEMU leaves the place
 * empty in the pieces of a split disk (3.8); anything else is damage, and to go
 * on without the descriptor would make up zeroes where the parent has data.
 */
static int
has_embedded_text (const struct link *l, const struct hosted_header *h)
{
  unsigned char first[SECTOR_SIZE];

  if (h->descriptor_offset == 0)
    return 0;
  if (file_pread (l->file, first, sizeof first, h->descriptor_offset) == -1)
    return -1;
  if (is_all_zero (first, sizeof first))
    return 0;
  if (vmdk_kind (first) == KIND_TEXT)
    return 1;
  report_error ("%s: expected the embedded descriptor, a text, at byte "
                "%" PRIu64 ", found the bytes %02x %02x %02x %02x: the file is "
                "damaged or encrypted",
                l->file->name, h->descriptor_offset, first[0], first[1],
                first[2], first[3]);
  errno = EIO;
  return -1;
}

/* Read the descriptor of a hosted sparse file, if it has one. */
static int
read_embedded (struct link *l, uint64_t file_size,
               const unsigned char sector[SECTOR_SIZE], struct hosted_header *h)
{
  int text;

  if (header_parse_hosted (l->file, file_size, sector, h) == -1)
    return -1;
  text = has_embedded_text (l, h);
  if (text == -1)
    return -1;
  if (text) {
    l->descriptor =
      descriptor_read (l->file, h->descriptor_offset, h->descriptor_bytes);
    return l->descriptor ? 0 : -1;
  }
  if (h->geometry.capacity > 0)
    return 0;
  report_error ("%s: the header states a capacity of 0, and there is no "
                "embedded descriptor: the file is damaged",
                l->file->name);
  errno = EIO;
  return -1;
}

/* ---- extents ---- */

/* Messages about the extent F shall say whose it is. */
static int
name_extent (struct file *f, const struct link *l)
{
  char *name;

  if (asprintf (&name, "%s (an extent of %s)", f->name, l->file->name) == -1) {
    report_error ("%s: %m", f->name);
    return -1;
  }
  free (f->name);
  f->name = name;
  return 0;
}

/* Is LINE for writing, or one of the next lines that name the same file?  Those
 * of a device's partitions do; a bound, since hostile ones could be thousands.
 */
static bool
is_ever_writable (const struct descriptor *d, const struct extent_line *line)
{
  const struct extent_line *end = d->extents.items + d->extents.count, *i;

  for (i = line; i < end && i < line + 1024; ++i)
    if (i->access == ACCESS_RW && text_equal (i->name, line->name))
      return true;
  return false;
}

/* Which file is it in?  *KNOWN: it is open already. */
static struct file *
open_extent_file (struct opener *o, struct link *l,
                  const struct extent_line *line, bool *known)
{
  const struct descriptor *d = l->descriptor;
  const bool shareable = line->type == EXTENT_FLAT || line->type == EXTENT_VMFS;
  const bool writable =
    o->writable && l->number == 0 && is_ever_writable (d, line);
  const struct text *encoding = &d->values[KEY_ENCODING];
  struct file *f;
  const struct file_use *use;
  char what[40];

  if (encoding->n == 0)
    encoding = &d->values[KEY_DDB_ENCODING];
  snprintf (what, sizeof what, "the extent of line %u", line->number);
  f = name_open (o->places, &l->where, line->name, *encoding, l->file->name,
                 what, NULL, writable, NULL);
  if (f == NULL)
    return NULL;
  use = file_set_find (&o->files, f);
  *known = use != NULL;
  if (use == NULL) {
    if (name_extent (f, l) == 0)
      return f;
    file_close (f);
    return NULL;
  }
  if (use->link == l->number && use->shareable && shareable) {
    file_close (f);
    return use->file;
  }
  report_error ("%s: expected each extent of the chain to have a file of its "
                "own, but %s is named twice, or holds a descriptor",
                l->file->name, f->name);
  file_close (f);
  errno = EIO;
  return NULL;
}

/* Make F a file of the link.  It is closed on failure. */
static int
own_file (struct opener *o, struct link *l, struct file *f, bool shareable)
{
  struct file_use use = { f, l->number, shareable };

  if (file_vector_append (&l->files, f) == -1)
    report_error ("%s: %m", f->name);
  else if (file_set_add (&o->files, use) == -1) {
    report_error ("%s: %m", f->name);
    return -1; /* it is in the link's vector */
  }
  else
    return 0;
  file_close (f);
  return -1;
}

/* Learn what the driver has to know of the file. */
static int
probe_file (struct file *f, struct extent_source *source)
{
  int64_t size = file_size (f);

  if (size == -1 ||
      file_pread_some (f, source->sector, sizeof source->sector, 0) == -1)
    return -1;
  source->file_size = size;
  source->kind = vmdk_kind (source->sector);
  source->compressed =
    source->kind == KIND_HOSTED && header_is_compressed (source->sector);
  return 0;
}

/* Open the extent of LINE.  IN_LINK: it is in the file of the descriptor. */
static int
open_extent (struct opener *o, struct link *l, const struct extent_line *line,
             bool in_link, struct extent *e)
{
  struct extent_source source = {
    .type = line->type,
    .access = line->access,
    .file_offset = line->offset * SECTOR_SIZE,
  };
  bool known = true;

  e->resources = o->resources;
  e->link_name = l->file->name;
  e->start = l->length;
  e->length = line->sectors * SECTOR_SIZE;
  e->access = line->access;
  if (in_link)
    e->file = l->file;
  else if (line->type != EXTENT_ZERO && line->access != ACCESS_NONE) {
    e->file = open_extent_file (o, l, line, &known);
    if (e->file == NULL)
      return -1;
    if (!known &&
        own_file (o, l, e->file,
                  line->type == EXTENT_FLAT || line->type == EXTENT_VMFS) == -1)
      return -1;
  }
  if (e->file != NULL && probe_file (e->file, &source) == -1)
    return -1;
  if (extent_open (e, &source) == -1)
    return -1;
  l->length += e->length;
  l->n_extents++;
  return 0;
}

static bool
is_sparse_type (enum extent_type type)
{
  return type == EXTENT_SPARSE || type == EXTENT_VMFS_SPARSE ||
         type == EXTENT_SESPARSE;
}

/* Is the first extent in the file of the embedded descriptor?  Its name is
 * ignored then: it is often stale, and may be an attacker's choice (2.6).
 */
static int
check_embedded (const struct link *l, const struct hosted_header *h,
                bool *in_link)
{
  const extent_line_vector *lines = &l->descriptor->extents;
  struct text type = l->descriptor->values[KEY_CREATE_TYPE];

  *in_link = h->geometry.capacity > 0;
  if (!*in_link)
    return 0;
  if ((text_is (type, "monolithicSparse") ||
       text_is (type, "streamOptimized")) &&
      lines->count != 1) {
    report_error ("%s: expected one extent line in an embedded descriptor of "
                  "createType %s, found %zu",
                  l->file->name, l->create_type, lines->count);
    errno = EIO;
    return -1;
  }
  if (!is_sparse_type (lines->items[0].type)) {
    report_error ("%s: expected the first extent of an embedded descriptor "
                  "to be the SPARSE one that the descriptor is in, found %s",
                  l->file->name, extent_type_name (lines->items[0].type));
    errno = EIO;
    return -1;
  }
  return 0;
}

static int
open_extents (struct opener *o, struct link *l, const struct hosted_header *h)
{
  const extent_line_vector *lines = &l->descriptor->extents;
  bool in_link = false;
  size_t i;

  if (h != NULL && check_embedded (l, h, &in_link) == -1)
    return -1;
  o->n_extents += lines->count;
  if (o->n_extents > MAX_EXTENTS) {
    report_error ("%s: expected at most 65536 extents in the whole chain, and "
                  "found more",
                  l->file->name);
    errno = EIO;
    return -1;
  }
  l->extents = calloc (lines->count, sizeof *l->extents);
  if (l->extents == NULL) {
    report_error ("%s: %m", l->file->name);
    return -1;
  }
  for (i = 0; i < lines->count; ++i)
    if (open_extent (o, l, &lines->items[i], in_link && i == 0,
                     &l->extents[i]) == -1)
      return -1;
  return 0;
}

static void
warn_bare (const struct link *l)
{
  report_warning ("%s: this is a single extent without its descriptor: what it "
                  "does not hold reads as zeroes, although a parent or other "
                  "extents may belong to it; if there is a descriptor, name "
                  "that",
                  l->file->name);
}

/* A bare extent is a link of which nothing is known but the extent. */
static int
open_bare (struct opener *o, struct link *l)
{
  const struct extent_line line = { .type = EXTENT_SPARSE };

  l->extents = calloc (1, sizeof *l->extents);
  if (l->extents == NULL) {
    report_error ("%s: %m", l->file->name);
    return -1;
  }
  if (open_extent (o, l, &line, true, &l->extents[0]) == -1)
    return -1;
  warn_bare (l);
  return 0;
}

/* ---- the link ---- */

/* Find the descriptor and open what it says. */
static int
open_contents (struct opener *o, struct link *l)
{
  struct extent_source source = { .type = EXTENT_SPARSE };
  struct hosted_header header;
  bool embedded = false;

  if (probe_file (l->file, &source) == -1)
    return -1;
  if (source.file_size == 0) {
    report_error ("%s: expected a VMDK, found an empty file", l->file->name);
    errno = EIO;
    return -1;
  }
  switch (source.kind) {
  case KIND_TEXT:
    l->descriptor = descriptor_read (l->file, 0, source.file_size);
    if (l->descriptor == NULL)
      return -1;
    break;
  case KIND_HOSTED:
    if (read_embedded (l, source.file_size, source.sector, &header) == -1)
      return -1;
    embedded = l->descriptor != NULL;
    l->descriptor_offset = header.descriptor_offset;
    break;
  case KIND_COWD:
  case KIND_SESPARSE: break;
  default: return link_refuse_kind (l, source.kind);
  }
  if (l->descriptor == NULL) {
    l->create_type = strdup ("bare extent");
    if (l->create_type != NULL)
      return open_bare (o, l);
    report_error ("%s: %m", l->file->name);
    return -1;
  }
  l->has_cid = l->descriptor->has_cid;
  l->has_parent = l->descriptor->parent_cid != NO_PARENT_CID ||
                  (!l->descriptor->has_parent_cid &&
                   l->descriptor->values[KEY_PARENT_HINT].n > 0);
  l->cid = l->descriptor->cid;
  l->create_type = text_quote (l->descriptor->values[KEY_CREATE_TYPE]);
  if (l->create_type == NULL) {
    report_error ("%s: %m", l->file->name);
    return -1;
  }
  if (link_check_descriptor (l) == -1)
    return -1;
  return open_extents (o, l, embedded ? &header : NULL);
}

/* Learn what it takes to write to the link, while its descriptor is there. */
static int
prepare_writing (const struct opener *o, struct link *l)
{
  link_check_writable (l, o->drop_cbt);
  if (l->why_not != NULL || l->descriptor == NULL)
    return 0;
  l->edit = descriptor_edit_create (l->descriptor, l->file,
                                    l->descriptor_offset, o->drop_cbt);
  return l->edit ? 0 : -1;
}

struct link *
link_open (struct opener *o, struct file *file, struct location where,
           unsigned number)
{
  struct link *l = calloc (1, sizeof *l);

  if (l == NULL) {
    report_error ("%s: %m", file->name);
    file_close (file);
    location_free (&where);
    return NULL;
  }
  l->number = number;
  l->file = file;
  l->where = where;
  if (own_file (o, l, file, false) == 0 && open_contents (o, l) == 0 &&
      (number > 0 || !o->writable || prepare_writing (o, l) == 0))
    return l;
  link_close (l);
  return NULL;
}

void
link_close (struct link *l)
{
  int saved = errno;
  size_t i;

  if (l == NULL)
    return;
  for (i = 0; i < l->n_extents; ++i)
    extent_close (&l->extents[i]);
  for (i = 0; i < l->files.count; ++i)
    file_close (l->files.items[i]);
  free (l->extents);
  free (l->files.items);
  free (l->create_type);
  descriptor_free (l->descriptor);
  descriptor_edit_free (l->edit);
  free (l->why_not_text);
  location_free (&l->where);
  free (l);
  errno = saved;
}

void
link_forget_descriptor (struct link *l)
{
  descriptor_free (TAKE (l->descriptor));
}

struct extent *
link_find_extent (struct link *l, uint64_t offset)
{
  size_t low = 0, high = l->n_extents;

  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;

    if (l->extents[middle].start <= offset)
      low = middle;
    else
      high = middle;
  }
  return &l->extents[low];
}

const char *
link_extent_spoilt (const struct link *l, const struct extent *e, bool now)
{
  const bool remembered = l->number > 0 || !e->driver->raw;

  return e->file ? file_spoilt (e->file, remembered && !l->unlocked, now)
                 : NULL;
}

void
link_report_spoilt (const struct file *f, const char *what)
{
  report_error (
    "%s: %s, so that what would be served is wrong; close the disk, "
    "see to it that nobody else writes to its files, and open it "
    "again",
    f->name, what);
}

int
link_check_extent (const struct link *l, const struct extent *e, unsigned flags)
{
  const char *what = link_extent_spoilt (l, e, flags & LINK_CHECK_NOW);

  if (what == NULL)
    return 0;
  if (!(flags & LINK_CHECK_QUIETLY))
    link_report_spoilt (e->file, what);
  errno = EIO;
  return -1;
}

int
link_map (struct link *l, uint64_t offset, uint64_t length, struct run *run)
{
  struct extent *e = link_find_extent (l, offset);
  uint64_t at = offset - e->start;

  /* Of the other links all files are looked at together: see disk-parents.c. */
  if (l->number == 0 &&
      link_check_extent (l, e, run->quiet ? LINK_CHECK_QUIETLY : 0) == -1)
    return -1;
  return e->driver->map (e, at, min_u64 (length, e->length - at), run);
}

bool
link_is_delta (const struct link *l)
{
  size_t i;

  for (i = 0; i < l->n_extents; ++i)
    if (!l->extents[i].driver->delta)
      return false;
  return true;
}
