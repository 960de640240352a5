// SPDX-License-Identifier: Apache-2.0
//
// items-service: a small API over DynamoDB that runs in one region. It shows how a service uses
// libleeward: /healthz tells whether its own reads and writes succeed.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api.h"
#include "store.h"

enum { CONNECTIONS_MAX = 256 };

static atomic_int connections;

typedef struct {
  const api* self;
  http_connection connection;
} visitor;

static void serve(const api* self, dynamo* client, http_connection* connection) {
  for (;;) {
    http_request request;
    int error_status = 0;
    switch (http_read(connection, &request, &error_status)) {
      case HTTP_CLOSED:
        return;
      case HTTP_BAD_REQUEST:
        request.keep_alive = false;
        (void)http_answer(connection, &request, error_status, self->from->region, NULL,
                          "{\"error\":\"this request cannot be understood\"}");
        return;
      case HTTP_GOT_REQUEST:
        if (!api_handle(self, client, connection, &request) || !request.keep_alive) {
          return;
        }
        http_consume(connection, &request);
    }
  }
}

static void* visitor_thread(void* argument) {
  visitor* guest = argument;
  dynamo* client = dynamo_open(guest->self->from);
  if (client != NULL) {
    serve(guest->self, client, &guest->connection);
    dynamo_close(client);
  }
  close(guest->connection.socket);
  free(guest);
  atomic_fetch_sub(&connections, 1);
  return NULL;
}

// A real write and a real read, on a connection of its own.
static bool canary(void* context) {
  const settings* from = context;
  char id[96];
  char* value = NULL;
  (void)snprintf(id, sizeof id, STORE_CANARY_PREFIX "%s", from->region);
  dynamo* client = dynamo_open(from);
  const bool works = client != NULL && store_put(client, from, id, "canary") == STORE_OK &&
                     store_get(client, from, id, &value) == STORE_OK;
  free(value);
  dynamo_close(client);
  return works;
}

static int listen_on(const settings* from) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(from->port)};
  const int on = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || inet_pton(AF_INET, from->address, &address.sin_addr) != 1 ||
      setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener, (const struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, SOMAXCONN) != 0) {
    (void)fprintf(stderr, "items-service: cannot listen on %s port %u: %s\n", from->address,
                  (unsigned)from->port, strerror(errno));
    return -1;
  }
  return listener;
}

static void accept_visitors(const api* self, int listener) {
  for (;;) {
    const int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EINTR || errno == ECONNABORTED) {
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        usleep(10000);
        continue;
      }
      return;  // the listener was shut down
    }
    const int on = 1;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    visitor* guest = calloc(1, sizeof *guest);
    pthread_t thread;
    if (guest == NULL || atomic_fetch_add(&connections, 1) >= CONNECTIONS_MAX) {
      if (guest != NULL) {
        atomic_fetch_sub(&connections, 1);
      }
      free(guest);
      close(socket);
      continue;
    }
    guest->self = self;
    guest->connection.socket = socket;
    if (pthread_create(&thread, NULL, visitor_thread, guest) != 0) {
      atomic_fetch_sub(&connections, 1);
      free(guest);
      close(socket);
      continue;
    }
    (void)pthread_detach(thread);
  }
}

static void* acceptor_thread(void* argument) {
  void** both = argument;
  accept_visitors(both[0], *(const int*)both[1]);
  return NULL;
}

static bool create_table(const settings* from) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    dynamo* client = dynamo_open(from);
    const bool done = client != NULL && store_create_table(client, from) == STORE_OK;
    if (!done && attempt % 10 == 9) {
      (void)fprintf(stderr, "items-service: waiting for the table: %s\n",
                    client == NULL ? "out of memory" : dynamo_error(client));
    }
    dynamo_close(client);
    if (done) {
      return true;
    }
    usleep(200000);
  }
  return false;
}

static leeward* start_health(const settings* from) {
  leeward_options options;
  leeward_options_init(&options);
  options.region = from->region;
  options.address = from->health_address;
  options.port = from->health_port;
  leeward* health = NULL;
  const leeward_status status = leeward_create(&options, &health);
  if (status != LEEWARD_OK) {
    (void)fprintf(stderr, "items-service: no health endpoint on %s port %u: %s%s%s\n",
                  from->health_address, (unsigned)from->health_port, leeward_status_text(status),
                  status == LEEWARD_SYSTEM ? ": " : "",
                  status == LEEWARD_SYSTEM ? strerror(errno) : "");
  }
  return health;
}

static void usage(void) {
  (void)puts(
      "usage: items-service\n\n"
      "A small items API over DynamoDB: GET, PUT and DELETE /items/{id}, GET /items. Its settings\n"
      "come from the environment:\n"
      "  APP_REGION                 this region's name (required)\n"
      "  APP_ADDRESS, APP_PORT      where the API listens; 127.0.0.1, 8080\n"
      "  HEALTH_ADDRESS, HEALTH_PORT  where /healthz listens; APP_ADDRESS, 8081\n"
      "  TABLE, CREATE_TABLE=1      the table; items. Create it if it is missing\n"
      "  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN\n"
      "  DYNAMODB_ENDPOINT          for local stores; Amazon's of AWS_REGION\n"
      "Ends cleanly on SIGTERM. Exit status: 0 ended so, 1 could not start, 2 wrong usage.");
}

int main(int argc, char** argv) {
  if (argc > 1) {
    const bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    usage();
    return help ? 0 : 2;
  }
  settings from;
  if (!settings_read(&from)) {
    return 1;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);  // inherited by every thread: only main waits
  (void)signal(SIGPIPE, SIG_IGN);
  curl_global_init(CURL_GLOBAL_DEFAULT);

  int listener = listen_on(&from);
  leeward* health = listener < 0 ? NULL : start_health(&from);
  if (health == NULL) {
    return 1;
  }
  // Before anything else, so that the endpoint never says ready without having asked the store.
  const char name[] = "dynamodb";
  if (leeward_add_dependency(health, name, sizeof name - 1, canary, &from, 250, 1000) !=
      LEEWARD_OK) {
    (void)fprintf(stderr, "items-service: cannot watch DynamoDB\n");
    return 1;
  }
  if (from.create_table && !create_table(&from)) {
    (void)fprintf(stderr, "items-service: the table %s cannot be created\n", from.table);
    return 1;
  }
  const api self = {&from, health};
  void* both[2] = {(void*)&self, &listener};
  pthread_t acceptor;
  if (pthread_create(&acceptor, NULL, acceptor_thread, both) != 0) {
    return 1;
  }
  (void)fprintf(stderr, "items-service: %s serves http://%s:%u/items, health on port %u\n",
                from.region, from.address, (unsigned)from.port, (unsigned)leeward_port(health));
  int number = 0;
  (void)sigwait(&ends, &number);
  (void)shutdown(listener, SHUT_RDWR);
  (void)pthread_join(acceptor, NULL);
  leeward_destroy(health);
  // Visitors that are being answered get a moment; idle ones are cut with the process.
  for (int i = 0; i < 20 && atomic_load(&connections) > 0; ++i) {
    usleep(10000);
  }
  _exit(0);
}
