// SPDX-License-Identifier: Apache-2.0
// Last-writer-wins stamps: "<16 digits of microseconds>.<4-digit counter>.<region>". Of two
// versions of an item the one with the greater text wins, in every region.
#ifndef ITEMS_STAMP_H
#define ITEMS_STAMP_H

#include <stdbool.h>

#define STAMP_SIZE 96

// A stamp further ahead of this clock than a day is a fault, not a clock that runs fast: to follow
// it would drag every later stamp of this process along, in the end past 16 digits.
#define STAMP_AHEAD_MAX_US (24ULL * 3600 * 1000000)

// A stamp greater than every earlier one of this process, and than `seen` (may be NULL or empty).
// False, and no stamp: `seen` is too far ahead. Thread-safe.
bool stamp_next(const char* region, const char* seen, char out[STAMP_SIZE]);

#endif
