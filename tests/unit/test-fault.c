/* SPDX-License-Identifier: BSD-3-Clause */
/* The host fails: the n-th change of a file, or allocation of memory, of a
 * script, for every n.
 *
 * The request that meets it fails with that errno and one message, and nothing
 * else is damaged: all other bytes read as before, later requests are served
 * (but after a failed sync nothing more is written), and what was flushed is
 * there when the disk is opened again.
 *
 * VMDK_FAULT_EVERY=N tries every N-th n only.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "disks.h"
#include "failing-alloc.h"
#include "stream-events.h"
#include "test.h"
#include "walk.h"

/* ---- the script ---- */

struct step {
  enum { WRITE, ZERO, FLUSH } what;
  unsigned grain, grains, skip; /* SKIP: bytes at both ends */
  unsigned flags;
};

struct script {
  const struct step *steps;
  unsigned n;
  size_t cache_size; /* 0: the usual one */
};

/* New grains, parts of grains, overwriting, zeroes, and reuse. */
static const struct step usual_steps[] = {
  { WRITE, 5, 1, 100, 0 },         { WRITE, 6, 4, 0, 0 },
  { FLUSH, 0, 0, 0, 0 },           { WRITE, 7, 3, 10, 0 },
  { ZERO, 8, 2, 0, DISK_FREE },    { ZERO, 3, 3, 70, 0 },
  { WRITE, 16, 2, 33, DISK_SYNC }, { WRITE, 25, 3, 0, 0 },
  { FLUSH, 0, 0, 0, 0 },           { ZERO, 25, 3, 0, DISK_FREE },
  { FLUSH, 0, 0, 0, 0 },           { WRITE, 20, 3, 0, 0 },
  { WRITE, 8, 1, 20, 0 },
};

/* Of a stream-optimized disk: until there is a checkpoint, and then more. */
static const struct step stream_steps[] = {
  { WRITE, 0, 6, 0, 0 },         { FLUSH, 0, 0, 0, 0 },
  { WRITE, 1, 4, 0, 0 },         { WRITE, 150, 2, 0, DISK_SYNC },
  { ZERO, 2, 2, 50, DISK_FREE }, { WRITE, 1, 5, 9, DISK_SYNC },
  { WRITE, 0, 6, 0, 0 },         { FLUSH, 0, 0, 0, 0 },
  { WRITE, 3, 5, 0, DISK_SYNC }, { ZERO, 3, 2, 0, DISK_FREE },
  { WRITE, 2, 4, 0, 0 },         { FLUSH, 0, 0, 0, 0 },
  { WRITE, 0, 2, 0, 0 },
};

#define STEPS(steps) (sizeof (steps) / sizeof (steps)[0])

static const struct script usual_script = { usual_steps, STEPS (usual_steps),
                                            0 };
static const struct script stream_script = { stream_steps, STEPS (stream_steps),
                                             16 << 10 };
static const struct script *script = &usual_script;
static struct stream_events last_events; /* of a script's run */

/* The disk is big enough for its last third to be another table's. */
static int
take_step (struct test_disk *t, const struct step *s)
{
  const uint64_t offset = (uint64_t) s->grain * t->grain + s->skip;
  const uint32_t count = s->grains * t->grain - 2 * s->skip;

  switch (s->what) {
  case WRITE: return test_disk_write (t, offset, count, s->flags);
  case ZERO: return test_disk_zero (t, offset, count, s->flags);
  default: return test_disk_flush (t);
  }
}

/* ---- one run with one fault ---- */

struct attempt {
  struct test_disk t;
  struct host_fault fault;
  bool sync_failed;
};

static void
attempt_fails (const struct attempt *a, const char *what)
{
  fprintf (stderr, "%s: operation %u fails with %s%s%s: %s\n%s%s",
           disk_kind_name (a->t.kind), (unsigned) a->fault.nth,
           strerror (a->fault.err),
           a->fault.for_good ? ", as all after it" : "",
           a->fault.half ? ", half done" : "", what, errors (), warnings ());
  CHECK (!"the fault harms only the request that meets it");
}

/* Giving space back is a favour; a request does not fail for it.  What one copy
 * of a table does not say, the other may.  And of two files that hold the same,
 * either may have the name.
 */
static bool
may_be_ignored (enum host_operation operation)
{
  return operation == HOST_ZERO || operation == HOST_TRUNCATE ||
         operation == HOST_READ || operation == HOST_SYNC_NAMES;
}

/* Where no better file could be made of a stream-optimized disk, it is as good
 * as closed in the other way; that is said, after why.
 */
static bool
is_closed_otherwise (const struct attempt *a, int r)
{
  return is_stream (a->t.kind) && a->t.stream_close != STREAM_CLOSE_FAST &&
         r == 0 && n_errors () <= 1 && n_warnings () == 1 &&
         strstr (warnings (), "closed as with stream-close=fast") != NULL;
}

/* A request returned R; FAULTS of its operations failed. */
static void
check_result (struct attempt *a, int r, int error, unsigned faults)
{
  const struct host *h = a->t.host;

  if (faults > 0 && r == 0 && !may_be_ignored (h->last_fault))
    attempt_fails (a, "the request succeeds");
  else if (faults > 0 && r == -1 && error != a->fault.err)
    attempt_fails (a, strerror (error));
  else if (faults == 0 && r == -1 && !a->sync_failed)
    attempt_fails (a, "another request fails");
  else if (faults == 0 && r == 0 && a->sync_failed)
    attempt_fails (a, "a request succeeds after a failed sync");
  else if (faults == 0 && r == -1 && error != EIO)
    attempt_fails (a, "refused with another errno than EIO");
  if (n_errors () != (r == -1))
    attempt_fails (a, "not one message");
  if (faults > 0 && h->last_fault == HOST_SYNC)
    a->sync_failed = true;
}

static void
run_script (struct attempt *a)
{
  unsigned i, before;
  int r, error;

  for (i = 0; i < script->n; ++i) {
    before = a->t.host->faults;
    reports_forget ();
    errno = 0;
    r = take_step (&a->t, &script->steps[i]);
    error = errno;
    check_result (a, r, error, a->t.host->faults - before);
    if (a->t.host->faults > before)
      test_disk_check_content (&a->t);
  }
  test_disk_check_content (&a->t);
}

/* What a host in trouble lost is gone, and the disk is opened again. */
static void
check_after_crash (struct attempt *a)
{
  struct crash *c = crash_begin (a->t.host);
  struct host *left = host_create ();
  struct dir *dir = host_dir (left);
  unsigned char *bytes = malloc (a->t.size);
  const char *damage;
  struct disk *disk;
  struct view v;

  MUST (bytes != NULL);
  while (crash_next (c))
    ;
  crash_image (c, CRASH_LOSE_ALL, left);
  view_init (&v, &a->t.model);
  view_move (&v, a->t.host->n_log);
  damage = test_disk_walk (&a->t, left, false);
  if (damage)
    attempt_fails (a, damage);
  disk = test_disk_open_on (&a->t, dir, false);
  if (disk == NULL || test_disk_read (&a->t, disk, bytes) == -1)
    attempt_fails (a, "it cannot be read after a crash");
  else if (view_check (&v, a->t.host->n_log + 1, bytes) < a->t.size)
    attempt_fails (a, "what was flushed is not there after a crash");
  disk_close (disk);
  view_free (&v);
  free (bytes);
  dir_close (dir);
  host_free (left);
  crash_end (c);
}

/* After the host has come to its senses.  If CLOSED failed, the copies of the
 * tables may differ; such a disk is not written to, but read.
 */
static void
check_reopened (struct attempt *a, int closed)
{
  const char *damage;
  bool writable;

  reports_forget ();
  host_set_fault (a->t.host, (struct host_fault){ .nth = 0 });
  damage = test_disk_walk (&a->t, a->t.host, false);
  if (damage)
    attempt_fails (a, damage);
  writable = test_disk_open (&a->t, true);
  MUST (a->t.disk != NULL);
  test_disk_check_content (&a->t);
  if (!writable && (closed == 0 || strstr (warnings (), "damaged") == NULL))
    attempt_fails (a, "it cannot be written to when opened again");
  if (writable) {
    if (test_disk_write (&a->t, a->t.grain - 9, 2 * a->t.grain, 0) == -1)
      attempt_fails (a, "it cannot be written to when opened again");
    test_disk_check_content (&a->t);
  }
  if (test_disk_close (&a->t) == -1)
    attempt_fails (a, "it cannot be closed when opened again");
  damage = test_disk_walk (&a->t, a->t.host, writable);
  if (damage)
    attempt_fails (a, damage);
}

static void (*read_around) (struct test_disk *t, bool before);

/* Returns false if the script has no such operation. */
static bool
try_fault (enum disk_kind kind, struct host_fault fault)
{
  struct attempt a = { .fault = fault };
  unsigned before;
  int r;

  test_disk_make (&a.t, kind);
  if (script->cache_size)
    a.t.cache_size = script->cache_size;
  MUST (test_disk_open (&a.t, true));
  host_set_fault (a.t.host, fault);
  a.t.around = read_around;
  if (read_around)
    read_around (&a.t, false);
  run_script (&a);
  reports_forget ();
  before = a.t.host->faults;
  r = test_disk_close (&a.t);
  if (a.t.host->faults > before && r == 0 &&
      !may_be_ignored (a.t.host->last_fault) && !is_closed_otherwise (&a, r))
    attempt_fails (&a, "it is closed as if nothing had happened");
  if (n_errors () != (r == -1) && !is_closed_otherwise (&a, r))
    attempt_fails (&a, "not one message of closing");
  before = a.t.host->faults;
  last_events = stream_events (&a.t);
  check_after_crash (&a);
  check_reopened (&a, r);
  test_disk_free (&a.t);
  return before > 0;
}

/* From one n to the next; each kind of disk and each step begin elsewhere. */
static unsigned stride = 1;

static unsigned
first_nth (void)
{
  static unsigned turn;

  return 1 + turn++ % stride;
}

/* Until the script has no n-th operation any more. */
static void
try_each (enum disk_kind kind, struct host_fault fault)
{
  for (fault.nth = first_nth (); try_fault (kind, fault); fault.nth += stride)
    ;
}

static void
try_all (struct host_fault fault)
{
  enum disk_kind kind;

  for (kind = 0; kind < N_DISK_KINDS; ++kind)
    try_each (kind, fault);
}

/* ---- tests ---- */

static void
a_change_that_fails_harms_only_its_request (void)
{
  try_all ((struct host_fault){ .operations = HOST_CHANGES, .err = EIO });
}

/* The relatives of ENOSPC take the same way, so they need not take all. */
static void
a_host_that_is_full_harms_only_the_request (void)
{
  struct host_fault fault = { .operations =
                                1 << HOST_WRITE | 1 << HOST_TRUNCATE,
                              .err = ENOSPC };

  try_all (fault);
  fault.err = EDQUOT;
  try_each (DISK_CHILD_OF_SPARSE, fault);
  try_each (DISK_FLAT, fault);
  fault.err = EFBIG;
  try_each (DISK_SPARSE, fault);
  try_each (DISK_COWD_NO_TABLES, fault);
}

static void
half_a_write_harms_only_its_request (void)
{
  try_all ((struct host_fault){
    .operations = 1 << HOST_WRITE, .err = ENOSPC, .half = true });
}

/* The last run, without a fault, has to come to it. */
static void
a_fault_around_a_checkpoint_harms_only_its_request (void)
{
  static const enum disk_kind kinds[] = { DISK_STREAM_EMPTY,
                                          DISK_STREAM_CHILD_OF_FLAT };
  unsigned k;

  script = &stream_script;
  for (k = 0; k < 2; ++k) {
    try_each (kinds[k],
              (struct host_fault){ .operations = HOST_CHANGES, .err = EDQUOT });
    CHECK (last_events.checkpoints > 0);
    CHECK (last_events.reused > 0);
    CHECK (last_events.orders > 0);
    try_each (kinds[k], (struct host_fault){ .operations = 1 << HOST_WRITE,
                                             .err = EIO,
                                             .half = true });
  }
  script = &usual_script;
}

/* Fails if the log goes on, after a crash, with what such a write has left. */
static void
what_a_failed_write_has_left_does_not_count (void)
{
  struct attempt a = { .fault = { .operations = 1 << HOST_WRITE,
                                  .nth = 1,
                                  .err = EIO,
                                  .half = true } };
  struct test_disk *t = &a.t;

  test_disk_make (t, DISK_STREAM_EMPTY);
  t->cache_size = DISK_MIN_CACHE_SIZE;
  MUST (test_disk_open (t, true));
  CHECK_INT (test_disk_write (t, 0, t->grain, 0), 0);
  CHECK_INT (test_disk_flush (t), 0);
  CHECK_INT (test_disk_write (t, 3 * t->grain, 4 * t->grain, 0), 0);
  host_set_fault (t->host, a.fault);
  CHECK_INT (test_disk_flush (t), -1);
  CHECK_INT (t->host->faults, 1);
  CHECK_INT (test_disk_zero (t, 4 * t->grain, 3 * t->grain, 0), 0);
  CHECK_INT (test_disk_flush (t), 0);
  reports_forget ();
  check_after_crash (&a);
  CHECK_INT (test_disk_close (t), 0);
  test_disk_free (t);
}

static void
a_host_that_stays_full_serves_what_needs_no_space (void)
{
  enum disk_kind kind;
  struct test_disk t;

  for (kind = 0; kind < DISK_STREAM_EMPTY; ++kind) {
    test_disk_make (&t, kind);
    MUST (test_disk_open (&t, true));
    CHECK_INT (test_disk_write (&t, 0, 4 * t.grain, 0), 0);
    CHECK_INT (test_disk_flush (&t), 0);
    host_set_fault (t.host, (struct host_fault){ .operations = HOST_CHANGES,
                                                 .nth = 1,
                                                 .err = ENOSPC,
                                                 .for_good = true });
    CHECK_INT (test_disk_write (&t, 9 * t.grain, 3 * t.grain, 0), -1);
    CHECK_INT (errno, ENOSPC);
    CHECK_INT (test_disk_write (&t, 20 * t.grain + 1, t.grain, 0), -1);
    CHECK_INT (errno, ENOSPC);
    test_disk_check_content (&t);
    host_set_fault (t.host, (struct host_fault){ .nth = 0 });
    CHECK_INT (test_disk_write (&t, 9 * t.grain, 3 * t.grain, 0), 0);
    test_disk_check_content (&t);
    CHECK_INT (test_disk_close (&t), 0);
    CHECK (test_disk_walk (&t, t.host, true) == NULL);
    test_disk_free (&t);
  }
}

/* Grains that were acknowledged may still be in memory. */
static void
a_host_that_stays_full_takes_nothing_from_memory (void)
{
  enum disk_kind kind;
  struct test_disk t;
  unsigned i, n_good;

  for (kind = DISK_STREAM_EMPTY; kind < N_DISK_KINDS; ++kind) {
    test_disk_make (&t, kind);
    MUST (test_disk_open (&t, true));
    CHECK_INT (test_disk_write (&t, 0, 4 * t.grain, 0), 0);
    CHECK_INT (test_disk_flush (&t), 0);
    host_set_fault (t.host, (struct host_fault){ .operations = HOST_CHANGES,
                                                 .nth = 1,
                                                 .err = ENOSPC,
                                                 .for_good = true });
    for (i = n_good = 0; i < 30; ++i)
      if (test_disk_write (&t, (2 + 3 * i) * t.grain, 2 * t.grain, 0) == 0)
        ++n_good;
      else
        CHECK_INT (errno, ENOSPC);
    CHECK (n_good > 0 && n_good < 20); /* as much as may be held */
    test_disk_check_content (&t);
    CHECK_INT (test_disk_flush (&t), -1);
    CHECK_INT (errno, ENOSPC);
    test_disk_check_content (&t);
    host_set_fault (t.host, (struct host_fault){ .nth = 0 });
    CHECK_INT (test_disk_write (&t, 9 * t.grain, 3 * t.grain, 0), 0);
    CHECK_INT (test_disk_flush (&t), 0);
    test_disk_check_content (&t);
    CHECK_INT (test_disk_close (&t), 0);
    CHECK (test_disk_walk (&t, t.host, true) == NULL);
    MUST (test_disk_open (&t, false));
    test_disk_check_content (&t);
    CHECK_INT (test_disk_close (&t), 0);
    test_disk_free (&t);
  }
}

/* Reads count only while a request is under way. */
static void
fail_reads (struct test_disk *t, bool before)
{
  t->host->fault.operations = before ? 1 << HOST_READ : 0;
}

static void
a_read_that_fails_harms_only_its_request (void)
{
  read_around = fail_reads;
  try_all ((struct host_fault){ .operations = 1 << HOST_READ, .err = EIO });
  read_around = NULL;
}

/* ---- no memory ---- */

static unsigned memory_step; /* of the script; counts down as it runs */
static long memory_nth;      /* the allocation of that step that fails */

static void
fail_allocations (struct test_disk *t, bool before)
{
  (void) t;
  if (!before)
    countdown = -1;
  else if (memory_step-- == 0)
    countdown = memory_nth;
}

/* Returns false if the step has no such allocation. */
static bool
try_no_memory (enum disk_kind kind, unsigned step, long nth)
{
  struct attempt a = { .fault = { .nth = nth, .err = ENOMEM } };
  unsigned i;
  int r;

  test_disk_make (&a.t, kind);
  if (script->cache_size)
    a.t.cache_size = script->cache_size;
  a.t.host->keeps_log = false;
  a.t.around = fail_allocations;
  memory_step = step;
  memory_nth = nth;
  MUST (test_disk_open (&a.t, true));
  no_memory = false;
  for (i = 0; i < script->n; ++i) {
    reports_forget ();
    r = take_step (&a.t, &script->steps[i]);
    if (r == -1 && (i != step || errno != ENOMEM))
      attempt_fails (&a, "an allocation failed, and so did a request");
    if (n_errors () != (r == -1))
      attempt_fails (&a, "not one message");
  }
  test_disk_check_content (&a.t);
  CHECK_INT (test_disk_close (&a.t), 0);
  CHECK (test_disk_walk (&a.t, a.t.host, true) == NULL);
  test_disk_free (&a.t);
  return no_memory;
}

static void
try_no_memory_at_all (enum disk_kind kind)
{
  unsigned step;
  long nth;

  for (step = 0; step < script->n; ++step)
    for (nth = first_nth () - 1; try_no_memory (kind, step, nth); nth += stride)
      ;
}

static void
no_memory_harms_only_the_request (void)
{
  enum disk_kind kind;

  for (kind = 0; kind < N_DISK_KINDS; ++kind)
    try_no_memory_at_all (kind);
  script = &stream_script;
  try_no_memory_at_all (DISK_STREAM_CHILD_OF_FLAT);
  script = &usual_script;
}

/* What the host has lost on its way to the medium must not be taken for what
 * was written, and replace the log that would tell.
 */
static void
what_the_host_has_lost_is_not_moved (void)
{
  struct test_disk t;
  size_t i;

  test_disk_make (&t, DISK_STREAM_EMPTY);
  MUST (test_disk_open (&t, true));
  CHECK_INT (test_disk_write (&t, 5 * t.grain, 3 * t.grain, 0), 0);
  CHECK_INT (test_disk_flush (&t), 0);
  CHECK_INT (test_disk_write (&t, 0, 2 * t.grain, 0), 0); /* out of order */
  host_start_log (t.host);
  host_set_fault (
    t.host,
    (struct host_fault){ .operations = 1 << HOST_CHECK, .nth = 1, .err = EIO });
  reports_forget ();
  CHECK_INT (test_disk_close (&t), -1);
  CHECK_INT (t.host->faults, 1);
  CHECK (strstr (warnings (), "NOT closed properly") != NULL);
  CHECK (strstr (warnings (), "stream-close=fast") == NULL);
  for (i = 0; i < t.host->n_log; ++i)
    CHECK (t.host->log[i].operation != HOST_RENAME);
  test_disk_free (&t);
}

int
main (void)
{
  const char *every = getenv ("VMDK_FAULT_EVERY");

  if (every && atoi (every) > 0)
    stride = atoi (every);
  RUN (a_change_that_fails_harms_only_its_request);
  RUN (a_host_that_is_full_harms_only_the_request);
  RUN (half_a_write_harms_only_its_request);
  RUN (a_fault_around_a_checkpoint_harms_only_its_request);
  RUN (what_a_failed_write_has_left_does_not_count);
  RUN (a_host_that_stays_full_serves_what_needs_no_space);
  RUN (a_host_that_stays_full_takes_nothing_from_memory);
  RUN (a_read_that_fails_harms_only_its_request);
  RUN (no_memory_harms_only_the_request);
  RUN (what_the_host_has_lost_is_not_moved);
  return test_result ();
}
