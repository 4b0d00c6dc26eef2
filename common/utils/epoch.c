/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs: see epoch.h. */

#include <config.h>

#include "epoch.h"

uint64_t
epoch_now (struct epochs *e)
{
  return __atomic_load_n (&e->now, __ATOMIC_SEQ_CST);
}

uint64_t
epoch_enter (struct epochs *e)
{
  uint64_t now;

  for (;;) {
    now = epoch_now (e);
    __atomic_fetch_add (&e->inside[now & 1], 1, __ATOMIC_SEQ_CST);
    /* Had it moved on before we were counted, somebody may not have seen us. */
    if (epoch_now (e) == now)
      return now;
    epoch_leave (e, now);
  }
}

void
epoch_leave (struct epochs *e, uint64_t entered)
{
  __atomic_fetch_sub (&e->inside[entered & 1], 1, __ATOMIC_SEQ_CST);
}

/* Move on, if nobody is left in the epoch before the present one. */
static void
advance (struct epochs *e)
{
  uint64_t now = epoch_now (e);

  if (__atomic_load_n (&e->inside[(now + 1) & 1], __ATOMIC_SEQ_CST) == 0)
    (void) __atomic_compare_exchange_n (&e->now, &now, now + 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

bool
epoch_passed (struct epochs *e, uint64_t epoch)
{
  int tries;

  for (tries = 0; tries < 2 && epoch_now (e) < epoch + 2; ++tries)
    advance (e);
  return epoch_now (e) >= epoch + 2;
}
