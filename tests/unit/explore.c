/* SPDX-License-Identifier: BSD-3-Clause */
/* Power failures at every moment of a script: see explore.h. */

#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "explore.h"
#include "test.h"

#define REQUESTS_AGAIN 8 /* of a disk that is to crash again */

const struct explore_effort explore_usual = { .losses = 4 };

/* Nothing of a disk that has crashed twice is written to again. */
static const struct explore_effort effort_again = { .losses = 1 };

struct explore_count explore_count;

/* ---- one image ---- */

struct explorer {
  struct test_disk *t;
  struct crash *crash;
  struct host *left; /* what is left of the host */
  struct view view;
  unsigned char *bytes;
  const char *what; /* the script, for messages */
  const struct explore_effort *effort;
  unsigned failures;
};

static void
explorer_fails (struct explorer *e, enum crash_loss loss, const char *what)
{
  static const char *const losses[] = { "nothing", "all", "something" };

  if (e->failures++ == 0)
    fprintf (stderr, "%s: %s: crash point %zu, %s lost: %s\n%s%s",
             disk_kind_name (e->t->kind), e->what, crash_point (e->crash),
             losses[loss], what, errors (), warnings ());
  CHECK (!"the disk is good after a crash");
}

/* Does the descriptor still have the CID of the beginning? */
static bool
has_old_cid (const struct explorer *e)
{
  const char *text = (const char *) e->left->files[0].bytes;

  return strstr (text + e->t->descriptor_at, disk_cid_line) != NULL;
}

/* A packed grain is there as a whole or not at all. */
static uint64_t
find_wrong (const struct explorer *e)
{
  const size_t point = crash_point (e->crash);

  return is_stream (e->t->kind)
           ? view_check_states (&e->view, point, e->bytes, e->t->grain)
           : view_check (&e->view, point, e->bytes);
}

static void
check_bytes (struct explorer *e, enum crash_loss loss)
{
  uint64_t wrong = find_wrong (e);
  char text[120];

  if (wrong < e->t->size) {
    snprintf (text, sizeof text,
              "byte %" PRIu64 " is %02x, was durably %02x; or its grain is "
              "mixed",
              wrong, e->bytes[wrong], e->view.bytes[wrong]);
    explorer_fails (e, loss, text);
  }
  if (memcmp (e->bytes, e->t->model.initial, e->t->size) != 0 &&
      has_old_cid (e))
    explorer_fails (e, loss, "the content is another, the CID is not (I7)");
}

/* Go on with what is left, and crash again, or come to an end. */
static void
go_on (struct explorer *e, enum crash_loss loss)
{
  const char *damage = NULL;
  struct test_disk t;
  char what[120];
  unsigned i;

  ++explore_count.again;
  test_disk_make_from (&t, e->t, e->left, e->bytes);
  if (!test_disk_open (&t, true))
    explorer_fails (e, loss, "it cannot be written to");
  else {
    /* One that is sure to change something: what may be damage is left as it is
     * by those who do not.
     */
    CHECK_INT (test_disk_write (&t, test_random () % (t.size - 512), 512, 0),
               0);
    for (i = test_random () % 2; i < REQUESTS_AGAIN; ++i)
      CHECK_INT (test_disk_random_request (&t), 0);
  }
  CHECK_INT (test_disk_close (&t), 0);
  damage = test_disk_walk (&t, t.host, true);
  if (damage)
    explorer_fails (e, loss, damage);
  snprintf (what, sizeof what, "%s, crash point %zu, and then", e->what,
            crash_point (e->crash));
  explore (&t, what, &effort_again);
  test_disk_free (&t);
}

static void
check_image (struct explorer *e, enum crash_loss loss)
{
  struct dir *dir = host_dir (e->left);
  struct disk *disk;
  const char *damage;

  ++explore_count.images;
  reports_forget ();
  crash_image (e->crash, loss, e->left);
  damage = test_disk_walk (e->t, e->left, false);
  if (damage)
    explorer_fails (e, loss, damage);
  disk = test_disk_open_on (e->t, dir, false);
  if (disk == NULL)
    explorer_fails (e, loss, "it does not open");
  else if (test_disk_read (e->t, disk, e->bytes) == -1)
    explorer_fails (e, loss, "it cannot be read");
  else
    check_bytes (e, loss);
  disk_close (disk);
  dir_close (dir);
  if (e->failures == 0 && e->effort->again > 0 &&
      test_random () % e->effort->again == 0)
    go_on (e, loss);
}

/* ---- all images of a script ---- */

/* I6: no link below the top is ever changed, or could be. */
static void
check_parents (const struct test_disk *t)
{
  size_t i;
  unsigned f;

  for (i = 0; i < t->host->n_log; ++i)
    CHECK (t->host->log[i].file < t->n_written ||
           t->host->log[i].file >= t->n_files);
  for (f = t->n_written; f < t->n_files; ++f) {
    CHECK_INT (t->host->files[f].opened_for_writing, 0);
    CHECK (!t->host->files[f].locked_for_writing);
  }
}

/* VMDK_CRASH_EVERY=N looks at every N-th crash point only, and at the end. */
static bool
is_chosen (void)
{
  static unsigned every, turn;
  const char *text;

  if (every == 0) {
    text = getenv ("VMDK_CRASH_EVERY");
    every = text && atoi (text) > 0 ? atoi (text) : 1;
  }
  return turn++ % every == 0;
}

void
explore (struct test_disk *t, const char *what,
         const struct explore_effort *effort)
{
  struct explorer e = { .t = t, .what = what, .effort = effort };
  unsigned i;

  e.crash = crash_begin (t->host);
  e.left = host_create ();
  e.bytes = malloc (t->size);
  MUST (e.bytes != NULL);
  view_init (&e.view, &t->model);
  while (crash_next (e.crash)) {
    ++explore_count.points;
    view_move (&e.view, crash_point (e.crash));
    if (!is_chosen () && crash_point (e.crash) < t->host->n_log)
      continue;
    check_image (&e, CRASH_LOSE_NOTHING);
    if (!crash_may_lose (e.crash))
      continue;
    check_image (&e, CRASH_LOSE_ALL);
    for (i = 0; i < effort->losses; ++i)
      check_image (&e, CRASH_LOSE_SOME);
  }
  check_parents (t);
  view_free (&e.view);
  free (e.bytes);
  host_free (e.left);
  crash_end (e.crash);
}
