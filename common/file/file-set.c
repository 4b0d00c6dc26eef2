/* SPDX-License-Identifier: BSD-3-Clause */
/* Which files a disk has opened already, by identity. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "file-set.h"

/* The slot of the file with this identity, or the free one where it goes. */
static struct file_use *
slot_of (const struct file_set *s, struct file_id id)
{
  size_t i = (id.inode * UINT64_C (0x9e3779b97f4a7c15) + id.device) >> 20;

  for (;; ++i) {
    struct file_use *slot = &s->slots[i % s->room];

    if (slot->file == NULL || file_id_equal (slot->file->id, id))
      return slot;
  }
}

const struct file_use *
file_set_find (const struct file_set *s, const struct file *f)
{
  const struct file_use *slot;

  if (s->count == 0)
    return NULL;
  slot = slot_of (s, f->id);
  return slot->file ? slot : NULL;
}

static int
grow (struct file_set *s)
{
  struct file_set bigger = { .room = s->room ? s->room * 2 : 64 };
  size_t i;

  bigger.slots = calloc (bigger.room, sizeof *bigger.slots);
  if (bigger.slots == NULL)
    return -1;
  for (i = 0; i < s->room; ++i)
    if (s->slots[i].file)
      *slot_of (&bigger, s->slots[i].file->id) = s->slots[i];
  bigger.count = s->count;
  free (s->slots);
  *s = bigger;
  return 0;
}

int
file_set_add (struct file_set *s, struct file_use use)
{
  if (s->count * 2 >= s->room && grow (s) == -1)
    return -1;
  *slot_of (s, use.file->id) = use;
  s->count++;
  return 0;
}

void
file_set_clear (struct file_set *s)
{
  free (s->slots);
  *s = (struct file_set){ .slots = NULL };
}
