# What every Makefile.am shares: where headers are, flags, library names.
#
# SPDX-License-Identifier: BSD-3-Clause

AM_CPPFLAGS = \
	-I$(top_srcdir)/common/include \
	-I$(top_srcdir)/common/utils \
	-I$(top_srcdir)/common/file \
	-I$(top_srcdir)/common/vmdk

AM_CFLAGS = \
	-fvisibility=hidden \
	$(WARNINGS_CFLAGS) \
	$(SANITIZER_CFLAGS) \
	$(COVERAGE_CFLAGS)

AM_LDFLAGS = $(SANITIZER_LDFLAGS) $(COVERAGE_LDFLAGS)

# In the order in which each needs the ones after it.
CORE_LIBS = \
	$(top_builddir)/common/vmdk/libvmdk.la \
	$(top_builddir)/common/file/libfile.la \
	$(top_builddir)/common/utils/libutils.la

CODEC_LIBS = $(LIBDEFLATE_LIBS) $(LIBISAL_LIBS) $(ZLIB_LIBS)

MOSTLYCLEANFILES = *~
