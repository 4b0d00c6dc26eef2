/* SPDX-License-Identifier: BSD-3-Clause */
/* What a disk must hold: see model.h. */

#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "test.h"

#define STRIDE 4096 /* of comparisons */

void
model_init (struct model *m, const unsigned char *initial, uint64_t size)
{
  memset (m, 0, sizeof *m);
  m->size = size;
  m->initial = malloc (size);
  MUST (m->initial != NULL);
  memcpy (m->initial, initial, size);
}

void
model_free (struct model *m)
{
  size_t i;

  for (i = 0; i < m->n; ++i)
    free (m->requests[i].bytes);
  free (m->requests);
  free (m->initial);
}

void
model_add (struct model *m, uint64_t offset, uint64_t count, const void *bytes,
           size_t began, bool failed, size_t durable)
{
  struct model_request r = { offset, count, NULL, began, failed, durable };

  MUST (m->n < UINT16_MAX - 1);
  if (bytes) {
    r.bytes = malloc (count + 1);
    MUST (r.bytes != NULL);
    memcpy (r.bytes, bytes, count);
  }
  if (m->n == m->room) {
    m->room = 2 * m->room + 32;
    m->requests = realloc (m->requests, m->room * sizeof *m->requests);
    MUST (m->requests != NULL);
  }
  m->requests[m->n++] = r;
}

void
model_durable (struct model *m, size_t n, size_t time)
{
  size_t i;

  for (i = 0; i < n; ++i)
    if (!m->requests[i].failed && m->requests[i].durable == MODEL_NEVER)
      m->requests[i].durable = time;
}

void
model_doubt (struct model *m)
{
  size_t i;

  for (i = 0; i < m->n; ++i)
    if (m->requests[i].durable == MODEL_NEVER)
      m->requests[i].failed = true;
}

/* ---- views ---- */

void
view_init (struct view *v, const struct model *m)
{
  v->model = m;
  v->bytes = malloc (m->size);
  v->by = calloc (m->size, sizeof *v->by);
  v->seen = calloc (m->n + 1, sizeof *v->seen);
  MUST (v->bytes != NULL && v->by != NULL && v->seen != NULL);
  memcpy (v->bytes, m->initial, m->size);
}

void
view_free (struct view *v)
{
  free (v->bytes);
  free (v->by);
  free (v->seen);
}

/* A request that became durable early is not undone by an older one. */
static void
view_add (struct view *v, size_t i)
{
  const struct model_request *r = &v->model->requests[i];
  uint64_t k;

  v->seen[i] = true;
  for (k = 0; k < r->count; ++k)
    if (v->by[r->offset + k] < i + 1) {
      v->by[r->offset + k] = i + 1;
      v->bytes[r->offset + k] = r->bytes ? r->bytes[k] : 0;
    }
}

void
view_move (struct view *v, size_t time)
{
  size_t i;

  for (i = 0; i < v->model->n; ++i) {
    const struct model_request *r = &v->model->requests[i];

    if (v->seen[i] || r->failed)
      continue;
    if (time == MODEL_NEVER || r->durable <= time)
      view_add (v, i);
  }
}

/* May a later request have put BYTE there? */
static bool
may_be (const struct view *v, size_t time, uint64_t offset, unsigned char byte)
{
  size_t i;

  for (i = v->by[offset]; i < v->model->n; ++i) {
    const struct model_request *r = &v->model->requests[i];

    if (offset >= r->offset && offset - r->offset < r->count &&
        r->began < time &&
        byte == (r->bytes ? r->bytes[offset - r->offset] : 0))
      return true;
  }
  return false;
}

uint64_t
view_check (const struct view *v, size_t time, const unsigned char *bytes)
{
  uint64_t at, n, k;

  for (at = 0; at < v->model->size; at += n) {
    n = v->model->size - at < STRIDE ? v->model->size - at : STRIDE;
    if (memcmp (bytes + at, v->bytes + at, n) == 0)
      continue;
    for (k = at; k < at + n; ++k)
      if (bytes[k] != v->bytes[k] && !may_be (v, time, k, bytes[k]))
        return k;
  }
  return v->model->size;
}

/* ---- grain by grain ---- */

/* Let STATE, the bytes [AT, AT + N), be as it is after R. */
static void
apply (const struct model_request *r, unsigned char *state, uint64_t at,
       uint64_t n)
{
  const uint64_t from = r->offset > at ? r->offset : at;
  uint64_t to = r->offset + r->count;

  if (to > at + n)
    to = at + n;
  if (from >= to)
    return;
  if (r->bytes)
    memcpy (state + from - at, r->bytes + from - r->offset, to - from);
  else
    memset (state + from - at, 0, to - from);
}

/* Was [AT, AT + N) like BYTES at some time since it was last durable? */
static bool
was_like (const struct view *v, size_t time, const unsigned char *bytes,
          uint64_t at, uint64_t n)
{
  unsigned char *state = malloc (n);
  size_t first = 0, i;
  uint64_t k;
  bool was;

  MUST (state != NULL);
  memcpy (state, v->model->initial + at, n);
  for (k = at; k < at + n; ++k)
    if (v->by[k] > first)
      first = v->by[k];
  for (i = 0; i < first; ++i)
    apply (&v->model->requests[i], state, at, n);
  was = memcmp (state, bytes + at, n) == 0;
  for (; !was && i < v->model->n; ++i)
    if (v->model->requests[i].began < time) {
      apply (&v->model->requests[i], state, at, n);
      was = memcmp (state, bytes + at, n) == 0;
    }
  free (state);
  return was;
}

uint64_t
view_check_states (const struct view *v, size_t time,
                   const unsigned char *bytes, uint64_t grain)
{
  uint64_t at, n;

  for (at = 0; at < v->model->size; at += n) {
    n = v->model->size - at < grain ? v->model->size - at : grain;
    if (memcmp (bytes + at, v->bytes + at, n) == 0 ||
        was_like (v, time, bytes, at, n))
      continue;
    while (bytes[at] == v->bytes[at])
      ++at;
    return at;
  }
  return v->model->size;
}
