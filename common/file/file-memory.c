/* SPDX-License-Identifier: BSD-3-Clause */
/* Files and directories that exist only in memory, for tests and fuzzers. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file-memory.h"
#include "quote.h"
#include "rounding.h"
#include "vector.h"

struct memory_file {
  struct file file;
  unsigned char *data;
  uint64_t size;   /* bytes of data */
  uint64_t length; /* of the file; a hole from size on */
  int fail;
  unsigned reads;
};

static int64_t
memory_size (struct file *f)
{
  return ((struct memory_file *) f)->length;
}

static int64_t
memory_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  struct memory_file *m = (struct memory_file *) f;
  uint64_t n, data;

  __atomic_fetch_add (&m->reads, 1, __ATOMIC_RELAXED);
  if (m->fail) {
    errno = m->fail;
    return -1;
  }
  if (offset >= m->length)
    return 0;
  n = min_u64 (count, m->length - offset);
  data = offset < m->size ? min_u64 (n, m->size - offset) : 0;
  if (data > 0)
    memcpy (buf, m->data + offset, data);
  memset ((char *) buf + data, 0, n - data);
  return n;
}

static uint64_t
memory_hole_end (struct file *f, uint64_t offset, uint64_t limit)
{
  const struct memory_file *m = (struct memory_file *) f;

  if (offset < m->size || offset >= m->length)
    return offset;
  return min_u64 (m->length, limit);
}

static uint64_t
memory_data_end (struct file *f, uint64_t offset, uint64_t limit)
{
  const struct memory_file *m = (struct memory_file *) f;

  return offset < m->size ? min_u64 (m->size, limit) : limit;
}

static void
memory_close (struct file *f)
{
  struct memory_file *m = (struct memory_file *) f;

  free (m->data);
  free (f->name);
  free (m);
}

static const struct file_ops memory_ops = {
  .size = memory_size,
  .pread = memory_pread,
  .hole_end = memory_hole_end,
  .data_end = memory_data_end,
  .close = memory_close,
};

struct file *
file_memory_create (const char *name, const void *data, size_t size,
                    uint64_t length, uint64_t inode)
{
  struct memory_file *m = calloc (1, sizeof *m);

  if (m == NULL)
    return NULL;
  m->file.ops = &memory_ops;
  m->file.name = quote (name);
  m->file.id.inode = inode;
  m->data = malloc (size ? size : 1);
  if (m->file.name == NULL || m->data == NULL) {
    memory_close (&m->file);
    return NULL;
  }
  if (size > 0)
    memcpy (m->data, data, size);
  m->size = size;
  m->length = max_u64 (size, length);
  return &m->file;
}

void
file_memory_fail_reads (struct file *f, int err)
{
  ((struct memory_file *) f)->fail = err;
}

unsigned
file_memory_reads (struct file *f)
{
  return ((struct memory_file *) f)->reads;
}

struct entry {
  char *path;
  unsigned char *data;
  size_t size;
};

DEFINE_VECTOR (entry_vector, struct entry);

struct memory_dir {
  struct dir dir;
  entry_vector entries;
};

static struct file *
memory_dir_open (struct dir *d, const char *path)
{
  const struct memory_dir *m = (struct memory_dir *) d;
  size_t i;

  if (strncmp (path, "../", 3) == 0 || path[0] == '/') {
    errno = EXDEV;
    return NULL;
  }
  while (strncmp (path, "./", 2) == 0)
    path += 2;
  for (i = 0; i < m->entries.count; ++i) {
    const struct entry *e = &m->entries.items[i];

    if (strcmp (e->path, path) == 0)
      return file_memory_create (path, e->data, e->size, 0, i + 1);
  }
  errno = ENOENT;
  return NULL;
}

static void
memory_dir_close (struct dir *d)
{
  struct memory_dir *m = (struct memory_dir *) d;
  size_t i;

  for (i = 0; i < m->entries.count; ++i) {
    free (m->entries.items[i].path);
    free (m->entries.items[i].data);
  }
  free (m->entries.items);
  free (d->name);
  free (d->path);
  free (m);
}

static const struct dir_ops memory_dir_ops = {
  .open = memory_dir_open,
  .close = memory_dir_close,
};

struct dir *
dir_memory_create (const char *name, const char *path)
{
  struct memory_dir *m = calloc (1, sizeof *m);

  if (m == NULL)
    return NULL;
  m->dir.ops = &memory_dir_ops;
  m->dir.name = strdup (name);
  m->dir.path = path ? strdup (path) : NULL;
  if (m->dir.name == NULL || (path && m->dir.path == NULL)) {
    memory_dir_close (&m->dir);
    return NULL;
  }
  return &m->dir;
}

int
dir_memory_add (struct dir *d, const char *path, const void *data, size_t size)
{
  struct entry e = { strdup (path), malloc (size ? size : 1), size };

  if (e.path == NULL || e.data == NULL ||
      entry_vector_append (&((struct memory_dir *) d)->entries, e) == -1) {
    free (e.path);
    free (e.data);
    return -1;
  }
  if (size > 0)
    memcpy (e.data, data, size);
  return 0;
}
