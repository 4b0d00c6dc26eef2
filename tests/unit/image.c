/* SPDX-License-Identifier: BSD-3-Clause */
/* Disk images built byte by byte: see image.h. */

#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "file-memory.h"
#include "image.h"
#include "test.h"

#define SECTOR 512

void
image_free (struct image *i)
{
  free (i->data);
  i->data = NULL;
  i->size = 0;
}

void
image_room (struct image *i, size_t size)
{
  if (size <= i->size)
    return;
  i->data = realloc (i->data, size);
  MUST (i->data != NULL);
  memset (i->data + i->size, 0, size - i->size);
  i->size = size;
}

void
image_put (struct image *i, size_t at, const void *data, size_t n)
{
  image_room (i, at + n);
  memcpy (i->data + at, data, n);
}

static void
put_le (struct image *i, size_t at, uint64_t v, size_t bytes)
{
  image_room (i, at + bytes);
  for (; bytes > 0; --bytes, v >>= 8)
    i->data[at++] = v & 255;
}

void
image_le16 (struct image *i, size_t at, uint16_t v)
{
  put_le (i, at, v, 2);
}

void
image_le32 (struct image *i, size_t at, uint32_t v)
{
  put_le (i, at, v, 4);
}

void
image_le64 (struct image *i, size_t at, uint64_t v)
{
  put_le (i, at, v, 8);
}

void
image_string (struct image *i, size_t at, const char *text)
{
  image_put (i, at, text, strlen (text));
}

void
image_pattern (unsigned char *p, size_t n, unsigned seed)
{
  size_t k;

  for (k = 0; k < n; ++k)
    p[k] = 1 + (k * 7 + k / SECTOR * 31 + k / 4096 * 11 + seed * 57) % 255;
}

void
image_put_pattern (struct image *i, size_t at, size_t n, unsigned seed)
{
  image_room (i, at + n);
  image_pattern (i->data + at, n, seed);
}

const struct hosted hosted_default = {
  .version = 1,
  .flags = 3,
  .capacity = 204800,
  .grain_size = 128,
  .descriptor_offset = 1,
  .descriptor_size = 20,
  .gtes_per_gt = 512,
  .rgd_offset = 21,
  .gd_offset = 38,
  .overhead = 128,
  .newline = { 0x0a, 0x20, 0x0d, 0x0a },
};

void
image_hosted (struct image *i, size_t at, const struct hosted *h)
{
  image_room (i, at + SECTOR);
  image_put (i, at, "KDMV", 4);
  image_le32 (i, at + 4, h->version);
  image_le32 (i, at + 8, h->flags);
  image_le64 (i, at + 12, h->capacity);
  image_le64 (i, at + 20, h->grain_size);
  image_le64 (i, at + 28, h->descriptor_offset);
  image_le64 (i, at + 36, h->descriptor_size);
  image_le32 (i, at + 44, h->gtes_per_gt);
  image_le64 (i, at + 48, h->rgd_offset);
  image_le64 (i, at + 56, h->gd_offset);
  image_le64 (i, at + 64, h->overhead);
  image_put (i, at + 72, &h->unclean, 1);
  image_put (i, at + 73, h->newline, 4);
  image_le16 (i, at + 77, h->algorithm);
}

void
image_cowd (struct image *i, const struct cowd *c)
{
  image_room (i, 4 * SECTOR);
  image_put (i, 0, "COWD", 4);
  image_le32 (i, 4, c->version);
  image_le32 (i, 8, c->flags);
  image_le32 (i, 12, c->capacity);
  image_le32 (i, 16, c->grain_size);
  image_le32 (i, 20, c->gd_offset);
  image_le32 (i, 24, c->gd_entries);
  image_le32 (i, 28, c->free_sector);
}

const struct sesparse sesparse_default = {
  .magic = 0xcafebabe,
  .version = UINT64_C (0x200000001),
  .capacity = 204800,
  .grain_size = 8,
  .gt_size = 64,
  .areas = {
    [AREA_VOLATILE] = { 1, 1 },
    [AREA_JOURNAL_HEADER] = { 2, 2 },
    [AREA_JOURNAL] = { 2048, 2048 },
    [AREA_DIRECTORY] = { 4096, 2048 },
    [AREA_TABLES] = { 6144, 2048 },
    [AREA_BITMAP] = { 8192, 2048 },
    [AREA_BACKMAP] = { 10240, 2048 },
    [AREA_GRAINS] = { 12288, 204800 },
  },
};

void
image_sesparse (struct image *i, const struct sesparse *s)
{
  unsigned a;

  image_room (i, SECTOR);
  image_le64 (i, 0, s->magic);
  image_le64 (i, 8, s->version);
  image_le64 (i, 16, s->capacity);
  image_le64 (i, 24, s->grain_size);
  image_le64 (i, 32, s->gt_size);
  image_le64 (i, 40, s->flags);
  for (a = 0; a < N_AREAS; ++a) {
    image_le64 (i, 80 + 16 * a, s->areas[a].offset);
    image_le64 (i, 88 + 16 * a, s->areas[a].size);
  }
}

void
image_sesparse_volatile (struct image *i, size_t at, uint64_t replay)
{
  image_room (i, at + SECTOR);
  image_le64 (i, at, 0xcafecafe);
  image_le64 (i, at + 24, replay);
}

size_t
image_packed (struct image *i, size_t at, uint64_t lba,
              const unsigned char *data, size_t n)
{
  uLongf size = compressBound (n);
  unsigned char *packed = malloc (size);

  MUST (packed != NULL);
  MUST (compress2 (packed, &size, data, n, 6) == Z_OK);
  image_le64 (i, at, lba);
  image_le32 (i, at + 8, size);
  image_put (i, at + 12, packed, size);
  free (packed);
  at = (at + 12 + size + SECTOR - 1) / SECTOR;
  image_room (i, at * SECTOR);
  return at;
}

struct file *
image_file (const struct image *i, const char *name, uint64_t length,
            uint64_t inode)
{
  struct file *f = file_memory_create (name, i->data, i->size, length, inode);

  MUST (f != NULL);
  return f;
}

struct dir *
image_dir (void)
{
  struct dir *d = dir_memory_create (".", "/vm");

  MUST (d != NULL);
  return d;
}

void
image_add (struct dir *d, const char *name, const struct image *i)
{
  MUST (dir_memory_add (d, name, i->data, i->size) == 0);
}

void
image_add_text (struct dir *d, const char *name, const char *text)
{
  MUST (dir_memory_add (d, name, text, strlen (text)) == 0);
}

struct disk *
image_disk_with (struct dir *dir, const char *name, struct disk_options options)
{
  struct file *f = dir_open_file (dir, name, false);

  MUST (f != NULL);
  if (options.places.n == 0) {
    options.places.dirs = &dir;
    options.places.n = 1;
  }
  if (options.cache_size == 0)
    options.cache_size = DISK_CACHE_SIZE;
  return disk_open (f, &options);
}

struct disk *
image_disk (struct dir *dir, const char *name)
{
  return image_disk_with (dir, name, (struct disk_options){ .cache_size = 0 });
}
