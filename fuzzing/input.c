/* SPDX-License-Identifier: BSD-3-Clause */
/* What a fuzzer's bytes stand for: see input.h. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "input.h"
#include "is-all-zero.h"
#include "rounding.h"

#define RECORD_BYTES 8

const char *const input_names[INPUT_FILES] = { "top.vmdk", "a.vmdk", "b.vmdk",
                                               "c.vmdk",   "d.vmdk", "e.vmdk",
                                               "f.vmdk" };

struct record {
  unsigned file;
  size_t at, length; /* bytes */
  const uint8_t *bytes;
};

/* Take the first record off the *SIZE bytes at *DATA, if there is one. */
static bool
next_record (const uint8_t **data, size_t *size, struct record *r)
{
  const uint8_t *p = *data;
  uint32_t sector;

  if (*size < RECORD_BYTES)
    return false;
  sector = p[4] | p[5] << 8 | p[6] << 16 | (uint32_t) p[7] << 24;
  r->file = p[0] % (INPUT_FILES + 1);
  r->at = sector % INPUT_SECTORS * (size_t) SECTOR_SIZE;
  r->length = p[2] | p[3] << 8;
  if (r->length > *size - RECORD_BYTES)
    r->length = *size - RECORD_BYTES;
  r->bytes = p + RECORD_BYTES;
  *data += RECORD_BYTES + r->length;
  *size -= RECORD_BYTES + r->length;
  return true;
}

void
input_split (struct input *in, const uint8_t *data, size_t size)
{
  const uint8_t *p = data;
  size_t left = size, i;
  struct record r;

  memset (in, 0, sizeof *in);
  while (next_record (&p, &left, &r))
    if (r.at + r.length > in->files[r.file].size)
      in->files[r.file].size = r.at + r.length;
  for (i = 0; i <= INPUT_FILES; ++i)
    if (in->files[i].size > 0) {
      in->files[i].bytes = calloc (1, in->files[i].size);
      HOLDS (in->files[i].bytes != NULL);
    }
  while (next_record (&data, &size, &r))
    if (r.length > 0)
      memcpy (in->files[r.file].bytes + r.at, r.bytes, r.length);
}

void
input_free (struct input *in)
{
  size_t i;

  for (i = 0; i <= INPUT_FILES; ++i)
    free (in->files[i].bytes);
}

uint8_t
input_script (const struct input *in, size_t i)
{
  const struct piece *script = &in->files[INPUT_SCRIPT];

  return i < script->size ? script->bytes[i] : 0;
}

/* ---- a directory that lends the pieces ----
 *
 * As file-memory.h's, but nothing is copied: a file may be 16 MiB of holes, and
 * copies of these would be most of what a fuzzer does.  What is zero is a hole.
 */

struct lent_file {
  struct file file;
  const struct piece *piece;
};

struct lending_dir {
  struct dir dir;
  const struct input *in;
};

static int64_t
lent_size (struct file *f)
{
  return ((struct lent_file *) f)->piece->size;
}

static int64_t
lent_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  const struct piece *p = ((struct lent_file *) f)->piece;

  if (offset >= p->size)
    return 0;
  count = min_u64 (count, p->size - offset);
  memcpy (buf, p->bytes + offset, count);
  return count;
}

/* The first byte from OFFSET on, LIMIT at most, whose sector is all zero or
 * not, as ZERO says.
 */
static uint64_t
find_sector (const struct piece *p, uint64_t offset, uint64_t limit, bool zero)
{
  uint64_t next;

  for (; offset < limit; offset = min_u64 (next, limit)) {
    next = offset - offset % SECTOR_SIZE + SECTOR_SIZE;
    if (next > p->size)
      return zero ? limit : offset;
    if (is_all_zero (p->bytes + next - SECTOR_SIZE, SECTOR_SIZE) == zero)
      return offset;
  }
  return limit;
}

static uint64_t
lent_hole_end (struct file *f, uint64_t offset, uint64_t limit)
{
  return find_sector (((struct lent_file *) f)->piece, offset, limit, false);
}

static uint64_t
lent_data_end (struct file *f, uint64_t offset, uint64_t limit)
{
  return find_sector (((struct lent_file *) f)->piece, offset, limit, true);
}

static void
lent_close (struct file *f)
{
  file_fini (f);
  free (f);
}

static const struct file_ops lent_ops = {
  .size = lent_size,
  .pread = lent_pread,
  .hole_end = lent_hole_end,
  .data_end = lent_data_end,
  .close = lent_close,
};

static struct file *
lending_open (struct dir *d, const char *path, bool writable)
{
  const struct input *in = ((struct lending_dir *) d)->in;
  struct lent_file *f;
  size_t i;

  if (strncmp (path, "../", 3) == 0 || path[0] == '/') {
    errno = EXDEV;
    return NULL;
  }
  for (i = 0; i < INPUT_FILES; ++i)
    if (in->files[i].size > 0 && strcmp (path, input_names[i]) == 0)
      break;
  if (i == INPUT_FILES) {
    errno = ENOENT;
    return NULL;
  }
  f = calloc (1, sizeof *f);
  HOLDS (f != NULL && file_init (&f->file, &lent_ops, path) == 0);
  f->file.id.inode = i + 1;
  f->file.write_errno = writable ? EROFS : 0;
  f->piece = &in->files[i];
  return &f->file;
}

static void
lending_close (struct dir *d)
{
  free (d->name);
  free (d->path);
  free (d);
}

static const struct dir_ops lending_ops = {
  .open = lending_open,
  .close = lending_close,
};

struct dir *
input_dir (const struct input *in)
{
  struct lending_dir *l = calloc (1, sizeof *l);

  HOLDS (l != NULL);
  l->dir.ops = &lending_ops;
  l->dir.name = strdup (".");
  l->dir.path = strdup ("/disks");
  HOLDS (l->dir.name != NULL && l->dir.path != NULL);
  l->in = in;
  return &l->dir;
}

/* ---- the disk ---- */

#define ROOM (2 << 20) /* that each file can grow by at least, bytes */

struct host *
input_host (const struct input *in)
{
  struct host *host = host_create ();
  size_t i;

  host->room = ROOM;
  for (i = 0; i < INPUT_FILES; ++i)
    if (host->room < in->files[i].size + ROOM)
      host->room = in->files[i].size + ROOM;
  for (i = 0; i < INPUT_FILES; ++i)
    if (in->files[i].size > 0)
      host_put (host, input_names[i], in->files[i].bytes, in->files[i].size);
  return host;
}

struct disk *
input_open (struct dir *dir, struct disk_options *o)
{
  struct file *file = dir_open_file (dir, input_names[0], o->writable);
  struct disk *disk;

  if (file == NULL)
    return NULL;
  o->name = input_names[0];
  o->places.dirs[0] = dir;
  disk = disk_open (file, o);
  check_result (disk == NULL);
  return disk;
}
