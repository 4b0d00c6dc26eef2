/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin's parameters.
 *
 * Where the vddk plugin has one of the same meaning, it has the same name, so
 * that users change one word of their command lines.  Of the vddk plugin's
 * others, those that are about VMware's library are accepted and ignored, and
 * those that are about a server are refused: that disk is not a file.
 */

#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "create-disk.h"
#include "deflate.h"
#include "disk.h"
#include "params.h"
#include "report.h"

struct params params = {
  .check_cid = true,
  .cache_size = DISK_CACHE_SIZE,
  .zeroed_grains = true,
  .lock = true,
  .compression_level = DEFLATE_DEFAULT_LEVEL,
  .stream_close = STREAM_CLOSE_AUTO,
};

const char params_help[] =
  "[file=]<DISK>         (required) The disk to serve: its descriptor, or the\n"
  "                      .vmdk file that holds it.\n"
  "cache-size=<SIZE>     Memory for grain tables and unpacked grains "
  "(default 32M).\n"
  "check-cid=false       Serve a chain although a parent's content ID is not\n"
  "                      the expected one.\n"
  "compression-level=<1..12>\n"
  "                      Effort for stream-optimized disks (default 6).\n"
  "create=true           Create the disk first; nothing is overwritten.\n"
  "create-adapter-type=<ADAPTER>\n"
  "                      ide, scsi-buslogic or scsi-lsilogic (default for\n"
  "                      stream-optimized; else scsi-buslogic).\n"
  "create-hwversion=<VERSION>\n"
  "                      Virtual hardware: a number or workstation4,\n"
  "                      workstation5 (default), workstation6 (default for\n"
  "                      stream-optimized), esx30, esx4x, esx50, esx51,\n"
  "                      esx55, esx60, esx65.\n"
  "create-parent=<FILE>  Let the new disk be a child of this one.\n"
  "create-size=<SIZE>    Size of the new disk.\n"
  "create-toolsinstalltype=<NUMBER>\n"
  "                      How VMware's tools got into the guest.\n"
  "create-toolsversion=<NUMBER>\n"
  "                      Which version of them.\n"
  "create-type=<TYPE>    monolithic-sparse (default), monolithic-flat,\n"
  "                      split-sparse, split-flat, stream-optimized, "
  "vmfs-flat,\n"
  "                      vmfs-thin or vmfs-sparse.\n"
  "create-uuid=<UUID>    UUID of the new disk.\n"
  "drop-cbt=true         End changed block tracking so that a tracked disk "
  "can be\n"
  "                      written.\n"
  "lock=false            Do not care whether other programs use the files.\n"
  "search=<DIR>          Look here too for parents and extents (repeatable).\n"
  "single-link=true      Serve the top link alone, without its parents.\n"
  "stream-close=canonical|fast\n"
  "                      Leave stream-optimized disks in VMware's order, or\n"
  "                      with tables added (default auto: the former if new,\n"
  "                      at most 1 GiB, or half of it gaps).\n"
  "unbuffered=true       Leave nothing in the host's page cache.\n"
  "zeroed-grains=off     Write no entries of zeroed grains, which need\n"
  "                      version 2 of the format (default auto).\n"
  "\n"
  "For command lines of the vddk plugin:\n"
  "config=<FILE>         Accepted and ignored.\n"
  "libdir=<DIR>          Accepted and ignored.\n"
  "transports=file       Accepted and ignored.";

/* ---- values ---- */

static int
set_file (const char *key, const char *value)
{
  if (params.file != NULL) {
    nbdkit_error ("%s=%s: only one disk can be served, and it was given as "
                  "%s already",
                  key, value, params.file);
    return -1;
  }
  if (value[0] == '\0') {
    nbdkit_error ("file=: expected the name of the disk to serve");
    return -1;
  }
  params.file = value;
  return 0;
}

static int
set_search (const char *key, const char *value)
{
  if (value[0] == '\0') {
    nbdkit_error ("%s=: expected the name of a directory", key);
    return -1;
  }
  if (string_vector_append (&params.search, value) == -1) {
    nbdkit_error ("search: %m");
    return -1;
  }
  return 0;
}

static int
set_bool (const char *value, bool *flag)
{
  int r = nbdkit_parse_bool (value);

  if (r != -1)
    *flag = r;
  return r == -1 ? -1 : 0;
}

static int
set_check_cid (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.check_cid);
}

static int
set_single_link (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.single_link);
}

static int
set_unbuffered (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.unbuffered);
}

static int
set_cache_size (const char *key, const char *value)
{
  int64_t size = nbdkit_parse_size (value);

  if (size == -1)
    return -1;
  if (size < DISK_MIN_CACHE_SIZE || (uint64_t) size > SIZE_MAX / 2) {
    nbdkit_error ("%s=%s: expected at least 1M, and less than half of the "
                  "address space",
                  key, value);
    return -1;
  }
  params.cache_size = size;
  return 0;
}

bool
params_number (const char *text, unsigned long max, unsigned long *number)
{
  char *end;

  errno = 0;
  *number = strtoul (text, &end, 10);
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
         *number <= max;
}

static int
set_compression_level (const char *key, const char *value)
{
  unsigned long level;

  if (!params_number (value, DEFLATE_MAX_LEVEL, &level) || level < 1) {
    nbdkit_error ("%s=%s: expected a number from 1 to %d", key, value,
                  DEFLATE_MAX_LEVEL);
    return -1;
  }
  params.compression_level = level;
  return 0;
}

static int
set_stream_close (const char *key, const char *value)
{
  if (strcmp (value, "auto") == 0)
    params.stream_close = STREAM_CLOSE_AUTO;
  else if (strcmp (value, "canonical") == 0)
    params.stream_close = STREAM_CLOSE_CANONICAL;
  else if (strcmp (value, "fast") == 0)
    params.stream_close = STREAM_CLOSE_FAST;
  else {
    nbdkit_error ("%s=%s: expected auto, canonical or fast", key, value);
    return -1;
  }
  return 0;
}

static int
set_zeroed_grains (const char *key, const char *value)
{
  if (strcmp (value, "auto") != 0 && strcmp (value, "off") != 0) {
    nbdkit_error ("%s=%s: expected auto or off", key, value);
    return -1;
  }
  params.zeroed_grains = strcmp (value, "auto") == 0;
  return 0;
}

static int
set_drop_cbt (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.drop_cbt);
}

static int
set_lock (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.lock);
}

static int
set_create (const char *key, const char *value)
{
  (void) key;
  return set_bool (value, &params.create);
}

static int
set_create_parent (const char *key, const char *value)
{
  if (value[0] == '\0') {
    nbdkit_error ("%s=: expected the name of the parent disk", key);
    return -1;
  }
  params.create_parent = value;
  return 0;
}

static int
ignore (const char *key, const char *value)
{
  nbdkit_debug ("%s=%s: ignored: it means nothing to this plugin", key, value);
  return 0;
}

static int
set_transports (const char *key, const char *value)
{
  if (strcmp (value, "file") == 0)
    return ignore (key, value);
  nbdkit_error ("%s=%s: the vmdk plugin reads disk files and has no other "
                "transport than file",
                key, value);
  return -1;
}

static int
refuse_remote (const char *key, const char *value)
{
  (void) value; /* it may be a password */
  nbdkit_error ("%s: this parameter of the vddk plugin is for disks of a "
                "vCenter or ESXi server; the vmdk plugin serves disk files: "
                "copy the disk here and name its .vmdk",
                key);
  return -1;
}

static struct param {
  const char *key;
  int (*set) (const char *key, const char *value);
  const char **text; /* where the value goes if SET is NULL */
  bool given;
} table[] = {
  { "file", set_file, NULL, false },
  { "cache-size", set_cache_size, NULL, false },
  { "check-cid", set_check_cid, NULL, false },
  { "compression-level", set_compression_level, NULL, false },
  { "create", set_create, NULL, false },

  /* Looked at when all are there: without create=true they mean nothing. */
  { "create-adapter-type", NULL, &params.create_adapter_type, false },
  { "create-hwversion", NULL, &params.create_hwversion, false },
  { "create-parent", set_create_parent, NULL, false },
  { "create-size", NULL, &params.create_size, false },
  { "create-toolsinstalltype", NULL, &params.create_toolsinstalltype, false },
  { "create-toolsversion", NULL, &params.create_toolsversion, false },
  { "create-type", NULL, &params.create_type, false },
  { "create-uuid", NULL, &params.create_uuid, false },
  { "drop-cbt", set_drop_cbt, NULL, false },
  { "lock", set_lock, NULL, false },
  { "search", set_search, NULL, false },
  { "single-link", set_single_link, NULL, false },
  { "stream-close", set_stream_close, NULL, false },
  { "unbuffered", set_unbuffered, NULL, false },
  { "zeroed-grains", set_zeroed_grains, NULL, false },

  { "config", ignore, NULL, false },
  { "libdir", ignore, NULL, false },
  { "transports", set_transports, NULL, false },

  { "compression", refuse_remote, NULL, false },
  { "cookie", refuse_remote, NULL, false },
  { "nfchostport", refuse_remote, NULL, false },
  { "password", refuse_remote, NULL, false },
  { "port", refuse_remote, NULL, false },
  { "server", refuse_remote, NULL, false },
  { "snapshot", refuse_remote, NULL, false },
  { "thumbprint", refuse_remote, NULL, false },
  { "user", refuse_remote, NULL, false },
  { "vimapiver", refuse_remote, NULL, false },
  { "vm", refuse_remote, NULL, false },
};

int
params_set (const char *key, const char *value)
{
  size_t i;

  for (i = 0; i < sizeof table / sizeof table[0]; ++i) {
    if (strcmp (key, table[i].key) != 0)
      continue;
    if (table[i].given && table[i].set != set_search &&
        table[i].set != set_file) {
      nbdkit_error ("%s: given twice", key);
      return -1;
    }
    table[i].given = true;
    if (table[i].set)
      return table[i].set (key, value);
    *table[i].text = value;
    return 0;
  }
  nbdkit_error ("unknown parameter '%s'; see nbdkit vmdk --help", key);
  return -1;
}

const char *
params_create_key (void)
{
  size_t i;

  for (i = 0; i < sizeof table / sizeof table[0]; ++i)
    if (table[i].given && strncmp (table[i].key, "create-", 7) == 0)
      return table[i].key;
  return NULL;
}

int
params_check (void)
{
  if (params.file == NULL) {
    nbdkit_error ("you must name the disk to serve: nbdkit vmdk DISK.vmdk");
    return -1;
  }
  if (params.single_link && !params.check_cid) {
    nbdkit_error ("check-cid=false makes no sense with single-link=true, "
                  "which opens no parent");
    return -1;
  }
  return create_check_params ();
}

void
params_free (void)
{
  free (params.search.items);
  params.search = (string_vector) VECTOR_EMPTY;
}
