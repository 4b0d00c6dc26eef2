/* SPDX-License-Identifier: BSD-3-Clause */
/* What a fuzzer's bytes stand for: the files of a disk, and a script.
 *
 * An input is a row of records: the number of a file (1 byte, modulo 8), 1 byte
 * of nothing, LENGTH (16 bits) and SECTOR (32 bits, modulo 32768), little-
 * endian, then LENGTH bytes, or what is left of the input.  They go to that
 * sector of that file; what no record says is zero, and a file ends where its
 * last record does.  So holes cost nothing, and a change of a few bytes moves a
 * structure, swaps files or cuts them short.
 *
 * File 7 is not one of the disk: its bytes are options, or a script.
 */

#ifndef VMDK_FUZZ_INPUT_H
#define VMDK_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "dir.h"
#include "disk.h"
#include "host.h"

#define INPUT_FILES   7 /* of the disk */
#define INPUT_SCRIPT  7
#define INPUT_SECTORS 32768

struct piece {
  unsigned char *bytes; /* or NULL */
  size_t size;
};

struct input {
  struct piece files[INPUT_FILES + 1];
};

/* The names of the files; [0] is the one to be opened. */
extern const char *const input_names[INPUT_FILES];

/* Take apart the SIZE bytes at DATA.  Free with input_free. */
extern void input_split (struct input *in, const uint8_t *data, size_t size);
extern void input_free (struct input *in);

/* Byte I of the script; 0 behind its end. */
extern uint8_t input_script (const struct input *in, size_t i);

/* The files, as a directory that can only be read, which lasts no longer than
 * IN; and as a host, which can be written to, and keeps that.
 */
extern struct dir *input_dir (const struct input *in);
extern struct host *input_host (const struct input *in);

/* Open the disk in DIR as O says, which is completed here; or return NULL, in
 * which case exactly one failure was reported, or there is no such file.
 */
extern struct disk *input_open (struct dir *dir, struct disk_options *o);

#endif /* VMDK_FUZZ_INPUT_H */
