// SPDX-License-Identifier: Apache-2.0
#include "json_scan.h"

#include <string.h>

enum { DEPTH_MAX = 128 };  // DynamoDB nests 32 deep, two brackets each

static const lw_span nothing = {NULL, 0};

typedef struct {
  const char* at;
  const char* end;
} cursor;

static void skip_space(cursor* c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
    ++c->at;
  }
}

static bool take(cursor* c, char wanted) {
  skip_space(c);
  if (c->at >= c->end || *c->at != wanted) {
    return false;
  }
  ++c->at;
  return true;
}

static bool skip_string(cursor* c) {
  if (!take(c, '"')) {
    return false;
  }
  while (c->at < c->end) {
    const char character = *c->at++;
    if (character == '"') {
      return true;
    }
    if ((unsigned char)character < 0x20) {
      return false;  // JSON wants them escaped; a NUL would end what is made of this text
    }
    if (character == '\\' && c->at < c->end) {
      ++c->at;
    }
  }
  return false;
}

static bool skip_scalar(cursor* c) {
  const char* begin = c->at;
  while (c->at < c->end && strchr(",]} \t\r\n\"[{:", *c->at) == NULL) {
    ++c->at;
  }
  return c->at > begin;
}

// Any value. Strings end and brackets match, so that it stays whole wherever it is put; that its
// commas and scalars are right is the store's to check.
static bool skip_value(cursor* c) {
  char closing[DEPTH_MAX];
  size_t depth = 0;
  do {
    skip_space(c);
    if (c->at >= c->end) {
      return false;
    }
    const char character = *c->at;
    if (character == '"') {
      if (!skip_string(c)) {
        return false;
      }
    } else if (character == '{' || character == '[') {
      if (depth == DEPTH_MAX) {
        return false;
      }
      closing[depth++] = character == '{' ? '}' : ']';
      ++c->at;
    } else if (character == '}' || character == ']') {
      if (depth == 0 || closing[depth - 1] != character) {
        return false;
      }
      --depth;
      ++c->at;
    } else if (character == ',' || character == ':') {
      if (depth == 0) {
        return false;
      }
      ++c->at;
    } else if (!skip_scalar(c)) {
      return false;
    }
  } while (depth > 0);
  return true;
}

// The next member of an object whose '{' is behind the cursor.
static bool next_member(cursor* c, bool* first, lw_span* name, lw_span* value) {
  if (!*first && !take(c, ',')) {
    return false;
  }
  *first = false;
  skip_space(c);
  const char* begin = c->at;
  if (!skip_string(c)) {
    return false;
  }
  *name = (lw_span){begin + 1, (size_t)(c->at - begin) - 2};
  if (!take(c, ':')) {
    return false;
  }
  skip_space(c);
  begin = c->at;
  if (!skip_value(c)) {
    return false;
  }
  *value = (lw_span){begin, (size_t)(c->at - begin)};
  return true;
}

static bool equals(lw_span span, const char* text) {
  return span.size == strlen(text) && memcmp(span.text, text, span.size) == 0;
}

lw_span lw_json_member(lw_span object, const char* name) {
  if (object.text == NULL) {
    return nothing;
  }
  cursor c = {object.text, object.text + object.size};
  bool first = true;
  lw_span found;
  lw_span value;
  if (!take(&c, '{')) {
    return nothing;
  }
  while (next_member(&c, &first, &found, &value)) {
    if (equals(found, name)) {
      return value;
    }
  }
  return nothing;
}

lw_span lw_json_first(lw_span array) {
  if (array.text == NULL) {
    return nothing;
  }
  cursor c = {array.text, array.text + array.size};
  if (!take(&c, '[')) {
    return nothing;
  }
  skip_space(&c);
  const char* begin = c.at;
  return skip_value(&c) ? (lw_span){begin, (size_t)(c.at - begin)} : nothing;
}

bool lw_json_only_members(lw_span object, const char* const* names) {
  if (object.text == NULL) {
    return false;
  }
  cursor c = {object.text, object.text + object.size};
  bool first = true;
  lw_span found;
  lw_span value;
  if (!take(&c, '{')) {
    return false;
  }
  skip_space(&c);
  while (c.at < c.end && *c.at != '}') {
    if (!next_member(&c, &first, &found, &value)) {
      return false;
    }
    skip_space(&c);
    bool known = names == NULL;
    for (const char* const* name = names; name != NULL && *name != NULL; ++name) {
      known = known || equals(found, *name);
    }
    if (!known) {
      return false;
    }
  }
  const bool closed = take(&c, '}');
  skip_space(&c);
  return closed && c.at == c.end;
}

bool lw_json_is(lw_span value, const char* text) {
  return value.text != NULL && value.size >= 2 && value.text[0] == '"' &&
         equals((lw_span){value.text + 1, value.size - 2}, text);
}

bool lw_json_number_attribute(lw_span value, uint64_t* out) {
  const lw_span number = lw_json_member(value, "N");
  if (number.text == NULL || number.size < 3 || number.size > 21 || number.text[0] != '"') {
    return false;
  }
  uint64_t result = 0;
  for (size_t i = 1; i + 1 < number.size; ++i) {
    const char digit = number.text[i];
    if (digit < '0' || digit > '9' || result > (UINT64_MAX - 9) / 10) {
      return false;
    }
    result = result * 10 + (uint64_t)(digit - '0');
  }
  *out = result;
  return true;
}
