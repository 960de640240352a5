// SPDX-License-Identifier: Apache-2.0
#include "http_request.h"

#include <string.h>
#include <strings.h>

static bool is_token(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool equals(const char* data, size_t size, const char* text) {
  return size == strlen(text) && strncasecmp(data, text, size) == 0;
}

static lw_parse fail(int* status, int code) {
  *status = code;
  return LW_PARSE_ERROR;
}

// Returns 0, or the status of the error.
static int parse_request_line(const char* line, size_t size, lw_request* out, bool* http11) {
  size_t method = 0;
  while (method < size && is_token((unsigned char)line[method])) {
    ++method;
  }
  if (method == 0 || method >= size || line[method] != ' ') {
    return 400;
  }
  out->method = LW_METHOD_OTHER;  // methods are case-sensitive
  if (method == 3 && memcmp(line, "GET", 3) == 0) {
    out->method = LW_METHOD_GET;
  } else if (method == 4 && memcmp(line, "HEAD", 4) == 0) {
    out->method = LW_METHOD_HEAD;
  }
  const char* target = line + method + 1;
  const size_t rest = size - method - 1;
  size_t target_size = 0;
  while (target_size < rest && target[target_size] > ' ' && target[target_size] < 0x7f) {
    ++target_size;
  }
  const bool asterisk = target_size == 1 && target[0] == '*';
  if (target_size == 0 || target_size >= rest || target[target_size] != ' ' ||
      (target[0] != '/' && !asterisk)) {
    return 400;
  }
  if (target_size > LW_HTTP_TARGET_MAX) {
    return 414;
  }
  const char* version = target + target_size + 1;
  if (rest - target_size - 1 != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.' ||
      version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9') {
    return 400;
  }
  if (version[5] != '1') {
    return 505;
  }
  *http11 = version[7] != '0';
  const char* query = memchr(target, '?', target_size);
  out->path = target;
  out->path_size = query != NULL ? (size_t)(query - target) : target_size;
  return 0;
}

typedef struct {
  int hosts;
  bool close, keep, length_seen, body, chunked;
} fields;

static void parse_connection(const char* value, size_t size, fields* seen) {
  size_t start = 0;
  for (size_t i = 0; i <= size; ++i) {
    if (i < size && value[i] != ',') {
      continue;
    }
    size_t from = start;
    size_t to = i;
    while (from < to && (value[from] == ' ' || value[from] == '\t')) {
      ++from;
    }
    while (to > from && (value[to - 1] == ' ' || value[to - 1] == '\t')) {
      --to;
    }
    seen->close |= equals(value + from, to - from, "close");
    seen->keep |= equals(value + from, to - from, "keep-alive");
    start = i + 1;
  }
}

static bool parse_field(const char* line, size_t size, fields* seen) {
  size_t name = 0;
  while (name < size && is_token((unsigned char)line[name])) {
    ++name;
  }
  if (name == 0 || name >= size || line[name] != ':') {
    return false;
  }
  const char* value = line + name + 1;
  size_t value_size = size - name - 1;
  while (value_size > 0 && (*value == ' ' || *value == '\t')) {
    ++value;
    --value_size;
  }
  while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t')) {
    --value_size;
  }
  for (size_t i = 0; i < value_size; ++i) {
    const unsigned char c = (unsigned char)value[i];
    if ((c < ' ' && c != '\t') || c == 0x7f) {
      return false;
    }
  }
  if (equals(line, name, "host")) {
    ++seen->hosts;
  } else if (equals(line, name, "connection")) {
    parse_connection(value, value_size, seen);
  } else if (equals(line, name, "transfer-encoding")) {
    seen->chunked = true;
    seen->body = true;
  } else if (equals(line, name, "content-length")) {
    if (seen->length_seen || value_size == 0) {
      return false;  // two lengths are how requests are smuggled
    }
    seen->length_seen = true;
    for (size_t i = 0; i < value_size; ++i) {
      if (value[i] < '0' || value[i] > '9') {
        return false;
      }
      seen->body |= value[i] != '0';
    }
  }
  return true;
}

lw_parse lw_http_parse(const char* data, size_t size, lw_request* request, int* status) {
  memset(request, 0, sizeof *request);
  *status = 0;
  fields seen = {0};
  bool http11 = false;
  size_t at = 0;
  // RFC 9112 section 2.2: ignore an empty line before the request line.
  if (size >= 2 && data[0] == '\r' && data[1] == '\n') {
    at = 2;
  }
  for (bool first = true;; first = false) {
    const char* end = size > at ? memchr(data + at, '\n', size - at) : NULL;
    const size_t line_end = end != NULL ? (size_t)(end - data) : size;
    if (first && line_end - at > LW_HTTP_TARGET_MAX + 64) {
      return fail(status, 414);
    }
    if (line_end >= LW_HTTP_HEAD_MAX) {
      return fail(status, 431);
    }
    if (end == NULL) {
      return LW_PARSE_MORE;
    }
    if (line_end == at || data[line_end - 1] != '\r') {
      return fail(status, 400);  // a bare LF
    }
    const size_t line_size = line_end - 1 - at;
    if (first) {
      const int code = parse_request_line(data + at, line_size, request, &http11);
      if (code != 0) {
        return fail(status, code);
      }
    } else if (line_size == 0) {
      at = line_end + 1;
      break;
    } else if (!parse_field(data + at, line_size, &seen)) {
      return fail(status, 400);
    }
    at = line_end + 1;
  }
  if (seen.hosts > 1 || (http11 && seen.hosts == 0) || (seen.chunked && seen.length_seen)) {
    return fail(status, 400);
  }
  request->has_body = seen.body;
  request->keep_alive = !seen.close && !seen.body && (http11 || seen.keep);
  request->head_size = at;
  return LW_PARSE_DONE;
}
