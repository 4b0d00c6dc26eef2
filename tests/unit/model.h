/* SPDX-License-Identifier: BSD-3-Clause */
/* What a disk must hold after writes of which some failed or were lost.
 *
 * The model is told of each request in turn, with the time when it began; the
 * time is the length of the host's log.  At any later time, and after a crash
 * at that time, each byte has the value of the last request to it that is known
 * to be there, or of any request since then.
 */

#ifndef VMDK_MODEL_H
#define VMDK_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As a time: never. */
#define MODEL_NEVER SIZE_MAX

struct model_request {
  uint64_t offset, count;
  unsigned char *bytes; /* NULL: zeroes */
  size_t began;
  bool failed;
  size_t durable; /* since when */
};

struct model {
  uint64_t size;
  unsigned char *initial;
  struct model_request *requests;
  size_t n, room;
};

/* What must be there at a time that only moves forward. */
struct view {
  const struct model *model;
  unsigned char *bytes; /* of the last requests that are there */
  uint16_t *by;         /* which, counted from 1; 0: the initial content */
  bool *seen;           /* requests that are in BYTES */
};

/* INITIAL is copied. */
extern void
model_init (struct model *m, const unsigned char *initial, uint64_t size);
extern void model_free (struct model *m);

/* BYTES is copied; NULL means zeroes.  DURABLE may be MODEL_NEVER. */
extern void
model_add (struct model *m, uint64_t offset, uint64_t count, const void *bytes,
           size_t began, bool failed, size_t durable);

/* All requests before the N-th that did not fail are durable at TIME. */
extern void model_durable (struct model *m, size_t n, size_t time);

/* What is not durable may be lost from now on, as if it had failed. */
extern void model_doubt (struct model *m);

extern void view_init (struct view *v, const struct model *m);
extern void view_free (struct view *v);

/* Move to TIME: that of a crash; or, if it is MODEL_NEVER, behind all requests,
 * without any crash.
 */
extern void view_move (struct view *v, size_t time);

/* May the disk hold BYTES at TIME, which is that of view_move?  Returns the
 * model's size, or the first offset that is wrong.
 */
extern uint64_t
view_check (const struct view *v, size_t time, const unsigned char *bytes);

/* The same of a disk whose grains of GRAIN bytes change as a whole: each must
 * be as it was after one of the requests to it.  No request may follow one that
 * failed.
 */
extern uint64_t view_check_states (const struct view *v, size_t time,
                                   const unsigned char *bytes, uint64_t grain);

#endif /* VMDK_MODEL_H */
