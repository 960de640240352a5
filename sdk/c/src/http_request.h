// SPDX-License-Identifier: Apache-2.0
// Sans-IO parser of an HTTP/1.x request head (RFC 9112): bytes in, a request, "more" or an HTTP
// error status out. It keeps no state, allocates nothing and reads only [data, data + size).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  LW_HTTP_TARGET_MAX = 1024,  // a longer request line is 414
  LW_HTTP_HEAD_MAX = 4096,    // a longer head is 431
};

typedef enum { LW_METHOD_GET, LW_METHOD_HEAD, LW_METHOD_OTHER } lw_method;

typedef struct {
  lw_method method;
  const char* path;  // points into the input; without the query
  size_t path_size;
  bool keep_alive;   // the client wants the connection kept (RFC 9112 section 9.3)
  bool has_body;     // a body follows: the server answers and closes
  size_t head_size;  // bytes of the input that the head took
} lw_request;

typedef enum { LW_PARSE_MORE, LW_PARSE_DONE, LW_PARSE_ERROR } lw_parse;

// On LW_PARSE_ERROR *status is 400, 414, 431 or 505, and the connection must be closed.
lw_parse lw_http_parse(const char* data, size_t size, lw_request* request, int* status);

#ifdef __cplusplus
}
#endif
