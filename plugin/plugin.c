/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit-vmdk-plugin: the callbacks, thin over common/vmdk.
 *
 * There is one disk, opened once in get_ready: the last moment at which the
 * user's directory and privileges are there, and a message reaches the user.
 * Every connection's handle is that disk.  It is therefore one object with one
 * set of caches, whatever the number of connections, which is what
 * can_multi_conn promises.
 */

#include <config.h>

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "deflate.h"
#include "dir.h"
#include "disk.h"
#include "file.h"
#include "params.h"
#include "report.h"
#include "rounding.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* From here on data is asked for in pieces of this size at least. */
#define MIN_PREFERRED_BLOCK 4096
#define MAX_PREFERRED_BLOCK (32 << 20)

static struct disk *disk;

/* ---- the core's voice (report.h) ---- */

NBDKIT_DLL_PUBLIC int vmdk_debug_chain;
NBDKIT_DLL_PUBLIC int vmdk_debug_map;

void
report_error (const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  nbdkit_verror (fmt, args);
  va_end (args);
}

/* nbdkit has no level for warnings, and debug messages reach nobody. */
void
report_warning (const char *fmt, ...)
{
  CLEANUP_FREE char *text = NULL;
  int saved = errno, r;
  va_list args;

  va_start (args, fmt);
  r = vasprintf (&text, fmt, args);
  va_end (args);
  if (r == -1)
    text = NULL;
  else
    nbdkit_error ("warning: %s", text);
  errno = saved;
}

void
report_debug (const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  nbdkit_vdebug (fmt, args);
  va_end (args);
}

/* ---- life cycle ---- */

static void
vmdk_dump_plugin (void)
{
  printf ("vmdk_version=%s\n", PACKAGE_VERSION);
  printf ("vmdk_deflate=%s\n", deflate_codec_name ());
  printf ("vmdk_read=flat,zero,sparse,stream,cowd,sesparse\n");
  printf ("vmdk_write=\n");
}

/* Open the directory that the file at PATH is in, and add it to PLACES. */
static int
add_directory_of (struct places *places, const char *path, unsigned flags)
{
  CLEANUP_FREE char *copy = strdup (path);

  if (copy == NULL) {
    nbdkit_error ("%s: %m", path);
    return -1;
  }
  places->dirs[places->n] = dir_posix_open (dirname (copy), flags);
  return places->dirs[places->n++] ? 0 : -1;
}

/* Files of the disk are looked for where the user's name of it is.  If that is
 * a symbolic link, then after that where it leads to.
 */
static int
open_places (struct places *places, unsigned flags)
{
  CLEANUP_FREE char *target = NULL;
  struct stat st;
  size_t i;

  if (add_directory_of (places, params.file, flags) == -1)
    return -1;
  if (lstat (params.file, &st) == 0 && S_ISLNK (st.st_mode)) {
    target = realpath (params.file, NULL);
    if (target && add_directory_of (places, target, flags) == -1)
      return -1;
  }
  for (i = 0; i < params.search.count; ++i) {
    places->dirs[places->n] = dir_posix_open (params.search.items[i], flags);
    if (places->dirs[places->n++] == NULL)
      return -1;
  }
  return 0;
}

static int
vmdk_get_ready (void)
{
  const unsigned flags = params.unbuffered ? FILE_UNBUFFERED : 0;
  struct disk_options options = {
    .single_link = params.single_link,
    .ignore_cid = !params.check_cid,
    .cache_size = params.cache_size,
  };
  struct file *file;
  size_t i;

  options.places.dirs =
    calloc (2 + params.search.count, sizeof options.places.dirs[0]);
  if (options.places.dirs == NULL) {
    nbdkit_error ("%s: %m", params.file);
    return -1;
  }
  if (open_places (&options.places, flags) == 0) {
    file = file_posix_open (params.file, flags);
    if (file != NULL)
      disk = disk_open (file, &options);
  }
  for (i = 0; i < options.places.n; ++i)
    dir_close (options.places.dirs[i]);
  free (options.places.dirs);
  return disk ? 0 : -1;
}

static void
vmdk_cleanup (void)
{
  disk_close (TAKE (disk));
}

static void *
vmdk_open (int readonly)
{
  (void) readonly; /* this version never writes */
  return disk;
}

/* ---- negotiation ---- */

static int64_t
vmdk_get_size (void *handle)
{
  const struct disk *d = handle;

  return d->size;
}

static const char *
vmdk_export_description (void *handle)
{
  const struct disk *d = handle;

  const char *type = d->links[0]->create_type;

  return nbdkit_printf_intern ("VMDK %s, %zu link%s, read-only",
                               type[0] ? type : "without createType",
                               d->n_links, d->n_links == 1 ? "" : "s");
}

static int
yes (void *handle)
{
  (void) handle;
  return 1;
}

static int
vmdk_can_cache (void *handle)
{
  (void) handle;
  return NBDKIT_CACHE_NATIVE;
}

static int
vmdk_block_size (void *handle, uint32_t *minimum, uint32_t *preferred,
                 uint32_t *maximum)
{
  /* The server refuses what is not a power of two (COWD grains need not be
   * one) or is out of its bounds.
   */
  uint64_t grain = min_u64 (disk_grain_bytes (handle), MAX_PREFERRED_BLOCK);
  uint64_t block = MIN_PREFERRED_BLOCK;

  while (block < grain)
    block *= 2;
  *minimum = 1;
  *preferred = block;
  *maximum = UINT32_MAX;
  return 0;
}

/* ---- data ---- */

static int
vmdk_pread (void *handle, void *buf, uint32_t count, uint64_t offset,
            uint32_t flags)
{
  (void) flags;
  return disk_pread (handle, buf, count, offset);
}

static int
vmdk_cache (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  if (flags != 0) {
    nbdkit_error ("cache: unknown flags 0x%x", flags);
    errno = EINVAL;
    return -1;
  }
  return disk_prefetch (handle, count, offset);
}

static int
add_extent (void *opaque, uint64_t offset, uint64_t length, bool zero)
{
  return nbdkit_add_extent (opaque, offset, length,
                            zero ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0);
}

static int
vmdk_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags,
              struct nbdkit_extents *extents)
{
  return disk_status (handle, count, offset, flags & NBDKIT_FLAG_REQ_ONE,
                      add_extent, extents);
}

static struct nbdkit_plugin plugin = {
  .name = "vmdk",
  .longname = "nbdkit VMDK plugin",
  .version = PACKAGE_VERSION,
  .description = "Serve VMware virtual disk files",
  .magic_config_key = "file",
  .config_help = params_help,
  .errno_is_preserved = 1,

  .config = params_set,
  .config_complete = params_check,
  .dump_plugin = vmdk_dump_plugin,
  .get_ready = vmdk_get_ready,
  .cleanup = vmdk_cleanup,
  .unload = params_free,

  .open = vmdk_open,
  .get_size = vmdk_get_size,
  .export_description = vmdk_export_description,
  .block_size = vmdk_block_size,
  .can_multi_conn = yes,
  .can_extents = yes,
  .can_cache = vmdk_can_cache,

  .pread = vmdk_pread,
  .extents = vmdk_extents,
  .cache = vmdk_cache,
};

/* clang wants a prototype of what the macro defines. */
extern struct nbdkit_plugin *plugin_init (void);

NBDKIT_REGISTER_PLUGIN (plugin)
