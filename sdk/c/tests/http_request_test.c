// SPDX-License-Identifier: Apache-2.0
#include "../src/http_request.h"

#include <stdio.h>
#include <string.h>

static int failures;
#define EXPECT(x)                                             \
  do {                                                        \
    if (!(x)) {                                               \
      ++failures;                                             \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
    }                                                         \
  } while (0)

static lw_request request;
static int status;
static lw_parse parse(const char* text) {
  return lw_http_parse(text, strlen(text), &request, &status);
}
static int error_of(const char* text) {
  return parse(text) == LW_PARSE_ERROR ? status : 0;
}

int main(void) {
  const char* get = "GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT(parse(get) == LW_PARSE_DONE);
  EXPECT(request.method == LW_METHOD_GET && request.keep_alive && !request.has_body);
  EXPECT(request.path_size == 8 && memcmp(request.path, "/healthz", 8) == 0);
  EXPECT(request.head_size == strlen(get));
  for (size_t cut = 0; cut < strlen(get); ++cut) {
    EXPECT(lw_http_parse(get, cut, &request, &status) == LW_PARSE_MORE);
  }
  EXPECT(parse("HEAD / HTTP/1.0\r\n\r\n") == LW_PARSE_DONE && !request.keep_alive);
  EXPECT(request.method == LW_METHOD_HEAD);
  EXPECT(parse("GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n") == LW_PARSE_DONE &&
         request.keep_alive);
  EXPECT(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == LW_PARSE_DONE &&
         !request.keep_alive);
  EXPECT(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") == LW_PARSE_DONE &&
         request.has_body && !request.keep_alive && request.method == LW_METHOD_OTHER);
  EXPECT(error_of("GET / HTTP/1.1\r\n\r\n") == 400);  // no Host
  EXPECT(error_of("GET / HTTP/1.1\nHost: a\n\n") == 400);
  EXPECT(error_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
  EXPECT(error_of("\x16\x03\x01\n") == 400);
  EXPECT(error_of("GET / HTTP/1.1\r\nHost : a\r\n\r\n") == 400);
  EXPECT(error_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n") ==
         400);
  char big[5000];
  memset(big, 'a', sizeof big);
  memcpy(big, "GET /", 5);
  EXPECT(lw_http_parse(big, sizeof big, &request, &status) == LW_PARSE_ERROR && status == 414);
  memset(big, 'a', sizeof big);
  memcpy(big, "GET / HTTP/1.1\r\n", 16);
  EXPECT(lw_http_parse(big, sizeof big, &request, &status) == LW_PARSE_ERROR && status == 431);
  printf("%s: %d failures\n", __FILE__, failures);
  return failures != 0;
}
