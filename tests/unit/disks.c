/* SPDX-License-Identifier: BSD-3-Clause */
/* Small disks of every kind that is written to: see disks.h.
 *
 * Everything about a file is from vmdk-format.md 3.1, 4, 5.1 and 5.2, nothing
 * from the core.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks.h"
#include "image.h"
#include "make-stream.h"
#include "test.h"
#include "walk.h"

#define S 512

const char disk_cid_line[] = "CID=1a2b3c4d\n";
const char disk_unknown_lines[] = "somebodys.key = \"left  alone\"\n"
                                  "ddb.somebody = \"1a2b3c4d\"\n";

static const char *const kind_names[N_DISK_KINDS] = {
  [DISK_SPARSE] = "sparse",
  [DISK_SPARSE_PLAIN] = "sparse, one copy of tables",
  [DISK_SPARSE_NO_TABLES] = "sparse, absent tables",
  [DISK_SPLIT] = "split sparse child",
  [DISK_CHILD_OF_FLAT] = "sparse child of flat",
  [DISK_CHILD_OF_SPARSE] = "sparse child of sparse",
  [DISK_COWD] = "COWD",
  [DISK_COWD_NO_TABLES] = "COWD, absent tables",
  [DISK_FLAT] = "flat",
  [DISK_STREAM_EMPTY] = "stream-optimized, empty",
  [DISK_STREAM] = "stream-optimized",
  [DISK_STREAM_QEMU] = "stream-optimized by QEMU",
  [DISK_STREAM_CHILD_OF_FLAT] = "stream-optimized child of flat",
  [DISK_STREAM_CHILD_OF_SPARSE] = "stream-optimized child of sparse",
};

const char *
disk_kind_name (enum disk_kind kind)
{
  return kind_names[kind];
}

/* ---- descriptors ---- */

static int
descriptor (char *text, size_t room, const char *cid_line, const char *parent,
            const char *type, const char *extents)
{
  return snprintf (
    text, room,
    "# Disk DescriptorFile\nversion=1\n%s%s%s%s%s"
    "createType=\"%s\"\n\n# Extent description\n%s\n"
    "# The Disk Data Base \n#DDB\n\n"
    "ddb.longContentID = \"000102030405060708090a0b1a2b3c4d\"\n%s",
    cid_line, parent ? "parentCID=5e6f7a8b\n" : "parentCID=ffffffff\n",
    parent ? "parentFileNameHint=\"" : "", parent ? parent : "",
    parent ? "\"\n" : "", type, extents, disk_unknown_lines);
}

static void
put_text (struct host *h, const char *name, const char *cid_line,
          const char *parent, const char *type, const char *extents)
{
  char text[1024];
  int n = descriptor (text, sizeof text, cid_line, parent, type, extents);

  host_put (h, name, text, n);
}

/* ---- hosted sparse extents ---- */

struct layout {
  uint64_t capacity; /* sectors */
  uint64_t grain;
  bool redundant;
  bool absent_tables; /* every second one */
  unsigned keep;      /* grains with number % KEEP == 1 are there; 0: none */
  unsigned seed;      /* of their content */
  const char *cid_line, *parent, *name; /* NAME NULL: no descriptor */
};

#define GTES 128 /* a table is a sector */

/* What a directory entry says: the sector of table T, counted from FIRST. */
static uint32_t
table_at (const struct layout *l, uint64_t first, uint64_t t)
{
  return l->absent_tables && t % 2 == 1 ? 0 : first + t;
}

static bool
has_grain (const struct layout *l, uint64_t g)
{
  if (l->absent_tables && g / GTES % 2 == 1)
    return false;
  return l->keep > 0 && g % l->keep == 1;
}

/* Grain G is the N-th that is there: its data, its entries, its content. */
static void
put_grain (struct image *i, const struct layout *l, const struct hosted *h,
           uint64_t g, uint64_t n, unsigned char *content)
{
  const uint64_t at = h->overhead + n * l->grain;
  const uint64_t left = (l->capacity - g * l->grain) * S;
  uint64_t bytes = l->grain * S;

  image_put_pattern (i, at * S, bytes, l->seed + g);
  image_le32 (i, (h->gd_offset + 1) * S + 4 * g, at);
  if (l->redundant)
    image_le32 (i, (h->rgd_offset + 1) * S + 4 * g, at);
  if (bytes > left)
    bytes = left;
  memcpy (content + g * l->grain * S, i->data + at * S, bytes);
}

static void
put_directories (struct image *i, const struct layout *l,
                 const struct hosted *h, uint64_t tables)
{
  uint64_t t;

  for (t = 0; t < tables; ++t) {
    image_le32 (i, h->gd_offset * S + 4 * t, table_at (l, h->gd_offset + 1, t));
    if (l->redundant)
      image_le32 (i, h->rgd_offset * S + 4 * t,
                  table_at (l, h->rgd_offset + 1, t));
  }
}

/* Add the file; put what is in it into CONTENT. */
static void
add_sparse (struct host *host, const char *file, const struct layout *l,
            unsigned char *content)
{
  const uint64_t grains = (l->capacity + l->grain - 1) / l->grain;
  const uint64_t tables = (grains + GTES - 1) / GTES;
  struct hosted h = hosted_default;
  struct image i = { NULL, 0 };
  char text[1024], extent[64];
  uint64_t g, n = 0;

  h.capacity = l->capacity;
  h.grain_size = l->grain;
  h.gtes_per_gt = GTES;
  h.flags = l->redundant ? 3 : 1;
  h.descriptor_offset = l->name ? 1 : 0;
  h.descriptor_size = l->name ? 20 : 0;
  h.rgd_offset = l->redundant ? 1 + h.descriptor_size : 0;
  h.gd_offset = 1 + h.descriptor_size + (l->redundant ? 1 + tables : 0);
  h.overhead = (h.gd_offset + 1 + tables + l->grain - 1) / l->grain * l->grain;
  image_hosted (&i, 0, &h);
  image_room (&i, h.overhead * S);
  if (l->name) {
    snprintf (extent, sizeof extent, "RW %u SPARSE \"%s\"\n",
              (unsigned) l->capacity, l->name);
    descriptor (text, sizeof text, l->cid_line, l->parent, "monolithicSparse",
                extent);
    image_string (&i, S, text);
  }
  put_directories (&i, l, &h, tables);
  for (g = 0; g < grains; ++g)
    if (has_grain (l, g))
      put_grain (&i, l, &h, g, n++, content);
  host_put (host, file, i.data, i.size);
  image_free (&i);
}

/* ---- COWD extents ---- */

#define COWD_GTES  4096
#define COWD_TABLE (COWD_GTES * 4 / S) /* sectors */

/* With tables: every fifth sector is there. */
static void
add_cowd (struct host *host, const char *file, uint32_t capacity, bool tables,
          unsigned char *content)
{
  const uint32_t n_tables = (capacity + COWD_GTES - 1) / COWD_GTES;
  struct cowd c = { 1, 3, capacity, 1, 4, n_tables, 5 };
  struct image i = { NULL, 0 };
  uint32_t t, g;

  image_room (&i, 5 * S);
  for (t = 0; tables && t < n_tables; ++t) {
    image_le32 (&i, 4 * S + 4 * t, c.free_sector);
    c.free_sector += COWD_TABLE;
  }
  image_room (&i, (size_t) c.free_sector * S);
  for (g = 0; tables && g < capacity; g += 5) {
    image_put_pattern (&i, (size_t) c.free_sector * S, S, 100 + g);
    image_le32 (&i, 5 * S + 4 * g, c.free_sector);
    memcpy (content + (size_t) g * S, i.data + (size_t) c.free_sector * S, S);
    ++c.free_sector;
  }
  image_cowd (&i, &c);
  host_put (host, file, i.data, i.size);
  image_free (&i);
}

/* ---- the kinds ---- */

static const char parent_cid[] = "CID=5e6f7a8b\n";

static void
extent_line (char line[64], uint64_t capacity, const char *what)
{
  snprintf (line, 64, "RW %u %s\n", (unsigned) capacity, what);
}

static void
add_flat (struct host *h, const char *file, uint64_t size,
          unsigned char *content)
{
  image_pattern (content, size, 7);
  host_put (h, file, content, size);
}

static void
make_parent (struct test_disk *t, bool sparse, unsigned char *content)
{
  struct layout l = { .capacity = t->size / S,
                      .grain = 16,
                      .redundant = true,
                      .keep = 2,
                      .seed = 40,
                      .cid_line = parent_cid,
                      .name = "base.vmdk" };
  char extent[64];

  t->has_parent = true;
  if (sparse) {
    add_sparse (t->host, "base.vmdk", &l, content);
    return;
  }
  extent_line (extent, t->size / S, "FLAT \"base-flat.vmdk\" 0");
  put_text (t->host, "base.vmdk", parent_cid, NULL, "monolithicFlat", extent);
  add_flat (t->host, "base-flat.vmdk", t->size, content);
}

/* A child's own grains are put over the parent's, but its files come first. */
static void
reserve_files (struct test_disk *t, const char *a, const char *b)
{
  host_put (t->host, a, "", 0);
  if (b)
    host_put (t->host, b, "", 0);
  t->n_written = t->host->n_files;
}

static void
make_sparse (struct test_disk *t, unsigned char *content)
{
  const enum disk_kind k = t->kind;
  struct layout l = { .capacity = t->size / S,
                      .grain = k == DISK_SPARSE_PLAIN ? 32 : 8,
                      .redundant = k != DISK_SPARSE_PLAIN,
                      .absent_tables = k == DISK_SPARSE_NO_TABLES,
                      .keep = k == DISK_SPARSE_PLAIN ? 0 : 3,
                      .seed = 80,
                      .cid_line = disk_cid_line,
                      .name = "top.vmdk" };

  reserve_files (t, "top.vmdk", NULL);
  t->n_sparse = 1;
  t->descriptor_at = S;
  t->grain = l.grain * S;
  if (k == DISK_CHILD_OF_FLAT || k == DISK_CHILD_OF_SPARSE) {
    make_parent (t, k == DISK_CHILD_OF_SPARSE, content);
    l.parent = "base.vmdk";
  }
  add_sparse (t->host, "top.vmdk", &l, content);
}

/* The second extent begins in the middle of what would be a grain. */
static void
make_split (struct test_disk *t, unsigned char *content)
{
  struct layout a = {
    .capacity = 1028, .grain = 8, .redundant = true, .keep = 3, .seed = 80
  };
  struct layout b = { .capacity = t->size / S - a.capacity,
                      .grain = 16,
                      .redundant = true,
                      .keep = 4,
                      .seed = 90 };
  char extents[160];

  t->grain = 8 * S;
  t->n_sparse = 2;
  host_put (t->host, "top.vmdk", "", 0);
  reserve_files (t, "top-s001.vmdk", "top-s002.vmdk");
  make_parent (t, false, content);
  snprintf (extents, sizeof extents,
            "RW %u SPARSE \"top-s001.vmdk\"\nRW %u SPARSE \"top-s002.vmdk\"\n",
            (unsigned) a.capacity, (unsigned) b.capacity);
  put_text (t->host, "top.vmdk", disk_cid_line, "base.vmdk",
            "twoGbMaxExtentSparse", extents);
  add_sparse (t->host, "top-s001.vmdk", &a, content);
  add_sparse (t->host, "top-s002.vmdk", &b, content + a.capacity * S);
}

static void
make_cowd (struct test_disk *t, unsigned char *content)
{
  char extent[64];

  t->grain = S;
  t->n_sparse = 1;
  reserve_files (t, "top.vmdk", "top-delta.vmdk");
  make_parent (t, false, content);
  extent_line (extent, t->size / S, "VMFSSPARSE \"top-delta.vmdk\"");
  put_text (t->host, "top.vmdk", disk_cid_line, "base.vmdk", "vmfsSparse",
            extent);
  add_cowd (t->host, "top-delta.vmdk", t->size / S, t->kind == DISK_COWD,
            content);
}

static void
make_flat (struct test_disk *t, unsigned char *content)
{
  char extent[64];

  t->grain = 8 * S;
  extent_line (extent, t->size / S, "FLAT \"top-flat.vmdk\" 0");
  put_text (t->host, "top.vmdk", disk_cid_line, NULL, "monolithicFlat", extent);
  add_flat (t->host, "top-flat.vmdk", t->size, content);
  t->n_written = t->host->n_files;
}

/* Of each way to close one there is a kind, though tests may choose another. */
static enum stream_close
usual_close (enum disk_kind kind)
{
  return kind == DISK_STREAM_QEMU ? STREAM_CLOSE_CANONICAL
         : kind == DISK_STREAM || kind == DISK_STREAM_CHILD_OF_FLAT
           ? STREAM_CLOSE_FAST
           : STREAM_CLOSE_AUTO;
}

static void
make_stream_disk (struct test_disk *t, unsigned char *content)
{
  const enum disk_kind k = t->kind;
  const bool empty = k == DISK_STREAM_EMPTY || k == DISK_STREAM_CHILD_OF_FLAT;
  struct stream_layout l = {
    .capacity = t->size / S,
    .grain = k == DISK_STREAM_CHILD_OF_SPARSE ? 16 : 8,
    .in_front = k == DISK_STREAM_QEMU,
    .front = empty ? 128 : 24,
    .keep = empty ? 0 : 3,
    .gap = k == DISK_STREAM,
    .seed = 80,
  };
  struct image i = { NULL, 0 };
  char text[1024], extent[64];

  reserve_files (t, "top.vmdk", NULL);
  t->n_sparse = 1;
  t->descriptor_at = S;
  t->grain = l.grain * S;
  t->cache_size = 64 << 10;
  t->stream_close = usual_close (k);
  if (k == DISK_STREAM_CHILD_OF_FLAT || k == DISK_STREAM_CHILD_OF_SPARSE)
    make_parent (t, k == DISK_STREAM_CHILD_OF_SPARSE, content);
  extent_line (extent, l.capacity, "SPARSE \"top.vmdk\"");
  descriptor (text, sizeof text, disk_cid_line,
              t->has_parent ? "base.vmdk" : NULL, "streamOptimized", extent);
  make_stream (&i, &l, text, content);
  host_put (t->host, "top.vmdk", i.data, i.size);
  image_free (&i);
}

static void
start (struct test_disk *t)
{
  t->n_files = t->host->n_files;
  host_start_log (t->host);
}

void
test_disk_make (struct test_disk *t, enum disk_kind kind)
{
  unsigned char *content;

  /* What is as big as a disk is soon needed again. */
  mallopt (M_MMAP_THRESHOLD, 8 << 20);
  mallopt (M_TRIM_THRESHOLD, 64 << 20);
  memset (t, 0, sizeof *t);
  t->kind = kind;
  t->cache_size = DISK_MIN_CACHE_SIZE;
  t->host = host_create ();
  t->dir = host_dir (t->host);
  t->size = 2100 * S; /* a bit over two tables; no multiple of a grain */
  if (kind == DISK_COWD || kind == DISK_COWD_NO_TABLES)
    t->size = 4200 * S; /* two tables */
  content = calloc (1, t->size);
  MUST (content != NULL);
  if (kind == DISK_SPLIT)
    make_split (t, content);
  else if (kind == DISK_COWD || kind == DISK_COWD_NO_TABLES)
    make_cowd (t, content);
  else if (kind == DISK_FLAT)
    make_flat (t, content);
  else if (is_stream (kind))
    make_stream_disk (t, content);
  else
    make_sparse (t, content);
  model_init (&t->model, content, t->size);
  free (content);
  start (t);
}

void
test_disk_make_from (struct test_disk *t, const struct test_disk *t0,
                     const struct host *left, const unsigned char *content)
{
  unsigned i;

  *t = *t0;
  t->disk = NULL;
  t->around = NULL;
  t->host = host_create ();
  t->dir = host_dir (t->host);
  for (i = 0; i < left->n_files; ++i)
    host_put (t->host, left->files[i].name, left->files[i].bytes,
              left->files[i].size);
  model_init (&t->model, content, t->size);
  start (t);
}

void
test_disk_free (struct test_disk *t)
{
  MUST (t->disk == NULL);
  model_free (&t->model);
  dir_close (t->dir);
  host_free (t->host);
}

/* ---- opening ---- */

struct disk *
test_disk_open_on (const struct test_disk *t, struct dir *dir, bool writable)
{
  struct disk_options options = { .places = { &dir, 1 },
                                  .cache_size = t->cache_size,
                                  .stream_close = t->stream_close,
                                  .writable = writable };
  struct file *f = dir_open_file (dir, "top.vmdk", writable);

  return f ? disk_open (f, &options) : NULL;
}

bool
test_disk_open (struct test_disk *t, bool writable)
{
  t->disk = test_disk_open_on (t, t->dir, writable);
  if (t->disk == NULL)
    return false;
  return !writable || disk_start_writing (t->disk) == 1;
}

int
test_disk_close (struct test_disk *t)
{
  int r = disk_close (t->disk);

  t->disk = NULL;
  if (r == 0)
    model_durable (&t->model, t->model.n, t->host->n_log);
  else
    model_doubt (&t->model);
  return r;
}

/* ---- requests ---- */

static size_t
begin (struct test_disk *t, uint64_t offset, uint32_t count)
{
  MUST (offset + count <= t->size);
  t->busy_from = offset;
  t->busy_to = offset + count;
  if (t->around)
    t->around (t, true);
  return t->host->n_log;
}

static int
end (struct test_disk *t, int r)
{
  const int saved = errno;

  if (t->around)
    t->around (t, false);
  errno = saved;
  return r;
}

/* The model is told of it after the fact, but with the time when it began. */
static int
note (struct test_disk *t, uint64_t offset, uint32_t count, const void *bytes,
      unsigned flags, size_t began, int r)
{
  const int saved = errno;

  model_add (&t->model, offset, count, bytes, began, r == -1,
             r == 0 && (flags & DISK_SYNC) ? t->host->n_log : MODEL_NEVER);
  errno = saved;
  return r;
}

static int
write_bytes (struct test_disk *t, uint64_t offset, uint32_t count,
             const unsigned char *bytes, unsigned flags)
{
  const size_t began = begin (t, offset, count);
  const int r = end (t, disk_pwrite (t->disk, bytes, count, offset, flags));

  return note (t, offset, count, bytes, flags, began, r);
}

int
test_disk_write (struct test_disk *t, uint64_t offset, uint32_t count,
                 unsigned flags)
{
  unsigned char *bytes = malloc (count + 1);
  uint32_t i;
  int r, saved;

  MUST (bytes != NULL);
  ++t->serial;
  for (i = 0; i < count; ++i)
    bytes[i] =
      1 + (t->serial * 89 + (offset + i) * 13 + (offset + i) / S * 7) % 255;
  if (is_stream (t->kind) && t->serial % 4 != 0)
    stream_noise (bytes, count, t->serial);
  r = write_bytes (t, offset, count, bytes, flags);
  saved = errno;
  free (bytes);
  errno = saved;
  return r;
}

int
test_disk_write_zeroes (struct test_disk *t, uint64_t offset, uint32_t count)
{
  unsigned char *bytes = calloc (1, count + 1);
  int r;

  MUST (bytes != NULL);
  r = write_bytes (t, offset, count, bytes, 0);
  free (bytes);
  return r;
}

int
test_disk_zero (struct test_disk *t, uint64_t offset, uint32_t count,
                unsigned flags)
{
  const size_t began = begin (t, offset, count);
  const int r = end (t, disk_zero (t->disk, count, offset, flags));

  return note (t, offset, count, NULL, flags, began, r);
}

int
test_disk_flush (struct test_disk *t)
{
  const size_t n = t->model.n;
  int r;

  begin (t, 0, 0);
  r = end (t, disk_flush (t->disk));
  if (r == 0)
    model_durable (&t->model, n, t->host->n_log);
  return r;
}

/* Offsets near a few places, so that requests meet; whole grains often. */
int
test_disk_random_request (struct test_disk *t)
{
  const uint64_t grains = t->size / t->grain;
  uint64_t offset = test_random () % 3 * (grains / 3) + test_random () % 10;
  uint64_t count = 1 + test_random () % 6;
  const unsigned action = test_random () % 16;

  offset *= t->grain;
  count *= t->grain;
  if (test_random () % 2) {
    offset += test_random () % t->grain;
    count -= test_random () % t->grain;
  }
  if (test_random () % 8 == 0) /* the end, which is inside of a grain */
    offset = t->size - count;
  if (offset + count > t->size)
    count = t->size - offset;
  if (action < 8)
    return test_disk_write (t, offset, count, action == 0 ? DISK_SYNC : 0);
  if (action < 12)
    return test_disk_zero (t, offset, count, action == 8 ? 0 : DISK_FREE);
  if (action == 12)
    return test_disk_zero (t, offset, count, DISK_FREE | DISK_SYNC);
  if (action == 13)
    return test_disk_write_zeroes (t, offset, count);
  return test_disk_flush (t);
}

/* ---- checks ---- */

int
test_disk_read (const struct test_disk *t, struct disk *disk, void *buf)
{
  uint64_t at, n;

  for (at = 0; at < t->size; at += n) {
    n = 1 + test_random () % (256 << 10);
    if (n > t->size - at)
      n = t->size - at;
    if (disk_pread (disk, (char *) buf + at, n, at) == -1)
      return -1;
  }
  return 0;
}

void
test_disk_check_content (struct test_disk *t)
{
  unsigned char *bytes = malloc (t->size);
  uint64_t wrong;
  struct view v;

  MUST (bytes != NULL);
  view_init (&v, &t->model);
  view_move (&v, MODEL_NEVER);
  CHECK_INT (test_disk_read (t, t->disk, bytes), 0);
  wrong = view_check (&v, MODEL_NEVER, bytes);
  CHECK_INT (wrong, t->size);
  if (wrong < t->size)
    fprintf (stderr, "%s, request %zu: byte %" PRIu64 " is %02x, was %02x\n",
             disk_kind_name (t->kind), t->model.n, wrong, bytes[wrong],
             v.bytes[wrong]);
  view_free (&v);
  free (bytes);
}

const char *
test_disk_walk (const struct test_disk *t, const struct host *host, bool closed)
{
  const char *bad = NULL;
  unsigned i;

  for (i = t->n_written - t->n_sparse; !bad && i < t->n_written; ++i) {
    const struct host_file *f = &host->files[i];

    bad = walk_extent (f->bytes, f->size, closed);
    if (!bad && closed && is_stream (t->kind) &&
        t->stream_close != STREAM_CLOSE_FAST)
      bad = walk_canonical_stream (f->bytes, f->size);
  }
  return bad;
}
