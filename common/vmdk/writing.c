/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes before the first change of a disk, and after a failed sync. */

#include <config.h>

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "report.h"
#include "writing.h"

int
writing_check (struct writing *w)
{
  int failed = __atomic_load_n (&w->failed, __ATOMIC_RELAXED);

  if (failed == 0)
    return 0;
  report_error ("the disk cannot be written to any more, since an earlier "
                "sync failed (%s), after which nobody knows what is on the "
                "medium: stop, check the host's storage, and open it again",
                strerror (failed));
  errno = EIO;
  return -1;
}

/* R is the result of a sync. */
static int
note_sync (struct writing *w, int r)
{
  if (r == -1)
    __atomic_store_n (&w->failed, errno ? errno : EIO, __ATOMIC_RELAXED);
  return r;
}

int
writing_sync (struct writing *w, struct file *f)
{
  return note_sync (w, file_sync (f));
}

int
writing_check_file (struct writing *w, struct file *f)
{
  return note_sync (w, file_check (f));
}

int
writing_check_descriptor (const struct writing *w)
{
  const char *what = file_spoilt (w->descriptor, false, true);

  if (what == NULL)
    return 0;
  report_error ("%s: %s, so that the new content ID of what is written cannot "
                "be told there: open the disk again",
                w->descriptor->name, what);
  errno = EIO;
  return -1;
}

static int
change_identity (struct writing *w)
{
  if (w->identity_changed)
    return 0;
  if (w->edit != NULL && (writing_check_descriptor (w) == -1 ||
                          descriptor_edit_apply (w->edit) == -1 ||
                          writing_sync (w, w->descriptor) == -1))
    return -1;
  w->identity_changed = true;
  return 0;
}

/* Say in its header that the extent is in use. */
static int
mark_extent (struct writing *w, struct extent *e)
{
  if (e->driver->set_unclean == NULL)
    return 0;
  if (e->driver->set_unclean (e, true) == -1)
    return -1;
  return writing_sync (w, e->file);
}

int
writing_begin_change (struct writing *w, struct extent *e)
{
  if (__atomic_load_n (&e->changed, __ATOMIC_ACQUIRE))
    return 0;
  {
    LOCK_FOR_SCOPE (&w->lock);
    if (e->changed)
      return 0;
    if (change_identity (w) == -1 || mark_extent (w, e) == -1)
      return -1;
    __atomic_store_n (&e->changed, true, __ATOMIC_RELEASE);
  }
  return 0;
}
