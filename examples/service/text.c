// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <string.h>

// The length of the UTF-8 sequence at `at`, by table 3-7 of the Unicode standard; 0: none.
static size_t sequence(const unsigned char* at, size_t left) {
  const unsigned char first = at[0];
  if (first < 0x80) {
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || left < length) {
    return 0;
  }
  const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < length; ++i) {
    if ((at[i] & 0xc0) != 0x80) {
      return 0;
    }
  }
  return length;
}

bool text_is_storable(const char* json, size_t size) {
  for (size_t i = 0; i < size;) {
    if (json[i] == '\0') {
      return false;
    }
    if (json[i] == '\\' && i + 1 < size) {
      if (size - i >= 6 && memcmp(json + i, "\\u0000", 6) == 0) {
        return false;
      }
      // The escaped character may be a backslash, which then escapes nothing; it may not be part
      // of a longer sequence, which is looked at by itself.
      i += json[i + 1] == '\\' ? 2 : 1;
      continue;
    }
    const size_t length = sequence((const unsigned char*)json + i, size - i);
    if (length == 0) {
      return false;
    }
    i += length;
  }
  return true;
}
