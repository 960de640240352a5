// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

static long long now_ms(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits for the socket until the deadline. False: it passed.
static bool wait_for(int socket, short events, long long deadline_ms) {
  for (;;) {
    const long long left = deadline_ms - now_ms();
    if (left <= 0) {
      return false;
    }
    struct pollfd wait = {socket, events, 0};
    const int ready = poll(&wait, 1, (int)left);
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
}

static bool read_more(http_connection* connection, long long deadline_ms) {
  const size_t room = sizeof connection->buffer - 1 - connection->filled;
  if (room == 0 || !wait_for(connection->socket, POLLIN, deadline_ms)) {
    return false;
  }
  const ssize_t got = recv(connection->socket, connection->buffer + connection->filled, room, 0);
  if (got <= 0) {
    return false;
  }
  connection->filled += (size_t)got;
  connection->buffer[connection->filled] = '\0';
  return true;
}

static const char* find_header(const char* head, const char* name, size_t* size) {
  const size_t name_size = strlen(name);
  for (const char* line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, name_size) == 0 && line[name_size] == ':') {
      const char* value = line + name_size + 1;
      value += strspn(value, " \t");
      *size = strcspn(value, "\r");
      return value;
    }
  }
  return NULL;
}

// The head is terminated at its end. 0: fine, else the status to answer.
static int parse_head(const char* head, http_request* request, size_t* body_size) {
  char version[16];
  if (sscanf(head, "%15[A-Z] %1023[!-~] %15[HTTP/.0-9]\r\n", request->method, request->target,
             version) != 3) {
    return strcspn(head, " ") > 15 ? 400 : strcspn(head, "\r") > sizeof request->target ? 414 : 400;
  }
  const bool modern = strcmp(version, "HTTP/1.1") == 0;
  if (!modern && strcmp(version, "HTTP/1.0") != 0) {
    return 505;
  }
  size_t size = 0;
  const char* connection = find_header(head, "connection", &size);
  request->keep_alive = modern;
  if (connection != NULL) {
    request->keep_alive = size == 10 && strncasecmp(connection, "keep-alive", 10) == 0
                              ? true
                              : modern && strncasecmp(connection, "close", 5) != 0;
  }
  if (find_header(head, "transfer-encoding", &size) != NULL) {
    return 411;
  }
  *body_size = 0;
  const char* length = find_header(head, "content-length", &size);
  if (length != NULL) {
    if (size == 0 || size > 9 || strspn(length, "0123456789") != size) {
      return 400;
    }
    *body_size = (size_t)strtoul(length, NULL, 10);
  }
  return *body_size > HTTP_BODY_MAX ? 413 : 0;
}

http_read_status http_read(http_connection* connection, http_request* request, int* error_status) {
  memset(request, 0, sizeof *request);
  if (connection->filled == 0 && !read_more(connection, now_ms() + HTTP_IDLE_SECONDS * 1000LL)) {
    return HTTP_CLOSED;
  }
  const long long deadline = now_ms() + HTTP_REQUEST_SECONDS * 1000LL;
  char* head_end = NULL;
  while ((head_end = memmem(connection->buffer, connection->filled, "\r\n\r\n", 4)) == NULL) {
    if (connection->filled > HTTP_HEAD_MAX) {
      *error_status = 431;
      return HTTP_BAD_REQUEST;
    }
    if (!read_more(connection, deadline)) {
      return HTTP_CLOSED;
    }
  }
  const size_t head_size = (size_t)(head_end - connection->buffer) + 4;
  size_t body_size = 0;
  const char kept = head_end[2];
  head_end[2] = '\0';  // keeps the last header's line end
  *error_status = parse_head(connection->buffer, request, &body_size);
  head_end[2] = kept;
  if (*error_status != 0) {
    return HTTP_BAD_REQUEST;
  }
  while (connection->filled < head_size + body_size) {
    if (!read_more(connection, deadline)) {
      return HTTP_CLOSED;
    }
  }
  request->body = connection->buffer + head_size;
  request->body_size = body_size;
  request->size = head_size + body_size;
  return HTTP_GOT_REQUEST;
}

void http_consume(http_connection* connection, const http_request* request) {
  connection->filled -= request->size;
  memmove(connection->buffer, connection->buffer + request->size, connection->filled + 1);
}

static bool send_all(int socket, const char* data, size_t size) {
  const long long deadline = now_ms() + HTTP_REQUEST_SECONDS * 1000LL;
  while (size > 0) {
    const ssize_t sent = send(socket, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      data += sent;
      size -= (size_t)sent;
    } else if (errno != EAGAIN && errno != EINTR) {
      return false;
    } else if (!wait_for(socket, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

static const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Service Unavailable";
  }
}

bool http_answer(http_connection* connection, const http_request* request, int status,
                 const char* region, const char* extra_header, const char* json) {
  const size_t size = json == NULL || status == 204 ? 0 : strlen(json);
  char head[512];
  int used = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nX-Region: %s\r\n%s", status,
                      reason(status), region, extra_header == NULL ? "" : extra_header);
  if (status != 204) {  // RFC 9110: no Content-Length there
    used += snprintf(head + used, sizeof head - (size_t)used,
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n", size);
  }
  used += snprintf(head + used, sizeof head - (size_t)used, "Connection: %s\r\n\r\n",
                   request->keep_alive ? "keep-alive" : "close");
  // One send: head and body in one segment where they fit.
  char* whole = malloc((size_t)used + size + 1);
  if (whole == NULL) {
    return false;
  }
  memcpy(whole, head, (size_t)used);
  const bool head_only = strcmp(request->method, "HEAD") == 0;
  if (size > 0 && !head_only) {
    memcpy(whole + used, json, size + 1);
  }
  const bool sent = send_all(connection->socket, whole, (size_t)used + (head_only ? 0 : size));
  free(whole);
  return sent;
}
