/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command where the kernel refuses some system calls, as the sandboxes
 * of containers and services do:
 *
 *   without-calls [-o] ERRNO CALL... -- COMMAND [ARGUMENT...]
 *
 * ERRNO is EPERM or ENOSYS, which is what such sandboxes answer.  CALL is the
 * name of one in the table "optional" below.  With -o, so is everything
 * that is not in the table "ordinary": what programs have used for decades,
 * without the newer calls, mounts, tracing, keys, modules, clocks, io_uring...
 *
 * It exits with 125 if it cannot do that.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct call {
  const char *name;
  long number;
  unsigned command; /* the second argument; 0: any */
};

#define CALL(name)       \
  {                      \
#name, SYS_##name, 0 \
  }

/* Whatever a program can do without, if it is written for that. */
static const struct call optional[] = {
  CALL (copy_file_range),
  CALL (fadvise64),
  CALL (fallocate),
  CALL (fstatfs),
  CALL (getrandom),
  CALL (linkat),
#ifdef SYS_io_uring_setup
  CALL (io_uring_setup),
#endif
#ifdef SYS_openat2
  CALL (openat2),
#endif
  CALL (prlimit64),
  CALL (renameat2),
  CALL (statx),
  CALL (sync_file_range),
  { "ofd-locks", SYS_fcntl, F_OFD_SETLK },
  { "ofd-locks", SYS_fcntl, F_OFD_GETLK },
};

/* Of these only the numbers count.  Those that not every architecture has are
 * between #ifdef.
 */
static const long ordinary[] = {
#ifdef SYS_open
  SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink,
  SYS_rename, SYS_mkdir, SYS_dup2, SYS_pipe, SYS_poll, SYS_select, SYS_fork,
  SYS_vfork, SYS_chmod, SYS_getpgrp,
#endif
#ifdef SYS_arch_prctl
  SYS_arch_prctl,
#endif
#ifdef SYS_faccessat2
  SYS_faccessat2, /* the shell's -x cannot do without */
#endif
#ifdef SYS_newfstatat
  SYS_newfstatat,
#endif
#ifdef SYS_accept
  SYS_accept,
#endif
  /* files */
  SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev,
  SYS_preadv, SYS_pwritev, SYS_openat, SYS_close, SYS_lseek, SYS_fstat,
  SYS_statfs, SYS_fstatfs, SYS_faccessat, SYS_readlinkat, SYS_getdents64,
  SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_mkdirat, SYS_unlinkat, SYS_renameat,
  SYS_linkat, SYS_symlinkat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
  SYS_ftruncate, SYS_fsync, SYS_fdatasync, SYS_fcntl, SYS_flock, SYS_ioctl,
  SYS_dup, SYS_dup3, SYS_pipe2, SYS_umask, SYS_utimensat, SYS_fgetxattr,
  SYS_fsetxattr, SYS_flistxattr, SYS_fremovexattr,
  /* memory */
  SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk,
  /* processes and threads */
  SYS_clone, SYS_execve, SYS_exit, SYS_exit_group, SYS_wait4, SYS_kill,
  SYS_tgkill, SYS_getpid, SYS_getppid, SYS_gettid, SYS_getpgid, SYS_setpgid,
  SYS_setsid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups,
  SYS_setuid, SYS_setgid, SYS_setgroups, SYS_prctl, SYS_prlimit64, SYS_uname,
  SYS_sysinfo, SYS_futex, SYS_set_tid_address, SYS_set_robust_list,
  SYS_sched_yield, SYS_sched_getaffinity, SYS_rseq, SYS_getrandom,
  SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack,
  /* time and waiting */
  SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
  SYS_ppoll, SYS_pselect6, SYS_eventfd2, SYS_epoll_create1, SYS_epoll_ctl,
  SYS_epoll_pwait,
  /* sockets */
  SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_accept4, SYS_connect,
  SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_setsockopt,
  SYS_getsockopt, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg
};

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* ---- the filter ---- */

/* Where the half of the second argument is that has a command. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

#define MAX_NAMED 256
static struct sock_filter program[MAX_NAMED + 2 * COUNT (ordinary) + 16];
static unsigned short length;

static void
add (unsigned short code, unsigned k, unsigned char jt, unsigned char jf)
{
  program[length++] = (struct sock_filter){ code, jt, jf, k };
}

static void
load (size_t offset)
{
  add (BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Answer calls like C with RESULT. */
static void
add_call (const struct call *c, unsigned result)
{
  load (offsetof (struct seccomp_data, nr));
  if (c->command == 0)
    add (BPF_JMP | BPF_JEQ | BPF_K, c->number, 0, 1);
  else {
    add (BPF_JMP | BPF_JEQ | BPF_K, c->number, 0, 3);
    load (offsetof (struct seccomp_data, args[1]) + LOW_HALF);
    add (BPF_JMP | BPF_JEQ | BPF_K, c->command, 0, 1);
  }
  add (BPF_RET | BPF_K, result, 0, 0);
}

/* false: there is no such call. */
static bool
add_name (const char *name, unsigned result)
{
  bool found = false;
  size_t i;

  for (i = 0; i < COUNT (optional); ++i)
    if (strcmp (name, optional[i].name) == 0) {
      add_call (&optional[i], result);
      found = true;
    }
  return found;
}

/* What is in neither table gets RESULT.  But the C library does without clone3
 * only if it is told ENOSYS; so all sandboxes do.
 */
static void
add_others (unsigned result)
{
  size_t i;

  load (offsetof (struct seccomp_data, nr));
#ifdef SYS_clone3
  add (BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
  add (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
#endif
  for (i = 0; i < COUNT (ordinary); ++i) {
    add (BPF_JMP | BPF_JEQ | BPF_K, ordinary[i], 0, 1);
    add (BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  }
  add (BPF_RET | BPF_K, result, 0, 0);
}

static void
give_up (const char *what)
{
  fprintf (stderr, "without-calls: %s\n", what);
  exit (125);
}

/* That CALL is refused; with these arguments it fails in any case, but for
 * another reason.
 */
static void
try_name (const char *name, int err)
{
  size_t i;

  for (i = 0; i < COUNT (optional); ++i)
    if (strcmp (name, optional[i].name) == 0 &&
        (syscall (optional[i].number, -1L, (long) optional[i].command, 0L, 0L,
                  0L, 0L) != -1 ||
         errno != err))
      give_up ("the filter does not work");
}

int
main (int argc, char *argv[])
{
  struct sock_fprog filter = { .filter = program };
  bool others = argc > 1 && strcmp (argv[1], "-o") == 0;
  int first = others ? 2 : 1, err = 0, i;
  unsigned result;

  if (first < argc && strcmp (argv[first], "EPERM") == 0)
    err = EPERM;
  else if (first < argc && strcmp (argv[first], "ENOSYS") == 0)
    err = ENOSYS;
  else
    give_up ("usage: without-calls [-o] EPERM|ENOSYS CALL... -- COMMAND...");
  result = SECCOMP_RET_ERRNO | err;
  for (i = first + 1; i < argc && strcmp (argv[i], "--") != 0; ++i) {
    if (length > MAX_NAMED - 5 * COUNT (optional))
      give_up ("too many calls");
    if (!add_name (argv[i], result))
      give_up ("a call that is not in the table");
  }
  if (i + 1 >= argc)
    give_up ("no command");
  if (others)
    add_others (result);
  else
    add (BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  filter.len = length;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
      prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
    give_up ("the kernel takes no filter");
  for (i = first + 1; strcmp (argv[i], "--") != 0; ++i)
    try_name (argv[i], err);
  execvp (argv[i + 1], argv + i + 1);
  give_up (strerror (errno));
}
