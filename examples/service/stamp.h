// SPDX-License-Identifier: Apache-2.0
// Last-writer-wins stamps: "<16 digits of microseconds>.<4-digit counter>.<region>". Of two
// versions of an item the one with the greater text wins, in every region.
#ifndef ITEMS_STAMP_H
#define ITEMS_STAMP_H

#define STAMP_SIZE 96

// A stamp greater than every earlier one of this process, and than `seen` (may be NULL or empty).
// Thread-safe.
void stamp_next(const char* region, const char* seen, char out[STAMP_SIZE]);

#endif
