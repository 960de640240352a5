// SPDX-License-Identifier: Apache-2.0
// Enough of HTTP/1.1 for a small API on blocking sockets: each request has a deadline, sizes are
// bounded, and a client that is slow, silent or gone costs its own thread and nobody else's.
#ifndef ITEMS_HTTP_H
#define ITEMS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum {
  HTTP_HEAD_MAX = 8192,
  HTTP_BODY_MAX = 65536,
  HTTP_REQUEST_SECONDS = 5,
  HTTP_IDLE_SECONDS = 30
};

typedef struct {
  int socket;
  size_t filled;                                   // bytes in the buffer
  char buffer[HTTP_HEAD_MAX + HTTP_BODY_MAX + 1];  // the request being read, and what follows it
} http_connection;

typedef struct {
  char method[16];
  char target[1024];  // path and query, as sent
  const char* body;   // terminated; within the connection's buffer
  size_t body_size;
  bool keep_alive;
  size_t size;  // of the whole request, to be consumed
} http_request;

typedef enum { HTTP_GOT_REQUEST, HTTP_BAD_REQUEST, HTTP_CLOSED } http_read_status;

// HTTP_BAD_REQUEST: answer `*error_status` and close.
http_read_status http_read(http_connection* connection, http_request* request, int* error_status);
void http_consume(http_connection* connection, const http_request* request);

// False: the client is gone.
bool http_answer(http_connection* connection, const http_request* request, int status,
                 const char* region, const char* extra_header, const char* json);

#endif
