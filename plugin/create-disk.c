/* SPDX-License-Identifier: BSD-3-Clause */
/* create=true: from the parameters, whose values are those of the vddk plugin
 * or the format's own, to a new disk.
 */

#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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
  { "stream-optimized", CREATE_STREAM_OPTIMIZED },
  { "monolithicSparse", CREATE_MONOLITHIC_SPARSE },
  { "monolithicFlat", CREATE_MONOLITHIC_FLAT },
  { "twoGbMaxExtentSparse", CREATE_SPLIT_SPARSE },
  { "twoGbMaxExtentFlat", CREATE_SPLIT_FLAT },
  { "vmfs", CREATE_VMFS_FLAT },
  { "vmfsThin", CREATE_VMFS_THIN },
  { "vmfsSparse", CREATE_VMFS_SPARSE },
  { "streamOptimized", CREATE_STREAM_OPTIMIZED },
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
  nbdkit_error ("create-type=%s: expected monolithic-sparse, "
                "monolithic-flat, split-sparse, split-flat, "
                "stream-optimized, vmfs-flat, vmfs-thin or vmfs-sparse",
                text);
  return -1;
}

static int
check_hw_version (const char *text)
{
  const struct word *w = find_word (hw_versions, text);
  unsigned long number;

  if (w != NULL) {
    options.hw_version = w->value;
    return 0;
  }
  if (params_number (text, CREATE_MAX_HW, &number) && number >= 1) {
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

static int
check_number (const char *key, const char *text, struct create_number *number)
{
  unsigned long value;

  if (!params_number (text, CREATE_MAX_NUMBER, &value)) {
    nbdkit_error ("%s=%s: expected a number up to %d", key, text,
                  CREATE_MAX_NUMBER);
    return -1;
  }
  *number = (struct create_number){ true, value };
  return 0;
}

static int
check_toolsinstalltype (const char *text)
{
  return check_number ("create-toolsinstalltype", text,
                       &options.tools_install_type);
}

static int
check_toolsversion (const char *text)
{
  return check_number ("create-toolsversion", text, &options.tools_version);
}

/* How UUIDs are written, VMware's way first; x is a digit. */
static const char *const uuid_forms[] = {
  "xx xx xx xx xx xx xx xx-xx xx xx xx xx xx xx xx",
  "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

static bool
has_form (const char *text, const char *form)
{
  for (; *text && *form; ++text, ++form)
    if (*form == 'x' ? !isxdigit ((unsigned char) *text) : *text != *form)
      return false;
  return *text == *form;
}

/* The digits of TEXT, as they are, in VMware's form. */
static const char *
vmware_uuid (const char *text)
{
  static char uuid[48];
  size_t i;

  for (i = 0; uuid_forms[0][i]; ++i) {
    uuid[i] = uuid_forms[0][i];
    if (uuid[i] != 'x')
      continue;
    text += strcspn (text, "0123456789abcdefABCDEF");
    uuid[i] = *text++;
  }
  return uuid;
}

static int
check_uuid (const char *text)
{
  size_t i;

  for (i = 0; i < sizeof uuid_forms / sizeof uuid_forms[0]; ++i) {
    if (has_form (text, uuid_forms[i])) {
      options.uuid = vmware_uuid (text);
      return 0;
    }
  }
  nbdkit_error ("create-uuid=%s: expected a UUID of 32 hexadecimal digits, "
                "such as 6000c29f-e40c-8733-ea3e-c31b2b4352e9 or "
                "\"60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9\"",
                text);
  return -1;
}

/* What does not go with a parent. */
static int
check_parent (void)
{
  const char *problem = NULL;

  if (options.type == CREATE_MONOLITHIC_FLAT ||
      options.type == CREATE_SPLIT_FLAT || options.type == CREATE_VMFS_FLAT ||
      options.type == CREATE_VMFS_THIN)
    problem = "a flat disk leaves nothing to a parent: expected create-type "
              "monolithic-sparse, split-sparse, stream-optimized or "
              "vmfs-sparse";
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

/* Each value for itself. */
static int
check_values (void)
{
  const struct {
    const char *value;
    int (*check) (const char *text);
  } checks[] = {
    { params.create_size, check_size },
    { params.create_type, check_type },
    { params.create_hwversion, check_hw_version },
    { params.create_adapter_type, check_adapter },
    { params.create_toolsinstalltype, check_toolsinstalltype },
    { params.create_toolsversion, check_toolsversion },
    { params.create_uuid, check_uuid },
  };
  size_t i;

  for (i = 0; i < sizeof checks / sizeof checks[0]; ++i)
    if (checks[i].value && checks[i].check (checks[i].value) == -1)
      return -1;
  return 0;
}

/* Without create=true: the parameters that then do nothing are no mistake, but
 * if there is no disk, their user will have meant to create it.
 */
static int
check_forgotten (void)
{
  struct stat st;
  const char *key;

  if (params.create_parent) {
    nbdkit_error ("create-parent=%s: without create=true no disk is created",
                  params.create_parent);
    return -1;
  }
  key = params_create_key ();
  if (key == NULL || lstat (params.file, &st) == 0 || errno != ENOENT)
    return 0;
  nbdkit_error ("%s: cannot open: %m: %s is given, but without create=true no "
                "disk is created",
                params.file, key);
  return -1;
}

int
create_check_params (void)
{
  if (!params.create)
    return check_forgotten ();
  if (params.create_size == NULL && params.create_parent == NULL) {
    nbdkit_error ("create=true: expected create-size=SIZE, or "
                  "create-parent=FILE, whose size the new disk takes");
    return -1;
  }
  if (check_values () == -1)
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
  const char *end = strrchr (params.file, '/');
  CLEANUP_FREE char *copy = NULL;
  char *name;

  if (end != NULL && end[1] == '\0') {
    nbdkit_error ("%s: is the name of a directory: create=true expected the "
                  "name of a file",
                  params.file);
    errno = EISDIR;
    return -1;
  }
  copy = strdup (params.file);
  if (copy == NULL) {
    nbdkit_error ("%s: %m", params.file);
    return -1;
  }
  name = basename (copy);
  return params.create_parent ? create_child (dir, name)
                              : disk_create (dir, name, &options);
}
