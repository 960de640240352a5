// SPDX-License-Identifier: Apache-2.0
// Finds values in JSON text without building anything. For answers of the application's own store:
// it never reads out of bounds, and text that is not JSON is found to hold nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char* text;
  size_t size;
} lw_span;

// The value of a member of an object, without surrounding space; text NULL: there is none.
lw_span lw_json_member(lw_span object, const char* name);
// The first element of an array; text NULL: it is empty, or no array.
lw_span lw_json_first(lw_span array);
// Whether the text is one object and nothing else, at most 128 deep, all of whose member names are
// in the list, which ends with NULL. No list: any names.
bool lw_json_only_members(lw_span object, const char* const* names);
// A string equal to `text`, which needs no escapes.
bool lw_json_is(lw_span value, const char* text);
// {"N": "123"} to 123.
bool lw_json_number_attribute(lw_span value, uint64_t* out);
