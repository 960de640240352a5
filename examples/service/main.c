// SPDX-License-Identifier: Apache-2.0
//
// items-service: a small API over DynamoDB that runs in one region. It shows how a service uses
// libleeward: /healthz tells whether its own reads and writes succeed.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "store.h"
#include "visitors.h"

// A real write, where this region may write now, and a real read, on a connection of its own. A
// standby only reads: it is healthy.
static bool canary(void* context) {
  const api* self = context;
  char id[96];
  char* value = NULL;
  (void)snprintf(id, sizeof id, STORE_CANARY_PREFIX "%s", self->from->region);
  dynamo* client = dynamo_open(self->from);
  bool works = client != NULL;
  if (works) {
    const store_status wrote = store_put(client, self->from, self->health, id, "canary");
    const store_status got =
        wrote == STORE_FAILED ? STORE_FAILED : store_get(client, self->from, id, &value);
    works = got == STORE_OK || (got == STORE_ABSENT && wrote == STORE_FENCED);
  }
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

// True if a signal to end came within `ms`.
static bool told_to_end(const sigset_t* ends, long ms) {
  const struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
  return sigtimedwait(ends, NULL, &wait) > 0;
}

typedef enum { TABLE_IS_THERE, TABLE_CANNOT_BE, TABLE_TOLD_TO_END } table_status;

// The store may start after the service: keeps trying for 20 s at least.
static table_status create_table(const settings* from, const sigset_t* ends) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    dynamo* client = dynamo_open(from);
    const bool done = client != NULL && store_create_table(client, from) == STORE_OK;
    if (!done && attempt % 10 == 9) {
      (void)fprintf(stderr, "items-service: waiting for the table: %s\n",
                    client == NULL ? "out of memory" : dynamo_error(client));
    }
    dynamo_close(client);
    if (done) {
      return TABLE_IS_THERE;
    }
    if (told_to_end(ends, 200)) {
      return TABLE_TOLD_TO_END;
    }
  }
  return TABLE_CANNOT_BE;
}

static leeward* start_health(const settings* from) {
  leeward_options options;
  leeward_options_init(&options);
  options.region = from->region;
  options.address = from->health_address;
  options.port = from->health_port;
  options.dependencies_expected = 1;  // the store, registered below
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

static bool watch_fence(leeward* health, const settings* from, store_fence* reader) {
  leeward_fence_options options;
  leeward_fence_options_init(&options);
  options.application = from->application;
  options.reader = store_read_fence;
  options.context = reader;
  options.lease_ms = from->lease_ms;
  options.watch_ms = from->lease_ms >= 2000 ? 200 : from->lease_ms / 10 + 10;
  options.mode = strcmp(from->fencing, "transaction") == 0 ? LEEWARD_FENCING_TRANSACTION
                 : strcmp(from->fencing, "lease") == 0     ? LEEWARD_FENCING_LEASE
                                                           : LEEWARD_FENCING_NONE;
  const leeward_status status = leeward_watch_fence(health, &options);
  if (status != LEEWARD_OK) {
    (void)fprintf(stderr, "items-service: cannot watch the fence: %s\n",
                  leeward_status_text(status));
  }
  return status == LEEWARD_OK;
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
      "  APPLICATION, FENCING       its name in Leeward's config, shop; none, lease or "
      "transaction\n"
      "  LEASE_MS                   the policy's lease, 3000\n"
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
  store_fence reader = {&from, NULL};
  if (!watch_fence(health, &from, &reader)) {
    return 1;
  }
  // The endpoint does not say ready before it has asked the store.
  api self = {&from, health};
  const char name[] = "dynamodb";
  if (leeward_add_dependency(health, name, sizeof name - 1, canary, &self, 250, 1000) !=
      LEEWARD_OK) {
    (void)fprintf(stderr, "items-service: cannot watch DynamoDB\n");
    return 1;
  }
  // Clients are answered from now on, with 503 until there is a table.
  if (!visitors_begin(&self, listener)) {
    (void)fprintf(stderr, "items-service: cannot start a thread\n");
    return 1;
  }
  const table_status table = from.create_table ? create_table(&from, &ends) : TABLE_IS_THERE;
  if (table == TABLE_CANNOT_BE) {
    (void)fprintf(stderr, "items-service: the table %s cannot be created\n", from.table);
  } else if (table == TABLE_IS_THERE) {
    (void)fprintf(stderr, "items-service: %s serves http://%s:%u/items, health on port %u\n",
                  from.region, from.address, (unsigned)from.port, (unsigned)leeward_port(health));
    int number = 0;
    (void)sigwait(&ends, &number);
  }
  // Who is still being answered then uses `health`: it goes with the process.
  if (visitors_end()) {
    leeward_destroy(health);
    dynamo_close(reader.client);
  }
  _exit(table == TABLE_CANNOT_BE ? 1 : 0);
}
