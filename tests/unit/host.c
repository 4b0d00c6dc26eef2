/* SPDX-License-Identifier: BSD-3-Clause */
/* A host that exists only in memory: see host.h. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "host.h"
#include "test.h"

struct opened {
  struct file file;
  struct host *host;
  unsigned number; /* of the file in the log */
};

static struct host_file *
file_of (struct opened *o)
{
  unsigned i;

  for (i = 0; o->host->files[i].file != o->number; ++i)
    MUST (i + 1 < HOST_MAX_FILES);
  return &o->host->files[i];
}

/* ---- bytes that threads share ----
 *
 * As with a real host, nothing tells threads apart that use the same bytes at
 * the same time, and nothing orders those that do not.
 */

typedef uint64_t __attribute__ ((__may_alias__)) word;

static bool
word_at (const unsigned char *p, size_t n)
{
  return n >= sizeof (word) && (uintptr_t) p % sizeof (word) == 0;
}

static void
bytes_get (unsigned char *to, const unsigned char *shared, size_t n)
{
  while (n > 0) {
    word w;
    size_t k = 1;

    if (word_at (shared, n)) {
      k = sizeof w;
      w = __atomic_load_n ((const word *) (const void *) shared,
                           __ATOMIC_RELAXED);
      memcpy (to, &w, k);
    }
    else
      *to = __atomic_load_n (shared, __ATOMIC_RELAXED);
    to += k;
    shared += k;
    n -= k;
  }
}

/* FROM may be NULL: zeroes. */
static void
bytes_put (unsigned char *shared, const unsigned char *from, size_t n)
{
  while (n > 0) {
    word w = 0;
    size_t k = 1;

    if (word_at (shared, n)) {
      k = sizeof w;
      if (from)
        memcpy (&w, from, k);
      __atomic_store_n ((word *) (void *) shared, w, __ATOMIC_RELAXED);
    }
    else
      __atomic_store_n (shared, from ? *from : 0, __ATOMIC_RELAXED);
    if (from)
      from += k;
    shared += k;
    n -= k;
  }
}

static uint64_t
size_now (const struct host_file *f)
{
  return __atomic_load_n (&f->size, __ATOMIC_RELAXED);
}

static void
raise_to (uint64_t *number, uint64_t to)
{
  uint64_t now = __atomic_load_n (number, __ATOMIC_RELAXED);

  while (now < to &&
         !__atomic_compare_exchange_n (number, &now, to, true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED))
    ;
}

/* ---- faults ---- */

static bool
is_faulty (struct host *h, enum host_operation operation)
{
  const struct host_fault *f = &h->fault;
  uint64_t n;

  if (f->nth == 0 || !(f->operations & 1U << operation))
    return false;
  n = __atomic_add_fetch (&h->counted, 1, __ATOMIC_RELAXED);
  if (n < f->nth || (n > f->nth && !f->for_good))
    return false;
  __atomic_add_fetch (&h->faults, 1, __ATOMIC_RELAXED);
  h->last_fault = operation;
  errno = f->err;
  return true;
}

void
host_set_fault (struct host *h, struct host_fault fault)
{
  h->fault = fault;
  h->counted = 0;
  h->faults = 0;
}

/* ---- room ---- */

/* May a file have SIZE bytes?  If not, errno is set. */
static bool
has_room (struct host *h, uint64_t size)
{
  if (size <= h->room)
    return true;
  __atomic_add_fetch (&h->refused, 1, __ATOMIC_RELAXED);
  errno = ENOSPC;
  return false;
}

/* ---- the log ---- */

static void
lock_log (struct host *h)
{
  if (h->keeps_log)
    pthread_mutex_lock (&h->lock);
}

static void
unlock_log (struct host *h)
{
  if (h->keeps_log)
    pthread_mutex_unlock (&h->lock);
}

static void
log_append (struct host *h, struct host_change c)
{
  if (h->n_log == h->log_room) {
    h->log_room = 2 * h->log_room + 64;
    h->log = realloc (h->log, h->log_room * sizeof *h->log);
    MUST (h->log != NULL);
  }
  h->log[h->n_log++] = c;
}

/* Under the lock, after the change. */
static void
log_change (struct opened *o, enum host_operation operation, uint64_t offset,
            uint64_t count)
{
  struct host_change c = {
    .operation = operation, .file = o->number, .offset = offset, .count = count
  };

  if (!o->host->keeps_log)
    return;
  if (operation == HOST_WRITE) {
    c.bytes = malloc (count + 1);
    MUST (c.bytes != NULL);
    memcpy (c.bytes, file_of (o)->bytes + offset, count);
  }
  log_append (o->host, c);
}

static void
log_forget (struct host *h)
{
  size_t i;

  for (i = 0; i < h->n_log; ++i)
    free (h->log[i].bytes);
  free (h->log);
  h->log = NULL;
  h->n_log = h->log_room = 0;
}

void
host_start_log (struct host *h)
{
  unsigned i;

  log_forget (h);
  h->keeps_log = true;
  for (i = 0; i < h->n_files; ++i) {
    struct host_file *f = &h->files[i];

    free (TAKE (f->old_bytes));
    if (f->name == NULL)
      continue;
    f->old_file = f->file;
    f->old_bytes = calloc (1, f->size + 1);
    MUST (f->old_bytes != NULL);
    memcpy (f->old_bytes, f->bytes, f->size);
    f->old_size = f->size;
  }
}

/* ---- operations ---- */

static void
call_meanwhile (struct host *h)
{
  if (h->meanwhile)
    h->meanwhile (h);
}

static int64_t
opened_size (struct file *f)
{
  return size_now (file_of ((struct opened *) f));
}

static int64_t
opened_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  struct opened *o = (struct opened *) f;
  uint64_t size;

  if (is_faulty (o->host, HOST_READ))
    return -1;
  if (o->host->before_read)
    o->host->before_read (offset, count);
  lock_log (o->host);
  size = size_now (file_of (o));
  if (offset >= size)
    count = 0;
  else if (count > size - offset)
    count = size - offset;
  bytes_get (buf, file_of (o)->bytes + offset, count);
  unlock_log (o->host);
  return count;
}

/* Write up to ROOM bytes of the parts; returns how many it were. */
static uint64_t
put_parts (struct opened *o, const struct file_part *parts, unsigned n,
           uint64_t offset, uint64_t room)
{
  struct host_file *f = file_of (o);
  uint64_t done = 0, k;
  unsigned i;

  for (i = 0; i < n; ++i) {
    k = parts[i].count < room - done ? parts[i].count : room - done;
    bytes_put (f->bytes + offset + done, parts[i].bytes, k);
    done += k;
  }
  if (done > 0) {
    raise_to (&f->written, offset + done);
    raise_to (&f->size, offset + done);
    log_change (o, HOST_WRITE, offset, done);
  }
  return done;
}

static int
opened_pwrite (struct file *f, const struct file_part *parts, unsigned n,
               uint64_t offset)
{
  struct opened *o = (struct opened *) f;
  const bool faulty = is_faulty (o->host, HOST_WRITE);
  uint64_t total = 0;
  unsigned i;

  MUST (f->writable);
  call_meanwhile (o->host);
  for (i = 0; i < n; ++i)
    total += parts[i].count;
  if (!faulty && !has_room (o->host, offset + total))
    return -1;
  if (faulty)
    total = o->host->fault.half ? total / 2 : 0;
  lock_log (o->host);
  put_parts (o, parts, n, offset, total);
  unlock_log (o->host);
  if (!faulty)
    return 0;
  errno = o->host->fault.err;
  return -1;
}

static int
opened_zero (struct file *f, uint64_t offset, uint64_t count, bool punch)
{
  struct opened *o = (struct opened *) f;

  (void) punch;
  MUST (f->writable);
  if (is_faulty (o->host, HOST_ZERO))
    return -1;
  lock_log (o->host);
  MUST (offset + count <= size_now (file_of (o)));
  bytes_put (file_of (o)->bytes + offset, NULL, count);
  log_change (o, HOST_ZERO, offset, count);
  unlock_log (o->host);
  return 0;
}

static int
opened_truncate (struct file *f, uint64_t size)
{
  struct opened *o = (struct opened *) f;
  struct host_file *file = file_of (o);
  uint64_t written;

  MUST (f->writable);
  if (is_faulty (o->host, HOST_TRUNCATE))
    return -1;
  if (!has_room (o->host, size))
    return -1;
  lock_log (o->host);
  written = __atomic_load_n (&file->written, __ATOMIC_RELAXED);
  if (size < written)
    bytes_put (file->bytes + size, NULL, written - size);
  __atomic_store_n (&file->size, size, __ATOMIC_RELAXED);
  log_change (o, HOST_TRUNCATE, 0, size);
  unlock_log (o->host);
  return 0;
}

static int
opened_sync (struct file *f)
{
  struct opened *o = (struct opened *) f;

  MUST (f->writable);
  call_meanwhile (o->host);
  if (is_faulty (o->host, HOST_SYNC))
    return -1;
  lock_log (o->host);
  log_change (o, HOST_SYNC, 0, 0);
  unlock_log (o->host);
  call_meanwhile (o->host);
  return 0;
}

static int
opened_check (struct file *f)
{
  return is_faulty (((struct opened *) f)->host, HOST_CHECK) ? -1 : 0;
}

static int
opened_lock (struct file *f, enum file_lock lock)
{
  if (lock == FILE_LOCK_WRITE)
    file_of ((struct opened *) f)->locked_for_writing = true;
  return 0;
}

/* ---- making and opening ---- */

static const struct file_ops opened_ops;

/* An empty file, which may be where one was that is gone. */
static void
make_file (struct host *h, unsigned place, const char *name)
{
  struct host_file *f = &h->files[place];

  if (place < h->n_files)
    memset (f->bytes, 0, f->written);
  else {
    ++h->n_files;
    f->bytes = calloc (1, h->room);
    MUST (f->bytes != NULL);
    f->file = place;
  }
  f->size = f->written = 0;
  f->opened_for_writing = 0;
  f->locked_for_writing = false;
  f->name = name ? strdup (name) : NULL;
  MUST (!name == !f->name);
}

static struct file *
open_place (struct host *h, unsigned place, const char *name, bool writable)
{
  struct opened *o = calloc (1, sizeof *o);

  MUST (o != NULL);
  o->file.ops = &opened_ops;
  o->file.name = strdup (name);
  MUST (o->file.name != NULL);
  o->host = h;
  o->number = h->files[place].file;
  o->file.id = (struct file_id){ 1, o->number + 1 };
  o->file.writable = writable;
  h->files[place].opens++;
  h->files[place].opened_for_writing += writable;
  return &o->file;
}

/* ---- new files that replace others ---- */

/* Room for a file of which nothing is known yet; what nobody can come to any
 * more is used again.
 */
static unsigned
find_room (const struct host *h)
{
  unsigned i;

  for (i = 0; i < h->n_files; ++i)
    if (h->files[i].name == NULL && h->files[i].opens == 0 && !h->keeps_log)
      break;
  MUST (i < HOST_MAX_FILES);
  return i;
}

static struct file *
opened_create_beside (struct file *f)
{
  struct host *h = ((struct opened *) f)->host;
  unsigned place;
  struct file *by;

  if (is_faulty (h, HOST_CREATE))
    return NULL;
  lock_log (h);
  place = find_room (h);
  make_file (h, place, NULL);
  h->files[place].locked_for_writing =
    file_of ((struct opened *) f)->locked_for_writing;
  by = open_place (h, place, f->name, true);
  log_change ((struct opened *) by, HOST_CREATE, 0, 0);
  unlock_log (h);
  return by;
}

/* All but the names change places. */
static void
exchange (struct host_file *a, struct host_file *b)
{
  const struct host_file old = *a;

  a->file = b->file;
  a->opens = b->opens;
  a->bytes = b->bytes;
  a->size = b->size;
  a->written = b->written;
  b->file = old.file;
  b->opens = old.opens;
  b->bytes = old.bytes;
  b->size = old.size;
  b->written = old.written;
}

static int
opened_replace (struct file *f, struct file *by)
{
  struct opened *new = (struct opened *) by;
  struct host *h = new->host;
  struct host_file *to = file_of ((struct opened *) f), *from = file_of (new);

  MUST (to->name != NULL && from->name == NULL);
  if (is_faulty (h, HOST_RENAME))
    return -1;
  lock_log (h);
  exchange (to, from);
  if (h->keeps_log)
    log_append (h, (struct host_change){ .operation = HOST_RENAME,
                                         .file = new->number,
                                         .name = to - h->files });
  unlock_log (h);
  if (is_faulty (h, HOST_SYNC_NAMES))
    return 1;
  lock_log (h);
  log_change (new, HOST_SYNC_NAMES, 0, 0);
  unlock_log (h);
  return 0;
}

static void
opened_discard (struct file *by)
{
  MUST (file_of ((struct opened *) by)->name == NULL);
}

static void
opened_close (struct file *f)
{
  file_of ((struct opened *) f)->opens--;
  free (f->name);
  free (f);
}

static const struct file_ops opened_ops = {
  .size = opened_size,
  .pread = opened_pread,
  .pwrite = opened_pwrite,
  .zero = opened_zero,
  .truncate = opened_truncate,
  .sync = opened_sync,
  .check = opened_check,
  .lock = opened_lock,
  .create_beside = opened_create_beside,
  .replace = opened_replace,
  .discard = opened_discard,
  .close = opened_close,
};

/* ---- files ---- */

static unsigned
find (const struct host *h, const char *name)
{
  unsigned i;

  for (i = 0; i < h->n_files; ++i)
    if (h->files[i].name && strcmp (h->files[i].name, name) == 0)
      break;
  return i;
}

struct file *
host_open (struct host *h, const char *name, bool writable)
{
  unsigned place = find (h, name);

  if (place < h->n_files)
    return open_place (h, place, name, writable);
  errno = ENOENT;
  return NULL;
}

unsigned
host_put (struct host *h, const char *name, const void *bytes, uint64_t size)
{
  unsigned place = find (h, name);
  struct host_file *f = &h->files[place];

  MUST (place < HOST_MAX_FILES && size <= h->room);
  if (place == h->n_files)
    make_file (h, place, name);
  if (size > 0)
    memcpy (f->bytes, bytes, size);
  if (size < f->written)
    memset (f->bytes + size, 0, f->written - size);
  f->size = f->written = size;
  return place;
}

struct host *
host_create (void)
{
  struct host *h = calloc (1, sizeof *h);

  MUST (h != NULL);
  h->room = HOST_ROOM;
  pthread_mutex_init (&h->lock, NULL);
  return h;
}

void
host_free (struct host *h)
{
  unsigned i;

  log_forget (h);
  for (i = 0; i < h->n_files; ++i) {
    free (h->files[i].name);
    free (h->files[i].bytes);
    free (h->files[i].old_bytes);
  }
  pthread_mutex_destroy (&h->lock);
  free (h);
}

/* ---- the directory ---- */

struct directory {
  struct dir dir;
  struct host *host;
};

static struct file *
directory_open (struct dir *d, const char *path, bool writable)
{
  while (strncmp (path, "./", 2) == 0)
    path += 2;
  return host_open (((struct directory *) d)->host, path, writable);
}

static void
directory_close (struct dir *d)
{
  free (d->name);
  free (d);
}

static const struct dir_ops directory_ops = {
  .open = directory_open,
  .close = directory_close,
};

struct dir *
host_dir (struct host *h)
{
  struct directory *d = calloc (1, sizeof *d);

  MUST (d != NULL);
  d->dir.ops = &directory_ops;
  d->dir.name = strdup (".");
  MUST (d->dir.name != NULL);
  d->host = h;
  return &d->dir;
}
