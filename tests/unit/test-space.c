/* SPDX-License-Identifier: BSD-3-Clause */
/* The space of a file: what is taken, and when what was given up is taken
 * again.  The expected places are counted by hand.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "file-memory.h"
#include "grain-space.h"
#include "test.h"

#define GRAIN 4096

static struct file *file;
static struct epochs epochs;
static struct space space;

/* A file of 10 grains, of which the first two are taken by metadata. */
static void
start (void)
{
  epochs = (struct epochs){ 0 };
  file = file_memory_create ("f", NULL, 0, 10 * GRAIN, 1);
  MUST (file != NULL);
  space_init (&space, file, &epochs, GRAIN, GRAIN);
  space_begin (&space, 2 * GRAIN, 10 * GRAIN, 10 * GRAIN);
}

static void
stop (void)
{
  space_destroy (&space);
  file_close (file);
}

/* The start of the span of COUNT grains that is taken, in grains; it is as long
 * as was asked for.
 */
static uint64_t
take (uint64_t count, bool expect_fresh)
{
  struct span span;
  bool fresh;

  MUST (space_take (&space, count, &span, &fresh) == 0);
  CHECK_INT (span.length, count * GRAIN);
  CHECK_INT (fresh, expect_fresh);
  return span.start / GRAIN;
}

static void
give (uint64_t start, uint64_t count)
{
  space_give (&space, (struct span){ start * GRAIN, count * GRAIN });
}

static void
flush (bool durable)
{
  space_end_flush (&space, space_begin_flush (&space), durable);
}

static void
fresh_space_is_behind_the_file_and_in_it (void)
{
  start ();
  CHECK_INT (take (3, true), 10);
  CHECK_INT (take (1, true), 13);
  CHECK (file_size (file) >= 14 * GRAIN);
  CHECK_INT (space.file_size, file_size (file));
  stop ();
}

static void
the_lowest_free_span_is_taken_first (void)
{
  start ();
  space_add_free (&space, 3 * GRAIN, 4 * GRAIN);
  space_add_free (&space, 6 * GRAIN, 8 * GRAIN);
  CHECK_INT (take (1, false), 3);
  CHECK_INT (take (1, false), 6);
  CHECK_INT (take (1, false), 7);
  CHECK_INT (take (1, true), 10);
  stop ();
}

static void
a_short_free_span_gives_what_it_has (void)
{
  struct span span;
  bool fresh;

  start ();
  space_add_free (&space, 3 * GRAIN, 5 * GRAIN);
  MUST (space_take (&space, 4, &span, &fresh) == 0);
  CHECK_INT (span.start, 3 * GRAIN);
  CHECK_INT (span.length, 2 * GRAIN);
  stop ();
}

static void
free_space_is_aligned_and_behind_the_first_grain (void)
{
  start ();
  space_add_free (&space, 0, 3 * GRAIN);
  space_add_free (&space, 4 * GRAIN + 512, 6 * GRAIN + 512);
  space_add_free (&space, 7 * GRAIN + 512, 8 * GRAIN + 512);
  CHECK_INT (take (1, false), 2);
  CHECK_INT (take (1, false), 5);
  CHECK_INT (take (1, true), 10);
  stop ();
}

static void
what_was_given_up_is_not_taken_before_a_flush (void)
{
  start ();
  give (5, 1);
  CHECK_INT (take (1, true), 10);
  flush (false);
  CHECK_INT (take (1, true), 11);
  flush (true);
  CHECK_INT (take (1, false), 5);
  stop ();
}

static void
what_was_given_up_is_not_taken_while_a_request_is_under_way (void)
{
  uint64_t reader;

  start ();
  reader = epoch_enter (&epochs);
  give (5, 1);
  flush (true);
  CHECK_INT (take (1, true), 10);
  flush (true);
  CHECK_INT (take (1, true), 11);
  epoch_leave (&epochs, reader);
  CHECK_INT (take (1, false), 5);
  stop ();
}

static void
later_requests_do_not_keep_space_from_being_taken (void)
{
  uint64_t first, second;

  start ();
  first = epoch_enter (&epochs);
  give (5, 1);
  flush (true);
  CHECK_INT (take (1, true), 10); /* moves to the next epoch */
  second = epoch_enter (&epochs);
  epoch_leave (&epochs, first);
  CHECK_INT (take (1, false), 5);
  epoch_leave (&epochs, second);
  stop ();
}

static void
what_is_given_up_during_a_flush_waits_for_the_next (void)
{
  span_vector spans;

  start ();
  give (5, 1);
  spans = space_begin_flush (&space);
  give (6, 1);
  space_end_flush (&space, spans, true);
  CHECK_INT (take (1, false), 5);
  CHECK_INT (take (1, true), 10);
  flush (true);
  CHECK_INT (take (1, false), 6);
  stop ();
}

static void
what_none_of_ours_can_have_been_is_left_alone (void)
{
  start ();
  space_give (&space, (struct span){ 5 * GRAIN + 512, GRAIN });
  give (1, 1);
  give (9, 2);
  flush (true);
  CHECK_INT (take (1, true), 10);
  stop ();
}

static void
neighbours_are_joined (void)
{
  struct span span;
  bool fresh;

  start ();
  give (6, 1);
  give (4, 1);
  give (5, 1);
  flush (true);
  MUST (space_take (&space, 3, &span, &fresh) == 0);
  CHECK_INT (span.start, 4 * GRAIN);
  CHECK_INT (span.length, 3 * GRAIN);
  stop ();
}

static void
much_pending_space_is_worth_a_flush (void)
{
  start ();
  CHECK (!space_wants_flush (&space, true));
  CHECK_INT (take (300, true), 10);
  give (10, 256);
  CHECK (!space_wants_flush (&space, true));
  give (266, 1);
  CHECK (space_wants_flush (&space, true));
  CHECK (!space_wants_flush (&space, false));
  flush (true);
  CHECK (!space_wants_flush (&space, true));
  stop ();
}

static void
an_entry_cannot_name_what_is_beyond_2_tib (void)
{
  const uint64_t limit = UINT64_C (1) << 41;
  struct span span;
  bool fresh;

  start ();
  space_destroy (&space);
  space_init (&space, file, &epochs, GRAIN, GRAIN);
  space_begin (&space, 2 * GRAIN, limit - 2 * GRAIN, limit);
  CHECK_INT (space_take (&space, 3, &span, &fresh), -1);
  CHECK_INT (errno, ENOSPC);
  CHECK_ONE_ERROR ("2 TiB");
  CHECK_INT (file_size (file), 10 * GRAIN);
  reports_forget ();
  /* The memory file cannot be that long, and need not: it is said to be. */
  space.file_size = limit + 512;
  CHECK_INT (take (2, true), limit / GRAIN - 2);
  CHECK_INT (space_take (&space, 1, &span, &fresh), -1);
  CHECK_INT (errno, ENOSPC);
  stop ();
}

static void
tables_are_cut_from_whole_grains (void)
{
  uint64_t at;

  start ();
  MUST (space_take_table (&space, 2048, &at) == 0);
  CHECK_INT (at, 10 * GRAIN);
  MUST (space_take_table (&space, 2048, &at) == 0);
  CHECK_INT (at, 10 * GRAIN + 2048);
  MUST (space_take_table (&space, 2048, &at) == 0);
  CHECK_INT (at, 11 * GRAIN);
  CHECK_INT (take (1, true), 12);
  MUST (space_take_table (&space, 3 * GRAIN, &at) == 0);
  CHECK_INT (at, 13 * GRAIN);
  CHECK_INT (take (1, true), 16);
  stop ();
}

static void
the_tail_is_cut_as_far_as_it_is_free (void)
{
  start ();
  CHECK_INT (take (4, true), 10);
  give (9, 1);
  give (11, 1);
  give (12, 2);
  flush (true);
  CHECK_INT (space_cut_tail (&space), 11 * GRAIN);
  give (10, 1);
  flush (true);
  CHECK_INT (space_cut_tail (&space), 9 * GRAIN);
  stop ();
}

static void
a_file_that_cannot_grow_is_an_error_and_nothing_is_taken (void)
{
  struct span span;
  bool fresh;

  start ();
  file_memory_fail_changes (file, 0, EFBIG);
  CHECK_INT (space_take (&space, 1, &span, &fresh), -1);
  CHECK_INT (errno, EFBIG);
  CHECK_ONE_ERROR ("f");
  file_memory_fail_changes (file, 0, 0);
  CHECK_INT (take (1, true), 10);
  stop ();
}

int
main (void)
{
  RUN (fresh_space_is_behind_the_file_and_in_it);
  RUN (the_lowest_free_span_is_taken_first);
  RUN (a_short_free_span_gives_what_it_has);
  RUN (free_space_is_aligned_and_behind_the_first_grain);
  RUN (what_was_given_up_is_not_taken_before_a_flush);
  RUN (what_was_given_up_is_not_taken_while_a_request_is_under_way);
  RUN (later_requests_do_not_keep_space_from_being_taken);
  RUN (what_is_given_up_during_a_flush_waits_for_the_next);
  RUN (what_none_of_ours_can_have_been_is_left_alone);
  RUN (neighbours_are_joined);
  RUN (much_pending_space_is_worth_a_flush);
  RUN (an_entry_cannot_name_what_is_beyond_2_tib);
  RUN (tables_are_cut_from_whole_grains);
  RUN (the_tail_is_cut_as_far_as_it_is_free);
  RUN (a_file_that_cannot_grow_is_an_error_and_nothing_is_taken);
  return test_result ();
}
