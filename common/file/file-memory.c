/* SPDX-License-Identifier: BSD-3-Clause */
/* Files and directories that exist only in memory, for tests and fuzzers. */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "checked-overflow.h"
#include "cleanup.h"
#include "file-memory.h"
#include "rounding.h"
#include "vector.h"

struct memory_file {
  struct file file;
  pthread_rwlock_t lock; /* for all below but READS */
  unsigned char *data;
  uint64_t room;   /* bytes there is memory for at data */
  uint64_t size;   /* bytes of data */
  uint64_t length; /* of the file; a hole from size on */
  int fail;
  int fail_change;
  unsigned fail_after; /* so many changes before FAIL_CHANGE holds */
  int fail_sync;
  unsigned reads; /* atomic */
  unsigned syncs;
};

static void
unlock (pthread_rwlock_t **lock)
{
  pthread_rwlock_unlock (*lock);
}

static pthread_rwlock_t *
lock_to_read (struct memory_file *m)
{
  pthread_rwlock_rdlock (&m->lock);
  return &m->lock;
}

static pthread_rwlock_t *
lock_to_write (struct memory_file *m)
{
  pthread_rwlock_wrlock (&m->lock);
  return &m->lock;
}

/* Hold the lock of M, by one of the functions above, until the scope ends. */
#define HOLD(how, m) \
  CLEANUP (unlock)   \
  pthread_rwlock_t *held __attribute__ ((__unused__)) = how (m)

static int64_t
memory_size (struct file *f)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_read, m);

  return m->length;
}

static int64_t
memory_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  struct memory_file *m = (struct memory_file *) f;
  uint64_t n, data;
  HOLD (lock_to_read, m);

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
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_read, m);

  if (offset < m->size || offset >= m->length)
    return offset;
  return min_u64 (m->length, limit);
}

static uint64_t
memory_data_end (struct file *f, uint64_t offset, uint64_t limit)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_read, m);

  return offset < m->size ? min_u64 (m->size, limit) : limit;
}

/* Is a change to fail?  -1 with errno set if so. */
static int
begin_change (struct memory_file *m)
{
  if (m->fail_change == 0)
    return 0;
  if (m->fail_after > 0) {
    m->fail_after--;
    return 0;
  }
  errno = m->fail_change;
  return -1;
}

/* Let all before END be data. */
static int
make_data (struct memory_file *m, uint64_t end)
{
  if (end > m->room) {
    uint64_t room = max_u64 (end, m->room * 2);
    unsigned char *data = realloc (m->data, room);

    if (data == NULL)
      return -1;
    m->data = data;
    m->room = room;
  }
  if (end > m->size) {
    memset (m->data + m->size, 0, end - m->size);
    m->size = end;
  }
  m->length = max_u64 (m->length, end);
  return 0;
}

static int
memory_pwrite (struct file *f, const struct file_part *parts, unsigned n,
               uint64_t offset)
{
  struct memory_file *m = (struct memory_file *) f;
  uint64_t end = offset;
  unsigned i;
  HOLD (lock_to_write, m);

  for (i = 0; i < n; ++i)
    if (add_overflow (end, parts[i].count, &end) || end > INT64_MAX) {
      errno = EFBIG;
      return -1;
    }
  if (begin_change (m) == -1 || make_data (m, end) == -1)
    return -1;
  for (i = 0; i < n; ++i) {
    if (parts[i].count > 0)
      memcpy (m->data + offset, parts[i].bytes, parts[i].count);
    offset += parts[i].count;
  }
  return 0;
}

static int
memory_zero (struct file *f, uint64_t offset, uint64_t count, bool punch)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  (void) punch;
  if (begin_change (m) == -1)
    return -1;
  if (offset < m->size)
    memset (m->data + offset, 0, min_u64 (count, m->size - offset));
  return 0;
}

static bool
memory_zero_is_fast (struct file *f, bool punch)
{
  (void) f;
  (void) punch;
  return true;
}

static int
memory_truncate (struct file *f, uint64_t size)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  if (begin_change (m) == -1)
    return -1;
  m->size = min_u64 (m->size, size);
  m->length = size;
  return 0;
}

static int
memory_sync (struct file *f)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  m->syncs++;
  if (m->fail_sync == 0)
    return 0;
  errno = m->fail_sync;
  return -1;
}

static void
memory_close (struct file *f)
{
  struct memory_file *m = (struct memory_file *) f;

  pthread_rwlock_destroy (&m->lock);
  free (m->data);
  file_fini (f);
  free (m);
}

static const struct file_ops memory_ops = {
  .size = memory_size,
  .pread = memory_pread,
  .hole_end = memory_hole_end,
  .data_end = memory_data_end,
  .pwrite = memory_pwrite,
  .zero = memory_zero,
  .zero_is_fast = memory_zero_is_fast,
  .truncate = memory_truncate,
  .sync = memory_sync,
  .close = memory_close,
};

struct file *
file_memory_create (const char *name, const void *data, size_t size,
                    uint64_t length, uint64_t inode)
{
  struct memory_file *m = calloc (1, sizeof *m);

  if (m == NULL)
    return NULL;
  pthread_rwlock_init (&m->lock, NULL);
  m->room = size ? size : 1;
  m->data = malloc (m->room);
  if (file_init (&m->file, &memory_ops, name) == -1 || m->data == NULL) {
    memory_close (&m->file);
    errno = ENOMEM;
    return NULL;
  }
  m->file.id.inode = inode;
  m->file.writable = true;
  if (size > 0)
    memcpy (m->data, data, size);
  m->size = size;
  m->length = max_u64 (size, length);
  return &m->file;
}

void
file_memory_fail_reads (struct file *f, int err)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  m->fail = err;
}

void
file_memory_fail_changes (struct file *f, unsigned after, int err)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  m->fail_after = after;
  m->fail_change = err;
}

void
file_memory_fail_syncs (struct file *f, int err)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_write, m);

  m->fail_sync = err;
}

unsigned
file_memory_syncs (struct file *f)
{
  struct memory_file *m = (struct memory_file *) f;
  HOLD (lock_to_read, m);

  return m->syncs;
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
memory_dir_open (struct dir *d, const char *path, bool writable)
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

    if (strcmp (e->path, path) == 0) {
      struct file *f = file_memory_create (path, e->data, e->size, 0, i + 1);

      if (f)
        f->writable = writable;
      return f;
    }
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
