// SPDX-License-Identifier: Apache-2.0
// What the tests of the C library share: expectations, and a client on a socket.
#ifndef LEEWARD_TESTS_HARNESS_H
#define LEEWARD_TESTS_HARNESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <leeward/leeward.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int failures;
#define EXPECT(x)                                                   \
  do {                                                              \
    if (!(x)) {                                                     \
      ++failures;                                                   \
      (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
    }                                                               \
  } while (0)

#define FINISH()                                     \
  do {                                               \
    printf("%s: %d failures\n", __FILE__, failures); \
    return failures != 0;                            \
  } while (0)

// -1 where the connection cannot be made. Reads give up after 30 s: a test must end.
static inline int dial(const leeward* h) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(leeward_port(h))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const struct timeval patience = {30, 0};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&at, sizeof at) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    if (fd >= 0) {
      close(fd);
    }
    return -1;
  }
  return fd;
}

static inline bool say(int fd, const char* text) {
  return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

// All until the other side closes.
static char reply[65536];
static inline const char* hear(int fd) {
  size_t size = 0;
  for (ssize_t got;
       size < sizeof reply - 1 && (got = recv(fd, reply + size, sizeof reply - 1 - size, 0)) > 0;) {
    size += (size_t)got;
  }
  reply[size] = '\0';
  return reply;
}

// One answer of a connection that stays open.
static inline const char* hear_one(int fd) {
  size_t size = 0;
  for (;;) {
    reply[size] = '\0';
    const char* body = strstr(reply, "\r\n\r\n");
    const char* length = strstr(reply, "Content-Length: ");
    if (body != NULL && length != NULL && strlen(body + 4) >= strtoul(length + 16, NULL, 10)) {
      return reply;
    }
    const ssize_t got = recv(fd, reply + size, sizeof reply - 1 - size, 0);
    if (got <= 0) {
      return reply;
    }
    size += (size_t)got;
  }
}

static inline const char* ask(const leeward* h, const char* text) {
  const int fd = dial(h);
  EXPECT(fd >= 0 && say(fd, text));
  shutdown(fd, SHUT_WR);
  hear(fd);
  close(fd);
  return reply;
}

#define GET_READY "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static inline leeward* start(leeward_options* options) {
  leeward* h = NULL;
  setenv("APP_REGION", "GRA11", 1);
  const leeward_status status = leeward_create(options, &h);
  if (status != LEEWARD_OK) {
    (void)fprintf(stderr, "cannot start: %s (%s)\n", leeward_status_text(status), strerror(errno));
    exit(1);
  }
  return h;
}

#endif
