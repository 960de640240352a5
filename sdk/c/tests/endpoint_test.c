// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "harness.h"

static bool fails(void* context) {
  return context != NULL;
}

int main(void) {
  close(0);  // the endpoint may get descriptor 0
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = NULL;
  unsetenv("APP_REGION");
  EXPECT(leeward_create(&options, &h) == LEEWARD_NO_REGION && h == NULL);
  setenv("APP_REGION", "GRA11", 1);
  EXPECT(leeward_create(&options, &h) == LEEWARD_OK);
  const int slow = dial(h);  // a silent client blocks nobody
  const char* got = ask(h, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT(strncmp(got, "HTTP/1.1 200 ", 13) == 0 && strstr(got, "\"region\":\"GRA11\"") != NULL);
  const char* length = strstr(got, "Content-Length: ");
  const char* body = strstr(got, "\r\n\r\n");
  EXPECT(length && body && strtoul(length + 16, NULL, 10) == strlen(body + 4));
  got = ask(h, "HEAD /livez HTTP/1.0\r\n\r\n");
  EXPECT(strncmp(got, "HTTP/1.1 200 ", 13) == 0 &&
         strcmp(strstr(got, "\r\n\r\n"), "\r\n\r\n") == 0);
  EXPECT(strstr(ask(h, "PUT /healthz HTTP/1.0\r\n\r\n"), "Allow: GET, HEAD\r\n") != NULL);
  EXPECT(strstr(ask(h, "GET /x HTTP/1.0\r\n\r\n"), " 404 ") != NULL);
  EXPECT(strstr(ask(h, "\x16\x03\r\n"), " 400 ") != NULL);
  got = ask(h, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT(strstr(got, " 200 OK") != NULL && strstr(got, " 404 ") != NULL);  // pipelined
  for (int i = 0; i < 5; ++i) leeward_record_failure(h);
  EXPECT(strstr(ask(h, "GET /healthz HTTP/1.0\r\n\r\n"), " 503 ") && strstr(reply, "data-calls"));
  leeward_record_success(h);
  EXPECT(leeward_ready(h));
  EXPECT(leeward_add_dependency(h, "table", 5, fails, NULL, 1000, 100) == LEEWARD_OK);
  EXPECT(strstr(ask(h, "GET /healthz HTTP/1.0\r\n\r\n"), "\"failed\":\"table\"") != NULL);
  close(slow);
  leeward_destroy(h);
  FINISH();
}
