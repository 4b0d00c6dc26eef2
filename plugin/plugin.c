/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit-vmdk-plugin: the callbacks, thin over common/vmdk.
 *
 * There is one disk, opened once in get_ready: the last moment at which the
 * user's directory and privileges are there, and a message reaches the user.
 * Every connection uses that disk.  It is therefore one object with one
 * set of caches, whatever the number of connections, which is what
 * can_multi_conn promises.
 */

#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "create-disk.h"
#include "deflate.h"
#include "dir.h"
#include "disk.h"
#include "file.h"
#include "params.h"
#include "places.h"
#include "report.h"
#include "rounding.h"
#include "stats-print.h"

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
  printf ("vmdk_deflate_fast=%s\n", deflate_fast_codec_name ());
  printf ("vmdk_read=flat,zero,sparse,stream,cowd,sesparse\n");
  printf ("vmdk_write=flat,sparse,stream,cowd\n");
  printf ("vmdk_create=monolithic-sparse,monolithic-flat,split-sparse,"
          "split-flat,stream-optimized,vmfs-flat,vmfs-thin,vmfs-sparse\n");
}

/* A write beyond the limit on the size of files shall fail, not kill. */
static void
ignore_sigxfsz (void)
{
  struct sigaction action;

  if (sigaction (SIGXFSZ, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    (void) sigaction (SIGXFSZ, &action, NULL);
  }
}

/* Whether nbdkit was given -r is not known yet: so files are opened for
 * writing where that is possible, and not changed.
 */
static int
vmdk_get_ready (void)
{
  const unsigned flags = params.unbuffered ? FILE_UNBUFFERED : 0;
  struct disk_options options = {
    .single_link = params.single_link,
    .ignore_cid = !params.check_cid,
    .cache_size = params.cache_size,
    .writable = true,
    .no_zeroed_grains = !params.zeroed_grains,
    .drop_cbt = params.drop_cbt,
    .no_locks = !params.lock,
    .compression_level = params.compression_level,
    .stream_close = params.stream_close,
  };
  const char *slash = strrchr (params.file, '/');
  struct file *file;

  options.name = slash ? slash + 1 : params.file;
  ignore_sigxfsz ();
  if (places_open (&options.places, params.file, flags) == 0 &&
      (!params.create || create_from_params (options.places.dirs[0]) == 0)) {
    file = file_posix_open (params.file, flags | FILE_WRITABLE);
    if (file != NULL)
      disk = disk_open (file, &options);
  }
  places_close (&options.places);
  return disk ? 0 : -1;
}

/* On SIGTERM this is the only chance: connections are not closed one by one. */
static void
vmdk_cleanup (void)
{
  (void) disk_close (TAKE (disk)); /* what is wrong was reported */
}

static void
vmdk_unload (void)
{
  stats_print ();
  params_free ();
}

/* What a handle points to: is the connection for writing too? */
static bool reading = false, writing = true;

static void *
vmdk_open (int readonly)
{
  int r = readonly ? 0 : disk_start_writing (disk);

  if (r == -1)
    return NULL;
  return r ? &writing : &reading;
}

/* ---- negotiation ---- */

static int64_t
vmdk_get_size (void *handle)
{
  (void) handle;
  return disk->size;
}

static const char *
vmdk_export_description (void *handle)
{
  const char *type = disk->links[0]->create_type;
  const bool *writable = handle;

  return nbdkit_printf_intern ("VMDK %s, %zu link%s%s",
                               type[0] ? type : "without createType",
                               disk->n_links, disk->n_links == 1 ? "" : "s",
                               *writable ? "" : ", read-only");
}

static int
yes (void *handle)
{
  (void) handle;
  return 1;
}

static int
vmdk_can_write (void *handle)
{
  const bool *writable = handle;

  return *writable;
}

static int
vmdk_can_fua (void *handle)
{
  (void) handle;
  return NBDKIT_FUA_NATIVE;
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
  uint64_t grain = min_u64 (disk_grain_bytes (disk), MAX_PREFERRED_BLOCK);
  uint64_t block = MIN_PREFERRED_BLOCK;

  (void) handle;

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
  (void) handle;
  (void) flags;
  return disk_pread (disk, buf, count, offset);
}

/* What the flags of a request are to the core. */
static unsigned
write_flags (uint32_t flags)
{
  return (flags & NBDKIT_FLAG_FUA ? DISK_SYNC : 0) |
         (flags & NBDKIT_FLAG_MAY_TRIM ? DISK_FREE : 0) |
         (flags & NBDKIT_FLAG_FAST_ZERO ? DISK_QUICK : 0);
}

static int
vmdk_pwrite (void *handle, const void *buf, uint32_t count, uint64_t offset,
             uint32_t flags)
{
  (void) handle;
  return disk_pwrite (disk, buf, count, offset, write_flags (flags));
}

static int
vmdk_zero (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void) handle;
  return disk_zero (disk, count, offset, write_flags (flags));
}

/* What is trimmed reads as zeroes, to the last byte: clients such as nbdfuse
 * and the loop driver rely on it.
 */
static int
vmdk_trim (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  (void) handle;
  return disk_zero (disk, count, offset, write_flags (flags) | DISK_FREE);
}

static int
vmdk_flush (void *handle, uint32_t flags)
{
  (void) handle;
  (void) flags;
  return disk_flush (disk);
}

static int
vmdk_cache (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  if (flags != 0) {
    nbdkit_error ("cache: unknown flags 0x%x", flags);
    errno = EINVAL;
    return -1;
  }
  (void) handle;
  return disk_prefetch (disk, count, offset);
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
  (void) handle;
  return disk_status (disk, count, offset, flags & NBDKIT_FLAG_REQ_ONE,
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
  .unload = vmdk_unload,

  .open = vmdk_open,
  .get_size = vmdk_get_size,
  .export_description = vmdk_export_description,
  .block_size = vmdk_block_size,
  .can_write = vmdk_can_write,
  .can_flush = yes,
  .can_trim = yes,
  .can_zero = yes,
  .can_fast_zero = yes,
  .can_fua = vmdk_can_fua,
  .can_multi_conn = yes,
  .can_extents = yes,
  .can_cache = vmdk_can_cache,

  .pread = vmdk_pread,
  .pwrite = vmdk_pwrite,
  .zero = vmdk_zero,
  .trim = vmdk_trim,
  .flush = vmdk_flush,
  .extents = vmdk_extents,
  .cache = vmdk_cache,
};

/* clang wants a prototype of what the macro defines. */
extern struct nbdkit_plugin *plugin_init (void);

NBDKIT_REGISTER_PLUGIN (plugin)
