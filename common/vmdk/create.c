/* SPDX-License-Identifier: BSD-3-Clause */
/* Make a disk: see whether it can be one, make its files under temporary
 * names, and let them appear (vmdk-format.md 12.3, "Creation").
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "create.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* 2047 and 2047.75 MiB, as VMware splits (2.7). */
#define SPARSE_PIECE 4192256
#define FLAT_PIECE   4193792

/* Bytes of a file's name that its temporary name repeats. */
#define MAX_REPEATED 200

/* Adapter and hardware version, if neither the user nor a parent says: those of
 * the vddk plugin; and those that importers of appliances know, ESX above all,
 * which has no driver for the former in many guests (2.8).
 */
#define USUAL    "buslogic", 4
#define IMPORTED "lsilogic", 6

static const struct create_kind kinds[] = {
  [CREATE_MONOLITHIC_SPARSE] = { "monolithicSparse", "SPARSE", NULL, 0,
                                 CREATE_EXTENT_HOSTED, false, USUAL },
  [CREATE_MONOLITHIC_FLAT] = { "monolithicFlat", "FLAT", "-flat", 0,
                               CREATE_EXTENT_RESERVED, false, USUAL },
  [CREATE_SPLIT_SPARSE] = { "twoGbMaxExtentSparse", "SPARSE", "-s",
                            SPARSE_PIECE, CREATE_EXTENT_HOSTED, false, USUAL },
  [CREATE_SPLIT_FLAT] = { "twoGbMaxExtentFlat", "FLAT", "-f", FLAT_PIECE,
                          CREATE_EXTENT_RESERVED, false, USUAL },
  [CREATE_VMFS_FLAT] = { "vmfs", "VMFS", "-flat", 0, CREATE_EXTENT_RESERVED,
                         true, USUAL },
  [CREATE_VMFS_THIN] = { "vmfs", "VMFS", "-flat", 0, CREATE_EXTENT_THIN, true,
                         USUAL },
  [CREATE_VMFS_SPARSE] = { "vmfsSparse", "VMFSSPARSE", "-delta", 0,
                           CREATE_EXTENT_COWD, true, USUAL },
  [CREATE_STREAM_OPTIMIZED] = { "streamOptimized", "SPARSE", NULL, 0,
                                CREATE_EXTENT_STREAM, true, IMPORTED },
};

/* ---- can it be a disk? ---- */

static int
refuse (const struct create_plan *p, const char *problem)
{
  CLEANUP_FREE char *name = quote (p->name);

  report_error ("%s: cannot be created: %s", name ? name : "?", problem);
  errno = EINVAL;
  return -1;
}

static bool
is_flat (const struct create_plan *p)
{
  return p->kind->extent == CREATE_EXTENT_RESERVED ||
         p->kind->extent == CREATE_EXTENT_THIN;
}

/* The extents of the whole chain below. */
static uint64_t
extents_of (const struct disk *parent)
{
  uint64_t n = 0;
  size_t i;

  for (i = 0; parent && i < parent->n_links; ++i)
    n += parent->links[i]->n_extents;
  return n;
}

/* A child has the size of its parent. */
static int
check_size (const struct create_plan *p)
{
  const struct create_options *o = p->options;
  CLEANUP_FREE char *name = NULL;

  if (o->size == 0 || o->size == o->parent->size)
    return 0;
  name = quote (p->name);
  report_error ("%s: cannot be created: expected the size of its parent, "
                "%" PRIu64 " bytes, found %" PRIu64 " bytes: leave "
                "create-size out",
                name ? name : "?", o->parent->size, o->size);
  errno = EINVAL;
  return -1;
}

static int
check_parent (const struct create_plan *p)
{
  const struct create_options *o = p->options;
  const struct link *top = o->parent->links[0];

  if (is_flat (p))
    return refuse (p, "a flat disk leaves nothing to a parent: choose "
                      "monolithic-sparse, split-sparse, stream-optimized or "
                      "vmfs-sparse for a child");
  if (!top->has_cid)
    return refuse (p, "the parent has no CID that a child could expect of it: "
                      "if it is one extent of a disk, name the descriptor");
  if (top->cid == NO_PARENT_CID)
    return refuse (p, "the parent's CID is ffffffff, which in a child means "
                      "that there is no parent");
  if (o->parent->n_links >= MAX_LINKS)
    return refuse (p, "its chain would have more than 256 links");
  if (check_size (p) == -1)
    return -1;
  return create_check_hint (o->parent_hint, create_hw_version (p));
}

/* The extents that P can have beside its parents'. */
static uint64_t
most_extents (const struct create_plan *p)
{
  const uint64_t all = min_u64 (MAX_EXTENTS, file_most_open ());

  return all - min_u64 (all, extents_of (p->options->parent));
}

/* A type whose disks can be as large as P is to be. */
static const char *
advice (const struct create_plan *p)
{
  if (p->sectors <= create_most_sectors (CREATE_EXTENT_HOSTED))
    return "choose monolithic-sparse";
  if (p->options->parent == NULL)
    return "choose vmfs-thin, if the host has files of that size";
  return "copy its parent to a new disk, since no child can be that large";
}

static int
refuse_size (const struct create_plan *p, uint64_t most)
{
  const bool by_files = p->kind->piece && file_most_open () < MAX_EXTENTS;
  CLEANUP_FREE char *problem = NULL;

  if (asprintf (&problem,
                "a %s disk has at most %" PRIu64 " bytes (about %.6g TiB)%s: "
                "%s",
                p->kind->create_type, most, (most >> 30) / 1024.0,
                by_files ? " as long as no more files may be open (ulimit -Hn)"
                         : "",
                advice (p)) == -1)
    problem = NULL;
  return refuse (p, problem ? problem : "it is too large");
}

/* What the format has room for, and what can be open. */
static int
check_room (const struct create_plan *p)
{
  const uint64_t most = p->kind->piece ? most_extents (p) * p->kind->piece
                                       : create_most_sectors (p->kind->extent);

  if (extents_of (p->options->parent) >= MAX_EXTENTS)
    return refuse (p, "its chain would have more than 65536 extents: copy its "
                      "parent to a new disk");
  return p->sectors <= most ? 0 : refuse_size (p, most * SECTOR_SIZE);
}

static int
make_plan (struct create_plan *p)
{
  const struct create_options *o = p->options;
  const uint64_t size = o->parent ? o->parent->size : o->size;

  if (o->parent && create_inherit (&p->inherited, o->parent) == -1)
    return -1;
  if (create_check_name (p->name, create_hw_version (p), "the new disk") == -1)
    return -1;
  if (o->parent && check_parent (p) == -1)
    return -1;
  if (size == 0 || size % SECTOR_SIZE != 0)
    return refuse (p, "the size of a disk is a multiple of 512 bytes, and at "
                      "least that");
  p->sectors = size / SECTOR_SIZE;
  if (p->sectors > MAX_SECTORS)
    return refuse (p, "it would be larger than any disk can be served");
  if (p->kind->extent == CREATE_EXTENT_STREAM && o->parent == NULL)
    p->sectors =
      div_round_up (p->sectors, CREATE_GRAIN_SECTORS) * CREATE_GRAIN_SECTORS;
  p->n_extents = p->kind->piece ? div_round_up (p->sectors, p->kind->piece) : 1;
  return check_room (p);
}

/* ---- its files ---- */

/* A file to be made: an extent, or the descriptor, which is the last. */
struct part {
  char *name;
  char *shown; /* for messages */
  char *temporary;
  bool made;      /* it is there */
  bool published; /* under its own name */
};

static uint64_t
count_parts (const struct create_plan *p)
{
  return p->n_extents + (p->kind->suffix ? 1 : 0);
}

static void
free_parts (struct part *parts, uint64_t n)
{
  uint64_t i;

  for (i = 0; i < n; ++i) {
    free (parts[i].name);
    free (parts[i].shown);
    free (parts[i].temporary);
  }
  free (parts);
}

static int
name_part (const struct create_plan *p, uint64_t i, struct part *part)
{
  CLEANUP_FREE char *path = NULL;
  const char *where = p->dir->name;

  part->name = i < p->n_extents ? create_extent_name (p, i) : strdup (p->name);
  if (part->name == NULL ||
      asprintf (&path, "%s%s%s", strcmp (where, ".") == 0 ? "" : where,
                strcmp (where, ".") == 0 || strcmp (where, "/") == 0 ? "" : "/",
                part->name) == -1)
    return -1;
  part->shown = quote (path);
  return part->shown ? 0 : -1;
}

static struct part *
name_parts (const struct create_plan *p)
{
  const uint64_t n = count_parts (p);
  struct part *parts;
  uint64_t i;

  assert (n > 0); /* no disk is without an extent */
  parts = calloc (n, sizeof *parts);
  for (i = 0; parts && i < n; ++i)
    if (name_part (p, i, &parts[i]) == -1)
      break;
  if (parts && i == n)
    return parts;
  report_error ("cannot create a disk: %m");
  if (parts)
    free_parts (parts, n);
  return NULL;
}

/* That ENTRY is in the way of PART of P. */
static void
report_exists (const struct create_plan *p, const struct part *part, int entry)
{
  static const char *const what[] = {
    [DIR_DIRECTORY] = ", but is a directory",
    [DIR_OTHER] = ", but is no regular file",
    [DIR_BAD_LINK] = ", but is a symbolic link that leads to no file",
  };
  const bool disk = entry == DIR_FILE && strcmp (part->name, p->name) == 0;

  report_error ("%s: exists%s, and a disk is created without overwriting "
                "anything: %sgive the new disk another name",
                part->shown, entry > DIR_FILE ? what[entry] : "",
                disk ? "leave create=true out to serve it, or " : "");
  errno = EEXIST;
}

/* The disk itself first: that it is there is what the user has to know. */
static int
check_absent (const struct create_plan *p, const struct part *parts)
{
  uint64_t i;
  int r;

  for (i = count_parts (p); i-- > 0;) {
    assert (parts[i].name != NULL);
    r = dir_look (p->dir, parts[i].name);
    if (r == DIR_NOTHING)
      continue;
    if (r == -1)
      report_error ("%s: cannot be created: %m", parts[i].shown);
    else
      report_exists (p, &parts[i], r);
    return -1;
  }
  return 0;
}

static void
report_no_file (const struct create_plan *p, const struct part *part,
                const struct dir_space *space)
{
  if (space && space->found)
    report_error ("%s: cannot create: %m: the disk takes %" PRIu64 " bytes "
                  "from the start, and the file system has %" PRIu64 " bytes "
                  "free: to take space as it is filled, %s",
                  part->shown, space->needed, space->found, advice (p));
  else
    report_error ("%s: cannot create: %m", part->shown);
}

/* A new file of SIZE bytes with a name that nobody else uses.  RESERVE: see
 * dir_create_file.
 */
static struct file *
create_temporary (const struct create_plan *p, struct part *part, uint64_t size,
                  struct dir_space *reserve)
{
  struct file *f = NULL;
  int tries;
  uint32_t bits;

  for (tries = 0; f == NULL && tries < 16; ++tries) {
    free (TAKE (part->temporary));
    if (getrandom (&bits, sizeof bits, 0) != sizeof bits)
      break;
    if (asprintf (&part->temporary, ".%.*s.tmp%06" PRIx32, MAX_REPEATED,
                  part->name, bits & 0xffffff) == -1) {
      part->temporary = NULL;
      break;
    }
    f = dir_create_file (p->dir, part->temporary, size, reserve);
    if (f == NULL && errno != EEXIST)
      break;
  }
  if (f == NULL)
    report_no_file (p, part, reserve);
  else
    part->made = true;
  return f;
}

/* Messages shall name the file as it will be called. */
static int
rename_for_messages (struct file *f, const struct part *part)
{
  char *name = strdup (part->shown);

  if (name == NULL) {
    report_error ("%s: %m", part->shown);
    return -1;
  }
  free (f->name);
  f->name = name;
  return 0;
}

static int
make_extent (const struct create_plan *p, uint64_t i, struct part *part,
             const char *text)
{
  const enum create_extent extent = p->kind->extent;
  const char *embedded = p->kind->suffix ? NULL : text;
  const uint64_t sectors = create_extent_sectors (p, i);
  /* The first file looks for all: later, those before it have taken theirs. */
  struct dir_space space = { .needed = i == 0 ? p->sectors * SECTOR_SIZE : 0 };
  CLEANUP_FILE_CLOSE struct file *f = create_temporary (
    p, part,
    create_file_sectors (extent, sectors, embedded != NULL) * SECTOR_SIZE,
    extent == CREATE_EXTENT_RESERVED ? &space : NULL);

  if (f == NULL || rename_for_messages (f, part) == -1 ||
      create_write_extent (f, extent, sectors, embedded) == -1)
    return -1;
  f->unsynced = true; /* its size is new, even if nothing was written */
  return file_sync (f);
}

static int
make_descriptor (const struct create_plan *p, struct part *part,
                 const char *text)
{
  CLEANUP_FILE_CLOSE struct file *f =
    create_temporary (p, part, strlen (text), NULL);

  if (f == NULL || rename_for_messages (f, part) == -1 ||
      file_pwrite (f, text, strlen (text), 0) == -1)
    return -1;
  return file_sync (f);
}

static int
make_parts (const struct create_plan *p, struct part *parts, const char *text)
{
  uint64_t i;

  for (i = 0; i < p->n_extents; ++i)
    if (make_extent (p, i, &parts[i], text) == -1)
      return -1;
  return p->kind->suffix ? make_descriptor (p, &parts[i], text) : 0;
}

/* The names of all parts must be durable before that of the last, which is
 * what makes them a disk.
 */
static int
publish_parts (const struct create_plan *p, struct part *parts)
{
  const uint64_t n = count_parts (p);
  uint64_t i;

  for (i = 0; i < n; ++i) {
    if (i > 0 && i == n - 1 && dir_sync (p->dir) == -1)
      break;
    if (dir_publish_file (p->dir, parts[i].temporary, parts[i].name) == -1) {
      if (errno == EEXIST)
        report_exists (p, &parts[i], dir_look (p->dir, parts[i].name));
      else
        report_error ("%s: cannot create: %m", parts[i].shown);
      return -1;
    }
    parts[i].published = true;
  }
  if (i == n && dir_sync (p->dir) == 0)
    return 0;
  report_error ("%s: cannot make its name durable: %m", parts[n - 1].shown);
  return -1;
}

/* The last first, so that at no time there is a descriptor without extents. */
static void
remove_parts (const struct create_plan *p, const struct part *parts)
{
  const int saved = errno;
  uint64_t i;

  for (i = count_parts (p); i-- > 0;)
    if (parts[i].made) {
      assert (parts[i].temporary != NULL);
      dir_remove_file (p->dir,
                       parts[i].published ? parts[i].name : parts[i].temporary);
    }
  errno = saved;
}

int
disk_create (struct dir *dir, const char *name,
             const struct create_options *options)
{
  struct create_plan p = {
    .dir = dir, .name = name, .options = options, .kind = &kinds[options->type]
  };
  CLEANUP_FREE char *text = NULL;
  struct part *parts;
  int r = -1;

  if (make_plan (&p) == -1)
    return -1;
  text = create_descriptor (&p);
  if (text == NULL)
    return -1;
  if (strlen (text) > MAX_DESCRIPTOR_BYTES)
    return refuse (&p, "its descriptor would be too long: give it a shorter "
                       "name");
  parts = name_parts (&p);
  if (parts == NULL)
    return -1;
  if (check_absent (&p, parts) == 0) {
    r = make_parts (&p, parts, text);
    if (r == 0)
      r = publish_parts (&p, parts);
    if (r == -1)
      remove_parts (&p, parts);
  }
  free_parts (parts, count_parts (&p));
  return r;
}
