# The checks of configure.ac that need more than a line or two.
#
# SPDX-License-Identifier: BSD-3-Clause

# VMDK_CC_CLEANUP
# ---------------
# Refuse a compiler without the cleanup attribute: ownership in this code
# rests on it.
AC_DEFUN([VMDK_CC_CLEANUP],[
  AC_CACHE_CHECK([whether $CC knows the cleanup attribute],
    [vmdk_cv_cc_cleanup],
    [AC_RUN_IFELSE([AC_LANG_PROGRAM([[
       static int calls;
       static void note (int *p) { calls += *p; }
     ]],[[
       {
         __attribute__ ((cleanup (note))) int one = 1;
       }
       return calls == 1 ? 0 : 1;
     ]])],
     [vmdk_cv_cc_cleanup=yes],
     [vmdk_cv_cc_cleanup=no],
     [vmdk_cv_cc_cleanup="yes, probably"])])
  AS_IF([test "x$vmdk_cv_cc_cleanup" = xno],
        [AC_MSG_ERROR([the C compiler '$CC' lacks
__attribute__((cleanup)).  Use gcc or clang.])])
])

# VMDK_CC_BUILTIN_OVERFLOW
# ------------------------
# Refuse a compiler without the checked arithmetic of gcc 5 and clang 3.8.
AC_DEFUN([VMDK_CC_BUILTIN_OVERFLOW],[
  AC_CACHE_CHECK([whether $CC has __builtin_mul_overflow],
    [vmdk_cv_cc_builtin_overflow],
    [AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdint.h>]],[[
       uint64_t a = 2, r;
       return __builtin_mul_overflow (a, a, &r) ||
              __builtin_add_overflow (a, a, &r);
     ]])],
     [vmdk_cv_cc_builtin_overflow=yes],
     [vmdk_cv_cc_builtin_overflow=no])])
  AS_IF([test "x$vmdk_cv_cc_builtin_overflow" = xno],
        [AC_MSG_ERROR([the C compiler '$CC' lacks
__builtin_mul_overflow.  Use gcc 5, clang 3.8 or later.])])
])

# VMDK_PRINTF_PERCENT_M
# ---------------------
# With glibc, %m in a format is not a mistake.  nbdkit's header checks our
# calls of nbdkit_error like printf's only if it is told so.
AC_DEFUN([VMDK_PRINTF_PERCENT_M],[
  AC_CACHE_CHECK([whether printf knows %m],
    [vmdk_cv_printf_percent_m],
    [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
       #include <stdio.h>
       #ifndef __GLIBC__
       #error "not glibc"
       #endif
     ]],[])],
     [vmdk_cv_printf_percent_m=yes],
     [vmdk_cv_printf_percent_m=no])])
  AS_IF([test "x$vmdk_cv_printf_percent_m" = xyes],
        [AC_DEFINE([HAVE_VFPRINTF_PERCENT_M],[1],
                   [Define to 1 if vfprintf knows %m.])])
])

# VMDK_WARNINGS
# -------------
# Set WARNINGS_CFLAGS to the strict set, each warning an error, as far as
# the compiler knows it.
AC_DEFUN([VMDK_WARNINGS],[
  WARNINGS_CFLAGS=
  for vmdk_flag in \
      -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wpointer-arith \
      -Wcast-qual -Wcast-align -Wwrite-strings -Wstrict-prototypes \
      -Wmissing-prototypes -Wmissing-declarations \
      -Wold-style-definition -Wredundant-decls -Wnested-externs \
      -Wlogical-op -Wduplicated-cond \
      -Wduplicated-branches -Wnull-dereference -Wtype-limits \
      -Wthread-safety; do
    vmdk_save_CFLAGS="$CFLAGS"
    CFLAGS="$CFLAGS -Werror $vmdk_flag"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int vmdk_dummy;]])],
      [WARNINGS_CFLAGS="$WARNINGS_CFLAGS $vmdk_flag"])
    CFLAGS="$vmdk_save_CFLAGS"
  done
  WARNINGS_CFLAGS="$WARNINGS_CFLAGS -Werror"
  AC_MSG_NOTICE([warnings:$WARNINGS_CFLAGS])
])

# VMDK_SANITIZERS
# ---------------
# Set SANITIZER_CFLAGS and SANITIZER_LDFLAGS, and SANITIZER_RUNTIME: the
# shared library that must be loaded into nbdkit before the plugin.
AC_DEFUN([VMDK_SANITIZERS],[
  SANITIZER_CFLAGS="-fsanitize=address,undefined"
  SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-sanitize-recover=undefined"
  SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-omit-frame-pointer"
  AC_MSG_CHECKING([whether the compiler is clang])
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
      #ifndef __clang__
      #error "not clang"
      #endif
    ]])],
    [AC_MSG_RESULT([yes])
     SANITIZER_CFLAGS="$SANITIZER_CFLAGS -shared-libasan"
     vmdk_runtime=`$CC -print-file-name=libclang_rt.asan-${host_cpu}.so`
     SANITIZER_LDFLAGS="-Wl,-rpath,`dirname $vmdk_runtime`"],
    [AC_MSG_RESULT([no])])
  AC_MSG_CHECKING([for the runtime library of the sanitizers])
  SANITIZER_LDFLAGS="$SANITIZER_CFLAGS $SANITIZER_LDFLAGS -Wl,-z,lazy"
  vmdk_save_CFLAGS="$CFLAGS"
  CFLAGS="$CFLAGS $SANITIZER_LDFLAGS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([],[])],
    [SANITIZER_RUNTIME=[`ldd conftest$EXEEXT |
        sed -n 's/^.*asan[^ ]* => \([^ ]*\) .*$/\1/p'`]])
  CFLAGS="$vmdk_save_CFLAGS"
  AS_IF([test -z "$SANITIZER_RUNTIME"],
    [AC_MSG_RESULT([none])
     AC_MSG_ERROR([--enable-sanitizers was given, but '$CC' does not link
with $SANITIZER_CFLAGS.  gcc needs libasan and libubsan, clang compiler-rt.])])
  AC_MSG_RESULT([$SANITIZER_RUNTIME])
])

# VMDK_PYTHON_NBD
# ---------------
# Set PYTHON to a Python 3 that can import libnbd's module.  The system's
# own is preferred: the module is installed for it, not for a private one
# that happens to come first in PATH.
AC_DEFUN([VMDK_PYTHON_NBD],[
  AC_ARG_VAR([PYTHON],[Python 3 with libnbd's module, for the tests])
  AC_MSG_CHECKING([for a Python 3 with the module nbd])
  AS_IF([test -z "$PYTHON"],
    [for vmdk_python in /usr/bin/python3 python3; do
       AS_IF([$vmdk_python -c 'import nbd' >/dev/null 2>&1],
             [PYTHON=$vmdk_python; break])
     done])
  AS_IF([test -n "$PYTHON"],
    [AC_MSG_RESULT([$PYTHON])],
    [AC_MSG_RESULT([no; tests that need it will skip])
     PYTHON=/usr/bin/python3])
])
