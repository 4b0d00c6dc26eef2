/* SPDX-License-Identifier: BSD-3-Clause */
/* create=true: from the parameters, whose values are those of the vddk plugin
 * or the format's own, to a new disk.
 */

#include <config.h>

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "create-disk.h"
#include "create.h"
#include "disk.h"
#include "file.h"
#include "params.h"
#include "places.h"

static struct create_options options;

/* ---- values ---- */

struct word {
  const char *word;
  unsigned value;
};

static const struct word types[] = {
  { "monolithic-sparse", CREATE_MONOLITHIC_SPARSE },
  { "monolithic-flat", CREATE_MONOLITHIC_FLAT },
  { "split-sparse", CREATE_SPLIT_SPARSE },
  { "split-flat", CREATE_SPLIT_FLAT },
  { "vmfs-flat", CREATE_VMFS_FLAT },
  { "vmfs-thin", CREATE_VMFS_THIN },
  { "vmfs-sparse", CREATE_VMFS_SPARSE },
  { "monolithicSparse", CREATE_MONOLITHIC_SPARSE },
  { "monolithicFlat", CREATE_MONOLITHIC_FLAT },
  { "twoGbMaxExtentSparse", CREATE_SPLIT_SPARSE },
  { "twoGbMaxExtentFlat", CREATE_SPLIT_FLAT },
  { "vmfs", CREATE_VMFS_FLAT },
  { "vmfsThin", CREATE_VMFS_THIN },
  { "vmfsSparse", CREATE_VMFS_SPARSE },
  { NULL, 0 },
};

/* Hardware versions by the names of VMware's library. */
static const struct word hw_versions[] = {
  { "workstation4", 3 }, { "workstation5", 4 }, { "workstation6", 6 },
  { "esx30", 4 },        { "esx4x", 7 },        { "esx50", 8 },
  { "esx51", 9 },        { "esx55", 10 },       { "esx60", 11 },
  { "esx65", 13 },       { NULL, 0 },
};

/* Newer adapters have no name of their own in a descriptor. */
static const char *const adapters[][2] = {
  { "ide", "ide" },           { "scsi-buslogic", "buslogic" },
  { "buslogic", "buslogic" }, { "scsi-lsilogic", "lsilogic" },
  { "lsilogic", "lsilogic" }, { "lsisas1068", "lsilogic" },
  { "pvscsi", "lsilogic" },
};

static const struct word *
find_word (const struct word *words, const char *text)
{
  for (; words->word; ++words)
    if (strcasecmp (words->word, text) == 0)
      return words;
  return NULL;
}

static int
check_type (const char *text)
{
  const struct word *w = find_word (types, text);

  if (w != NULL) {
    options.type = w->value;
    return 0;
  }
  if (strcasecmp (text, "stream-optimized") == 0 ||
      strcasecmp (text, "streamOptimized") == 0)
    nbdkit_error ("create-type=%s: stream-optimized disks are not created in "
                  "this version",
                  text);
  else
    nbdkit_error ("create-type=%s: expected monolithic-sparse, "
                  "monolithic-flat, split-sparse, split-flat, vmfs-flat, "
                  "vmfs-thin or vmfs-sparse",
                  text);
  return -1;
}

static int
check_hw_version (const char *text)
{
  const struct word *w = find_word (hw_versions, text);
  char *end;
  unsigned long number;

  if (w != NULL) {
    options.hw_version = w->value;
    return 0;
  }
  errno = 0;
  number = strtoul (text, &end, 10);
  if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
      number >= 1 && number <= CREATE_MAX_HW) {
    options.hw_version = number;
    return 0;
  }
  nbdkit_error ("create-hwversion=%s: expected a number up to %d, or "
                "workstation4, workstation5, workstation6, esx30, esx4x, "
                "esx50, esx51, esx55, esx60 or esx65",
                text, CREATE_MAX_HW);
  return -1;
}

static int
check_adapter (const char *text)
{
  size_t i;

  for (i = 0; i < sizeof adapters / sizeof adapters[0]; ++i) {
    if (strcasecmp (adapters[i][0], text) == 0) {
      options.adapter = adapters[i][1];
      return 0;
    }
  }
  nbdkit_error ("create-adapter-type=%s: expected ide, scsi-buslogic or "
                "scsi-lsilogic",
                text);
  return -1;
}

static int
check_size (const char *text)
{
  int64_t size = nbdkit_parse_size (text);

  if (size == -1)
    return -1;
  if (size == 0 || size % 512 != 0) {
    nbdkit_error ("create-size=%s: expected a multiple of 512 bytes, and at "
                  "least that",
                  text);
    return -1;
  }
  options.size = size;
  return 0;
}

/* What does not go with a parent. */
static int
check_parent (void)
{
  const char *problem = NULL;

  if (options.type != CREATE_MONOLITHIC_SPARSE &&
      options.type != CREATE_SPLIT_SPARSE && options.type != CREATE_VMFS_SPARSE)
    problem = "a flat disk leaves nothing to a parent: expected create-type "
              "monolithic-sparse, split-sparse or vmfs-sparse";
  else if (params.single_link)
    problem = "single-link=true would serve the new disk without its parent";
  else if (!params.check_cid)
    problem = "check-cid=false is for disks that are only read, and a new "
              "child is to be written";
  if (problem == NULL)
    return 0;
  nbdkit_error ("create-parent=%s: %s", params.create_parent, problem);
  return -1;
}

int
create_check_params (void)
{
  if (!params.create) {
    if (params.create_parent == NULL)
      return 0;
    nbdkit_error ("create-parent=%s: without create=true no disk is created",
                  params.create_parent);
    return -1;
  }
  if (params.create_size == NULL && params.create_parent == NULL) {
    nbdkit_error ("create=true: expected create-size=SIZE, or "
                  "create-parent=FILE, whose size the new disk takes");
    return -1;
  }
  if ((params.create_size && check_size (params.create_size) == -1) ||
      (params.create_type && check_type (params.create_type) == -1) ||
      (params.create_hwversion &&
       check_hw_version (params.create_hwversion) == -1) ||
      (params.create_adapter_type &&
       check_adapter (params.create_adapter_type) == -1))
    return -1;
  return params.create_parent ? check_parent () : 0;
}

/* ---- the disk ---- */

/* The parent, for reading, from PLACES, the first of which is where it is. */
static struct disk *
open_parent (struct places *places)
{
  const unsigned flags = params.unbuffered ? FILE_UNBUFFERED : 0;
  struct disk_options how = { .cache_size = DISK_MIN_CACHE_SIZE,
                              .name = params.create_parent,
                              .no_locks = !params.lock,
                              .refuse_in_use = true };
  const char *slash = strrchr (params.create_parent, '/');
  struct file *file;

  if (slash)
    how.name = slash + 1;
  if (places_open (places, params.create_parent, flags) == -1)
    return NULL;
  file = file_posix_open (params.create_parent, flags);
  if (file == NULL)
    return NULL;
  how.places = *places;
  return disk_open (file, &how);
}

/* What the child records: the parent's name if both are in DIR, else the whole
 * path.  A name that looks like a URI or a drive needs a path in front.
 */
static char *
parent_hint (const struct dir *dir, const struct dir *parents)
{
  CLEANUP_FREE char *copy = strdup (params.create_parent);
  char *name, *hint = NULL;
  int r;

  if (copy == NULL)
    goto error;
  name = basename (copy);
  if (dir->path == NULL || parents->path == NULL) {
    nbdkit_error ("%s: the directory's own name cannot be found out, so that "
                  "nothing can be recorded as the parent's",
                  params.create_parent);
    return NULL;
  }
  if (strcmp (dir->path, parents->path) == 0)
    r = asprintf (&hint, "%s%s", strchr (name, ':') ? "./" : "", name);
  else
    r = asprintf (&hint, "%s/%s",
                  strcmp (parents->path, "/") == 0 ? "" : parents->path, name);
  if (r != -1)
    return hint;
error:
  nbdkit_error ("%s: %m", params.create_parent);
  return NULL;
}

static int
create_child (struct dir *dir, const char *name)
{
  struct places places = { NULL, 0 };
  struct disk *parent = open_parent (&places);
  CLEANUP_FREE char *hint = NULL;
  struct create_options o = options;
  int r = -1;

  if (parent != NULL) {
    hint = parent_hint (dir, places.dirs[0]);
    o.parent = parent;
    o.parent_hint = hint;
    if (hint != NULL)
      r = disk_create (dir, name, &o);
    disk_close (parent);
  }
  places_close (&places);
  return r;
}

int
create_from_params (struct dir *dir)
{
  CLEANUP_FREE char *copy = strdup (params.file);
  char *name;

  if (copy == NULL) {
    nbdkit_error ("%s: %m", params.file);
    return -1;
  }
  name = basename (copy);
  return params.create_parent ? create_child (dir, name)
                              : disk_create (dir, name, &options);
}
