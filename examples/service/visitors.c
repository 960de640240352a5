// SPDX-License-Identifier: Apache-2.0
#include "visitors.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  size_t place;
  uint64_t silent_since;  // a turn number; 0: a request of its is being answered, or it was cut
  http_connection connection;
} visitor;

static const api* service;
static int listening;
static pthread_t acceptor;

// Guards what follows, and that a socket in `present` is open.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static visitor* present[VISITORS_MAX + VISITORS_LEAVING];
static size_t count;
static uint64_t turns;
static bool ending;

static void cut(visitor* guest) {
  guest->silent_since = 0;
  (void)shutdown(guest->connection.socket, SHUT_RDWR);  // its thread reads the end and leaves
}

// False: the service ends, and this visitor with it.
static bool set_silent(visitor* guest, bool silent) {
  (void)pthread_mutex_lock(&mutex);
  guest->silent_since = silent ? ++turns : 0;
  const bool stays = !ending;
  (void)pthread_mutex_unlock(&mutex);
  return stays;
}

static bool enter(visitor* guest) {
  (void)pthread_mutex_lock(&mutex);
  size_t free_place = VISITORS_MAX + VISITORS_LEAVING;
  visitor* longest = NULL;
  for (size_t i = 0; i < VISITORS_MAX + VISITORS_LEAVING; ++i) {
    if (present[i] == NULL) {
      free_place = i;
    } else if (present[i]->silent_since != 0 &&
               (longest == NULL || present[i]->silent_since < longest->silent_since)) {
      longest = present[i];
    }
  }
  if (count >= VISITORS_MAX && longest != NULL) {
    cut(longest);
  }
  // Full of answers under way: one more would only slow them down.
  const bool enters = !ending && free_place < VISITORS_MAX + VISITORS_LEAVING &&
                      (count < VISITORS_MAX || longest != NULL);
  if (enters) {
    guest->place = free_place;
    guest->silent_since = ++turns;
    present[free_place] = guest;
    ++count;
  }
  (void)pthread_mutex_unlock(&mutex);
  return enters;
}

static void leave(visitor* guest) {
  (void)pthread_mutex_lock(&mutex);
  present[guest->place] = NULL;
  --count;
  close(guest->connection.socket);
  (void)pthread_mutex_unlock(&mutex);
  free(guest);
}

static void serve(visitor* guest, dynamo* client) {
  for (;;) {
    if (!set_silent(guest, true)) {
      return;
    }
    http_request request;
    int error_status = 0;
    const http_read_status status = http_read(&guest->connection, &request, &error_status);
    (void)set_silent(guest, false);
    switch (status) {
      case HTTP_CLOSED:
        return;
      case HTTP_BAD_REQUEST:
        request.keep_alive = false;
        (void)http_answer(&guest->connection, &request, error_status, service->from->region, NULL,
                          "{\"error\":\"this request cannot be understood\"}");
        return;
      case HTTP_GOT_REQUEST:
        if (!api_handle(service, client, &guest->connection, &request) || !request.keep_alive) {
          return;
        }
        http_consume(&guest->connection, &request);
    }
  }
}

static void* visitor_thread(void* argument) {
  visitor* guest = argument;
  dynamo* client = dynamo_open(service->from);
  if (client != NULL) {
    serve(guest, client);
    dynamo_close(client);
  }
  leave(guest);
  return NULL;
}

static void welcome(int socket) {
  const int on = 1;
  (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  visitor* guest = calloc(1, sizeof *guest);
  if (guest == NULL) {
    close(socket);
    return;
  }
  guest->connection.socket = socket;
  if (!enter(guest)) {
    close(socket);
    free(guest);
    return;
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, visitor_thread, guest) != 0) {
    leave(guest);
    return;
  }
  (void)pthread_detach(thread);
}

static void* acceptor_thread(void* unused) {
  (void)unused;
  for (;;) {
    const int socket = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (socket >= 0) {
      welcome(socket);
    } else if (errno == EINVAL || errno == EBADF) {
      return NULL;  // shut down
    } else if (errno != EINTR && errno != ECONNABORTED) {
      // Out of something, or a network error that was meant for the connection (accept(2)): the
      // next may do better, and a service that stops accepting looks alive and is not.
      usleep(10000);
    }
  }
}

bool visitors_begin(const api* self, int listener) {
  service = self;
  listening = listener;
  return pthread_create(&acceptor, NULL, acceptor_thread, NULL) == 0;
}

bool visitors_end(void) {
  (void)shutdown(listening, SHUT_RDWR);
  (void)pthread_join(acceptor, NULL);
  (void)pthread_mutex_lock(&mutex);
  ending = true;
  for (size_t i = 0; i < VISITORS_MAX + VISITORS_LEAVING; ++i) {
    if (present[i] != NULL && present[i]->silent_since != 0) {
      cut(present[i]);
    }
  }
  (void)pthread_mutex_unlock(&mutex);
  bool empty = false;
  for (int waited_ms = 0; !empty && waited_ms < VISITORS_GRACE_MS; waited_ms += 10) {
    (void)pthread_mutex_lock(&mutex);
    empty = count == 0;
    (void)pthread_mutex_unlock(&mutex);
    if (!empty) {
      usleep(10000);
    }
  }
  return empty;
}
