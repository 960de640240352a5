// SPDX-License-Identifier: Apache-2.0
// A service with a health endpoint: APP_REGION=GRA11 ./leeward_hello
#define _POSIX_C_SOURCE 200809L
#include <leeward/leeward.h>
#include <signal.h>
#include <stdio.h>

static bool database_works(void* context) {
  (void)context;
  return true;  // a real service asks its database here, with a real query
}

int main(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.port = 8081;
  options.dependencies_expected = 1;
  leeward* health = NULL;
  const leeward_status status = leeward_create(&options, &health);
  if (status != LEEWARD_OK) {
    (void)fprintf(stderr, "no health endpoint: %s\n", leeward_status_text(status));
    return 1;
  }
  leeward_add_dependency(health, "database", 8, database_works, NULL, 1000, 500);
  printf("region %s: http://127.0.0.1:%u/healthz\n", leeward_region(health),
         (unsigned)leeward_port(health));
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  int number = 0;
  sigwait(&ends, &number);
  leeward_destroy(health);
  return 0;
}
