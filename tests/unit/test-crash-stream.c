/* SPDX-License-Identifier: BSD-3-Clause */
/* Power failures at every moment of writing to a stream-optimized disk: see
 * explore.h and test-crash.c.
 *
 * The disks are small, and so is what they may hold in memory, so that a script
 * comes to checkpoints and to reused space; what it came to is counted in the
 * host's log, and has to be more than nothing.
 *
 * VMDK_CRASH_SEEDS=N tries N random scripts for each kind of disk, and
 * VMDK_CRASH_EVERY=N every N-th state only.
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disks.h"
#include "explore.h"
#include "make-stream.h"
#include "stream-events.h"
#include "test.h"
#include "walk.h"

#define SEEDS  3  /* random scripts for each kind of disk */
#define LENGTH 32 /* requests of one */

static const enum stream_close closes[] = { STREAM_CLOSE_AUTO,
                                            STREAM_CLOSE_CANONICAL,
                                            STREAM_CLOSE_FAST };

/* ---- running ---- */

struct way {
  enum disk_kind kind;
  enum stream_close close;
  size_t cache_size; /* 0: the usual one */
  bool others;       /* requests come in between */
};

static struct stream_events all_events;

static const struct explore_effort effort = { .losses = 2, .again = 50 };

static void begin_others (struct test_disk *t);

static struct stream_events
run (struct way way, const char *what, void (*script) (struct test_disk *))
{
  const char *damage;
  struct stream_events events;
  struct test_disk t;

  test_disk_make (&t, way.kind);
  t.stream_close = way.close;
  if (way.cache_size)
    t.cache_size = way.cache_size;
  if (way.others)
    begin_others (&t);
  MUST (test_disk_open (&t, true));
  script (&t);
  test_disk_check_content (&t);
  t.around = NULL;
  t.host->meanwhile = NULL;
  CHECK_INT (test_disk_close (&t), 0);
  CHECK_SILENT ();
  damage = test_disk_walk (&t, t.host, true);
  CHECK_STRING (damage ? damage : "", "");
  events = stream_events (&t);
  all_events.checkpoints += events.checkpoints;
  all_events.reused += events.reused;
  all_events.orders += events.orders;
  all_events.replaced += events.replaced;
  explore (&t, what, &effort);
  test_disk_free (&t);
  return events;
}

#define EXPLORE_WITH(script, kind, close, cache_size) \
  run ((struct way){ kind, close, cache_size, false }, #script, script)
#define EXPLORE(script, kind, close) EXPLORE_WITH (script, kind, close, 0)

/* ---- scripts ---- */

/* As a copy would come, but in threads: nearly in order. */
static void
fill (struct test_disk *t)
{
  const uint32_t g = t->grain;
  unsigned i;

  for (i = 0; i < 20; i += 2) {
    test_disk_write (t, (6 * i + 3) * g, 3 * g, 0);
    test_disk_write (t, (6 * i) * g, 3 * g, 0);
    if (i % 6 == 0)
      test_disk_flush (t);
  }
  test_disk_write (t, t->size - 1000, 1000, 0);
}

/* The same grains over and over. */
static void
churn (struct test_disk *t)
{
  const uint32_t g = t->grain;
  unsigned i;

  for (i = 0; i < 50; ++i) {
    test_disk_write (t, i * 7 % 12 * g, (1 + i % 3) * g, 0);
    if (i % 5 == 3)
      test_disk_write (t, (90 + i) * g, g, i % 2 ? DISK_SYNC : 0);
    if (i % 4 == 2)
      test_disk_flush (t);
  }
}

/* Give grains up and take them again, before and after flushes. */
static void
trim (struct test_disk *t)
{
  const uint32_t g = t->grain;
  unsigned i;

  for (i = 0; i < 10; ++i) {
    test_disk_write (t, 3 * i * g, 5 * g, 0);
    if (i % 2)
      test_disk_flush (t);
    test_disk_zero (t, 3 * i * g, 2 * g, DISK_FREE);
    if (i % 3 == 0)
      test_disk_flush (t);
    test_disk_zero (t, 3 * i * g + g / 2, 2 * g, DISK_FREE);
    test_disk_write (t, (3 * i + 1) * g, g, i % 4 == 3 ? DISK_SYNC : 0);
    test_disk_zero (t, (120 - i) * g, g, i % 2 ? DISK_FREE : 0);
  }
  test_disk_write (t, 0, 4 * g, 0);
}

/* Parts of grains that are here, below, or nowhere. */
static void
write_parts (struct test_disk *t)
{
  const uint32_t g = t->grain;
  unsigned i;

  for (i = 0; i < 12; ++i) {
    test_disk_write (t, (5 * i) * g + 100 * i, g / 3, 0);
    test_disk_write (t, (5 * i + 2) * g - g / 4, g / 2, 0);
    if (i % 3 == 1)
      test_disk_flush (t);
    test_disk_write_zeroes (t, 5 * i * g, g / 4);
    test_disk_write (t, 9 * g + i * g / 4, g / 4, i == 7 ? DISK_SYNC : 0);
  }
  test_disk_write (t, t->size - 3, 3, 0);
}

/* Then nothing is left. */
static void
write_and_forget (struct test_disk *t)
{
  const uint32_t g = t->grain;

  test_disk_write (t, 10 * g, 9 * g, 0);
  test_disk_flush (t);
  test_disk_zero (t, 0, t->size, DISK_FREE);
}

static void
write_at_random (struct test_disk *t)
{
  unsigned i;

  for (i = 0; i < LENGTH; ++i)
    CHECK_INT (test_disk_random_request (t), 0);
}

/* ---- requests that come while others wait for the host ----
 *
 * Before the host does a write, and before and after a sync, another thread
 * sends requests to other grains, of late ones if possible, and the host goes
 * on when these have ended, or after a while: they may have to wait for it.
 */

#define WHILE_NS 1000000
#define MAX_SENT 5 /* at once */

static struct {
  struct test_disk *t;
  bool request;      /* one of the script is under way */
  uint64_t from, to; /* grains that it is about */
  uint64_t grain;    /* that the others are about */
  bool planned;      /* they do what PLAN says, once, and nothing else */
  const char *plan;  /* NULL: nothing */
  unsigned skip;     /* so many times they leave the host alone before */
  bool running;      /* there is a thread to be joined */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t end;
  bool ended;                /* guarded by the lock */
  unsigned long n, n_waited; /* how many, and who had to wait */
} others = { .lock = PTHREAD_MUTEX_INITIALIZER,
             .end = PTHREAD_COND_INITIALIZER };

static __thread bool is_other;

/* Letters say what: write, part of it, zero, flush. */
static void
send_one (struct test_disk *t, char what)
{
  const uint64_t at = others.grain * t->grain;

  switch (what) {
  case 'w': test_disk_write (t, at, t->grain, 0); break;
  case 'p': test_disk_write (t, at + 7, t->grain / 2, 0); break;
  case 'z': test_disk_zero (t, at, t->grain, DISK_FREE); break;
  default: test_disk_flush (t);
  }
}

static void *
send_others (void *arg)
{
  unsigned n = 1 + test_random () % MAX_SENT;

  (void) arg;
  is_other = true;
  if (others.planned)
    for (; *others.plan; ++others.plan)
      send_one (others.t, *others.plan);
  else
    for (; n > 0; --n)
      send_one (others.t, "wwwzzzpf"[test_random () % 8]);
  pthread_mutex_lock (&others.lock);
  others.ended = true;
  pthread_cond_signal (&others.end);
  pthread_mutex_unlock (&others.lock);
  return NULL;
}

static void
wait_for_others (void)
{
  struct timespec until;
  int r = 0;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_nsec += WHILE_NS;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock (&others.lock);
  while (!others.ended && r == 0)
    r = pthread_cond_timedwait (&others.end, &others.lock, &until);
  others.n_waited += !others.ended;
  pthread_mutex_unlock (&others.lock);
}

/* A whole grain that was written to of late. */
static bool
choose_grain (struct test_disk *t)
{
  const struct model_request *r;

  if (t->model.n == 0)
    return false;
  r = &t->model.requests[t->model.n - 1 - test_random () % t->model.n % 6];
  others.grain = (r->offset + test_random () % r->count) / t->grain;
  return (others.grain + 1) * t->grain <= t->size &&
         (others.grain < others.from || others.grain >= others.to);
}

static void
send_meanwhile (struct host *h)
{
  (void) h;
  if (is_other || !others.request || others.running)
    return;
  if (others.planned && others.skip > 0) {
    others.skip--;
    return;
  }
  if (others.planned ? others.plan == NULL
                     : !choose_grain (others.t) || test_random () % 3 == 0)
    return;
  others.ended = false;
  others.running = true;
  others.n++;
  MUST (pthread_create (&others.thread, NULL, send_others, NULL) == 0);
  wait_for_others ();
}

static void
around_request (struct test_disk *t, bool before)
{
  if (is_other)
    return;
  others.request = before;
  others.from = t->busy_from / t->grain;
  others.to = (t->busy_to + t->grain - 1) / t->grain;
  if (before || !others.running)
    return;
  pthread_join (others.thread, NULL);
  others.running = false;
  others.plan = NULL;
}

static void
begin_others (struct test_disk *t)
{
  others.t = t;
  others.planned = false;
  t->around = around_request;
  t->host->meanwhile = send_meanwhile;
}

/* What others do to a grain while a flush is on its way with it, and at which
 * of the flush's moments.
 */
static const char *const plans[] = { "wz", "z",   "www", "p",
                                     "zw", "wwz", "zpw", "wwp" };

#define PLANS   (sizeof plans / sizeof plans[0])
#define MOMENTS 6

/* The N-th of all that can happen; and the grain had been flushed before, or
 * given up since, or not.
 */
static void
overtake_one (struct test_disk *t, unsigned n)
{
  const uint64_t grain = 2 + n % 29 * 3;

  test_disk_write (t, (grain - 1) * t->grain, 3 * t->grain, 0);
  if (n % 3 > 0)
    test_disk_flush (t);
  if (n % 3 == 1)
    test_disk_zero (t, grain * t->grain, t->grain, 0);
  else if (n % 3 == 2)
    test_disk_write (t, grain * t->grain, t->grain, 0);
  others.grain = grain;
  others.plan = plans[n / 3 % PLANS];
  others.skip = n / 3 / PLANS % MOMENTS;
  test_disk_flush (t);
  others.plan = NULL;
  if (n % 2 == 0)
    test_disk_flush (t);
}

/* One after the other, so that there is space to be reused. */
static void
overtake (struct test_disk *t)
{
  unsigned n;

  others.planned = true;
  for (n = 0; n < 3 * PLANS * MOMENTS; n += 2)
    overtake_one (t, n);
}

/* On a disk of its own, where all goes to the end. */
static unsigned which_overtake;

static void
overtake_once (struct test_disk *t)
{
  others.planned = true;
  overtake_one (t, which_overtake);
  test_disk_flush (t);
}

/* ---- a request that a checkpoint comes in the middle of ----
 *
 * New requests wait for a checkpoint, but those that are under way go on.
 */

static struct {
  enum { NOT_YET, READING, GOES_ON, ENDED } state; /* guarded by the lock */
  pthread_mutex_t lock;
  pthread_cond_t change;
} middle = { .lock = PTHREAD_MUTEX_INITIALIZER,
             .change = PTHREAD_COND_INITIALIZER };

static void
middle_set (int state)
{
  pthread_mutex_lock (&middle.lock);
  middle.state = state;
  pthread_cond_broadcast (&middle.change);
  pthread_mutex_unlock (&middle.lock);
}

static void
middle_wait (int state)
{
  pthread_mutex_lock (&middle.lock);
  while ((int) middle.state < state)
    pthread_cond_wait (&middle.change, &middle.lock);
  pthread_mutex_unlock (&middle.lock);
}

/* The second half of a grain, which is read for that, and later whole ones; or
 * a grain of a child, for which the parent is asked, which has nothing there.
 */
static void *
zero_slowly (void *arg)
{
  struct test_disk *t = arg;
  const uint64_t at = 40 * t->grain + (t->has_parent ? 0 : t->grain / 2);
  const uint64_t end = (t->has_parent ? 41 : 44) * t->grain;

  is_other = true;
  CHECK_INT (test_disk_zero (t, at, end - at, DISK_FREE), 0);
  middle_set (ENDED);
  return NULL;
}

static void
wait_in_read (uint64_t offset, size_t count)
{
  (void) offset;
  (void) count;
  if (!is_other || middle.state != NOT_YET)
    return;
  middle_set (READING);
  middle_wait (GOES_ON);
}

/* The tables of a checkpoint have just been written, and are about to be
 * synced: nothing else begins with a table.
 */
static void
go_on_in_checkpoint (struct host *h)
{
  const struct host_change *c = h->n_log ? &h->log[h->n_log - 1] : NULL;

  if (is_other || middle.state != READING || c == NULL ||
      c->operation != HOST_WRITE || c->bytes[8] != 0 || c->bytes[12] != 1)
    return;
  middle_set (GOES_ON);
  middle_wait (ENDED);
}

/* Of the other requests none but the first is in the range of its table. */
static void
change_in_checkpoint (struct test_disk *t)
{
  const uint64_t last = t->size / t->grain / STREAM_GTES * STREAM_GTES;
  pthread_t thread;
  unsigned i;

  middle.state = NOT_YET;
  t->host->before_read = wait_in_read;
  t->host->meanwhile = go_on_in_checkpoint;
  test_disk_write (t, 0, 4 * t->grain, 0);
  test_disk_flush (t);
  MUST (pthread_create (&thread, NULL, zero_slowly, t) == 0);
  middle_wait (READING);
  for (i = 0; i < 100 && middle.state != ENDED; ++i) {
    test_disk_write (t, last * t->grain, 3 * t->grain, 0);
    test_disk_flush (t);
  }
  CHECK_INT (middle.state, ENDED);
  middle_set (GOES_ON); /* if there was no checkpoint */
  pthread_join (thread, NULL);
  test_disk_check_content (t);
  test_disk_write (t, last * t->grain, 3 * t->grain, 0);
  test_disk_flush (t);
  t->host->before_read = NULL;
}

/* ---- threads that have grains of their own ---- */

#define THREADS  3
#define REQUESTS 30 /* of each */

static struct test_disk *threads_disk;
static pthread_mutex_t model_lock = PTHREAD_MUTEX_INITIALIZER;

static void
note_request (uint64_t at, uint64_t count, const void *bytes, size_t began)
{
  pthread_mutex_lock (&model_lock);
  model_add (&threads_disk->model, at, count, bytes, began, false, MODEL_NEVER);
  pthread_mutex_unlock (&model_lock);
}

/* All that had ended before is durable then. */
static void
flush_in_thread (struct test_disk *t)
{
  size_t n;

  pthread_mutex_lock (&model_lock);
  n = t->model.n;
  pthread_mutex_unlock (&model_lock);
  CHECK_INT (disk_flush (t->disk), 0);
  pthread_mutex_lock (&model_lock);
  model_durable (&t->model, n, t->host->n_log);
  pthread_mutex_unlock (&model_lock);
}

static void *
send_many (void *arg)
{
  struct test_disk *t = threads_disk;
  const unsigned who = (uintptr_t) arg;
  unsigned char bytes[5 * 4096];
  unsigned i;

  for (i = 0; i < REQUESTS; ++i) {
    const uint64_t grain = 40 * who + i * 7 % 11;
    const bool part = i % 6 == 5;
    const uint64_t at = grain * t->grain + (part ? 100 : 0);
    const uint32_t n = part ? 1000 : (1 + i % 5) * t->grain;
    const size_t began = __atomic_load_n (&t->host->n_log, __ATOMIC_RELAXED);

    stream_noise (bytes, n, who * 1000 + i + 1);
    if (i % 3 == 2) {
      CHECK_INT (disk_zero (t->disk, n, at, DISK_FREE), 0);
      note_request (at, n, NULL, began);
    }
    else {
      CHECK_INT (disk_pwrite (t->disk, bytes, n, at, 0), 0);
      note_request (at, n, bytes, began);
    }
    if ((i + 3 * who) % 10 == 9)
      flush_in_thread (t);
  }
  return NULL;
}

static void
linger (struct host *h)
{
  (void) h;
  usleep (200);
}

static void
write_in_threads (struct test_disk *t)
{
  pthread_t threads[THREADS];
  unsigned i;

  threads_disk = t;
  t->host->meanwhile = linger;
  for (i = 0; i < THREADS; ++i)
    MUST (pthread_create (&threads[i], NULL, send_many,
                          (void *) (uintptr_t) i) == 0);
  for (i = 0; i < THREADS; ++i)
    pthread_join (threads[i], NULL);
}

/* ---- tests ---- */

/* Fails if the last table, the directory or the footer comes too late, or if
 * what is in order is moved.
 */
static void
what_comes_in_order_is_closed_in_place (void)
{
  struct stream_events e;
  unsigned k;

  for (k = 0; k < 3; ++k) {
    e = EXPLORE_WITH (fill, DISK_STREAM_EMPTY, closes[k], 512 << 10);
    CHECK_INT (e.replaced, 0);
    CHECK_INT (e.checkpoints, 0);
    CHECK_INT (e.orders, 0);
  }
}

/* Fails if a new file takes the place of the old one before it is durable. */
static void
what_does_not_is_moved_or_closed_fast (void)
{
  CHECK_INT (EXPLORE (churn, DISK_STREAM_EMPTY, STREAM_CLOSE_AUTO).replaced, 1);
  CHECK_INT (EXPLORE (fill, DISK_STREAM, STREAM_CLOSE_CANONICAL).replaced, 1);
  CHECK_INT (EXPLORE (fill, DISK_STREAM_QEMU, STREAM_CLOSE_AUTO).replaced, 1);
  CHECK_INT (EXPLORE (fill, DISK_STREAM_EMPTY, STREAM_CLOSE_FAST).replaced, 0);
  CHECK_INT (EXPLORE (fill, DISK_STREAM_QEMU, STREAM_CLOSE_FAST).replaced, 0);
}

/* Fails if a checkpoint counts before it is durable, if what the log or the
 * checkpoint refers to is overwritten, or if an order mark comes before the
 * grain.
 */
static void
space_is_reused_and_nothing_is_lost (void)
{
  static const enum disk_kind kinds[] = { DISK_STREAM_EMPTY, DISK_STREAM,
                                          DISK_STREAM_QEMU,
                                          DISK_STREAM_CHILD_OF_FLAT };
  struct stream_events e;
  unsigned k;

  for (k = 0; k < 4; ++k) {
    e = EXPLORE_WITH (churn, kinds[k], closes[k % 3], (k % 2 ? 64 : 16) << 10);
    CHECK (e.checkpoints > 0);
    CHECK (e.reused > 20);
    CHECK (e.orders > 10);
  }
}

/* Fails if a grain that was dropped comes back from the log. */
static void
what_is_gone_stays_away (void)
{
  CHECK (EXPLORE (trim, DISK_STREAM_EMPTY, STREAM_CLOSE_FAST).orders > 2);
  CHECK (EXPLORE (trim, DISK_STREAM, STREAM_CLOSE_AUTO).orders > 2);
  CHECK (EXPLORE (trim, DISK_STREAM_QEMU, STREAM_CLOSE_CANONICAL).orders > 2);
  EXPLORE (trim, DISK_STREAM_CHILD_OF_FLAT, STREAM_CLOSE_FAST);
  EXPLORE (trim, DISK_STREAM_CHILD_OF_SPARSE, STREAM_CLOSE_CANONICAL);
  EXPLORE (write_and_forget, DISK_STREAM_EMPTY, STREAM_CLOSE_AUTO);
  EXPLORE (write_and_forget, DISK_STREAM_QEMU, STREAM_CLOSE_FAST);
}

static void
parts_of_grains_leave_the_rest (void)
{
  EXPLORE (write_parts, DISK_STREAM_EMPTY, STREAM_CLOSE_AUTO);
  EXPLORE (write_parts, DISK_STREAM, STREAM_CLOSE_FAST);
  EXPLORE_WITH (write_parts, DISK_STREAM_QEMU, STREAM_CLOSE_CANONICAL, 8 << 10);
  EXPLORE (write_parts, DISK_STREAM_CHILD_OF_SPARSE, STREAM_CLOSE_FAST);
}

/* Fails if the disk goes on after a failed sync, or if what was written then
 * counts after a crash.
 */
static bool
try_failed_sync (enum disk_kind kind, unsigned nth)
{
  struct test_disk t;
  bool failed;
  int closed;

  test_disk_make (&t, kind);
  t.stream_close = STREAM_CLOSE_FAST;
  t.cache_size = 16 << 10;
  MUST (test_disk_open (&t, true));
  host_set_fault (t.host, (struct host_fault){ .operations = 1 << HOST_SYNC,
                                               .nth = nth,
                                               .err = EIO });
  test_disk_write (&t, 100, 30000, 0);
  test_disk_flush (&t);
  test_disk_write (&t, 20000, 30000, 0);
  test_disk_flush (&t);
  test_disk_zero (&t, 0, 8192, DISK_FREE);
  test_disk_write (&t, 10000, 30000, 0);
  test_disk_flush (&t);
  failed = t.host->faults > 0;
  if (failed) {
    const size_t before = t.host->n_log;

    errno = 0;
    CHECK_INT (test_disk_write (&t, 5000, 100, 0), -1);
    CHECK_INT (errno, EIO);
    CHECK_INT (test_disk_zero (&t, 5000, 8000, 0), -1);
    CHECK_INT (test_disk_flush (&t), -1);
    CHECK_INT (t.host->n_log, before);
    test_disk_check_content (&t);
  }
  closed = test_disk_close (&t);
  failed = t.host->faults > 0;
  CHECK_INT (closed, failed ? -1 : 0);
  explore (&t, "a sync fails", &effort);
  reports_forget ();
  test_disk_free (&t);
  return failed;
}

static void
a_failed_sync_ends_writing_and_not_reading (void)
{
  unsigned nth;

  for (nth = 1; try_failed_sync (DISK_STREAM_EMPTY, nth); ++nth)
    ;
  for (nth = 1; try_failed_sync (DISK_STREAM_CHILD_OF_FLAT, nth); ++nth)
    ;
}

static unsigned
seeds (void)
{
  const char *text = getenv ("VMDK_CRASH_SEEDS");

  return text ? strtoul (text, NULL, 10) : SEEDS;
}

static void
random_scripts_survive (void)
{
  static const size_t sizes[] = { 8 << 10, 32 << 10, 64 << 10, 256 << 10 };
  unsigned seed, kind;
  char what[60];

  for (seed = 1; seed <= seeds (); ++seed)
    for (kind = DISK_STREAM_EMPTY; kind < N_DISK_KINDS; ++kind) {
      struct way way = { .kind = kind,
                         .close = closes[(seed + kind) % 3],
                         .cache_size = sizes[seed % 4] };

      snprintf (what, sizeof what, "random script %u", seed);
      test_random_seed (seed);
      run (way, what, write_at_random);
    }
}

/* Fails if a grain that is replaced or given up on its way to the file is not
 * what it was when the flush began, or comes back later.
 */
static void
a_grain_that_changes_on_its_way_survives (void)
{
  struct way way = { DISK_STREAM, STREAM_CLOSE_FAST, 8 << 10, true };

  run (way, "overtake", overtake);
  way.cache_size = 1 << 20;
  run (way, "overtake", overtake);
  way.kind = DISK_STREAM_EMPTY;
  for (which_overtake = 0; which_overtake < 3 * PLANS * MOMENTS;
       ++which_overtake) {
    way.cache_size = 8 << 10;
    run (way, "overtake once", overtake_once);
    if (which_overtake / 3 / PLANS > 2) /* then nothing is written before */
      continue;
    way.cache_size = 1 << 20;
    run (way, "overtake once", overtake_once);
  }
}

/* Fails if a request that overtakes another in the middle of its way to the
 * file is undone by it after a crash.
 */
static void
requests_at_the_same_time_survive (void)
{
  static const size_t sizes[] = { 1 << 20, 32 << 10, 8 << 10 };
  unsigned seed, kind;
  char what[60];

  for (seed = 1; seed <= seeds (); ++seed)
    for (kind = DISK_STREAM_EMPTY; kind < N_DISK_KINDS; ++kind) {
      struct way way = { .kind = kind,
                         .close = closes[(seed + kind) % 3],
                         .cache_size = sizes[seed % 3],
                         .others = true };

      snprintf (what, sizeof what, "random script %u, and others", seed);
      test_random_seed (seed);
      run (way, what, write_at_random);
    }
  CHECK (others.n > 10 * seeds ());
}

/* Fails if a table that changes after it was written for a checkpoint, and
 * before that ends, is taken for the one in the file, or if such a change needs
 * no order mark any more.
 */
static void
what_changes_during_a_checkpoint_survives (void)
{
  static const enum disk_kind kinds[] = { DISK_STREAM, DISK_STREAM_QEMU,
                                          DISK_STREAM_CHILD_OF_SPARSE };
  struct stream_events e;
  unsigned k;

  for (k = 0; k < 3; ++k) {
    e = EXPLORE (change_in_checkpoint, kinds[k], STREAM_CLOSE_FAST);
    CHECK (e.checkpoints > 0);
  }
}

/* The same, as it happens. */
static void
requests_of_many_threads_survive (void)
{
  struct stream_events e = { 0 };
  unsigned k;

  for (k = 0; k < 4; ++k) {
    e = EXPLORE_WITH (write_in_threads, k % 2 ? DISK_STREAM : DISK_STREAM_EMPTY,
                      closes[k % 3], 16 << 10);
    CHECK (e.checkpoints > 0);
    CHECK (e.reused > 0);
  }
}

int
main (void)
{
  RUN (what_comes_in_order_is_closed_in_place);
  RUN (what_does_not_is_moved_or_closed_fast);
  RUN (space_is_reused_and_nothing_is_lost);
  RUN (what_is_gone_stays_away);
  RUN (parts_of_grains_leave_the_rest);
  RUN (a_failed_sync_ends_writing_and_not_reading);
  RUN (random_scripts_survive);
  RUN (a_grain_that_changes_on_its_way_survives);
  RUN (requests_at_the_same_time_survive);
  RUN (what_changes_during_a_checkpoint_survives);
  RUN (requests_of_many_threads_survive);
  printf ("%lu crash points, %lu images, %lu written to again\n",
          explore_count.points, explore_count.images, explore_count.again);
  printf ("%u checkpoints, %u grains in reused space, %u order marks, "
          "%u files replaced\n",
          all_events.checkpoints, all_events.reused, all_events.orders,
          all_events.replaced);
  printf ("%lu requests came in between, of which %lu had to wait\n", others.n,
          others.n_waited);
  return test_result ();
}
