// SPDX-License-Identifier: Apache-2.0
// Readiness: dependencies with deadlines, and what data calls say.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

// Waits up to 30 s; the tests never assert that something happens soon, only that it happens.
static bool becomes(leeward* h, bool ready) {
  for (int i = 0; i < 3000; ++i) {
    if (leeward_ready(h) == ready) {
      return true;
    }
    usleep(10000);
  }
  return false;
}

static atomic_int reads;
static bool read_flag(void* flag) {
  atomic_fetch_add(&reads, 1);
  return atomic_load((atomic_bool*)flag);
}

static atomic_bool stuck_may_end;
static bool stuck(void* context) {
  (void)context;
  while (!atomic_load(&stuck_may_end)) {
    usleep(1000);
  }
  return true;
}

static void dependencies_are_followed(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  atomic_bool works = false;
  EXPECT(leeward_add_dependency(h, "db", 2, read_flag, &works, 10, 1000) == LEEWARD_OK);
  EXPECT(!leeward_ready(h));
  atomic_store(&works, true);
  EXPECT(becomes(h, true));
  atomic_store(&works, false);
  EXPECT(becomes(h, false));
  EXPECT(strstr(ask(h, GET_READY), " 503 ") != NULL && strstr(reply, "\"failed\":\"db\"") != NULL);
  EXPECT(strstr(ask(h, "GET /livez HTTP/1.0\r\n\r\n"), " 200 ") != NULL);
  EXPECT(leeward_add_dependency(h, "bad name", 8, read_flag, &works, 10, 10) == LEEWARD_INVALID);
  EXPECT(leeward_add_dependency(h, "", 0, read_flag, &works, 10, 10) == LEEWARD_INVALID);
  leeward_destroy(h);
}

static void nothing_is_ready_before_what_it_expects(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.dependencies_expected = 1;
  leeward* h = start(&options);
  EXPECT(strstr(ask(h, GET_READY), " 503 ") != NULL &&
         strstr(reply, "\"failed\":\"starting\"") != NULL);
  atomic_bool works = true;
  EXPECT(leeward_add_dependency(h, "db", 2, read_flag, &works, 10, 1000) == LEEWARD_OK);
  EXPECT(becomes(h, true));
  leeward_destroy(h);
}

static void a_stuck_dependency_blocks_nobody(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  atomic_bool works = true;
  EXPECT(leeward_add_dependency(h, "fine", 4, read_flag, &works, 10, 1000) == LEEWARD_OK);
  EXPECT(becomes(h, true));
  atomic_store(&stuck_may_end, false);
  EXPECT(leeward_add_dependency(h, "stuck", 5, stuck, NULL, 10, 50) == LEEWARD_OK);
  EXPECT(becomes(h, false));
  EXPECT(strstr(ask(h, GET_READY), "\"failed\":\"stuck\"") != NULL);
  const int before = atomic_load(&reads);  // the other one is still being checked
  for (int i = 0; i < 3000 && atomic_load(&reads) < before + 3; ++i) {
    usleep(10000);
  }
  EXPECT(atomic_load(&reads) >= before + 3);
  leeward_destroy(h);  // returns although a check hangs
  atomic_store(&stuck_may_end, true);
}

static void stuck_checks_are_not_waited_for_one_by_one(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  atomic_store(&stuck_may_end, false);
  for (int i = 0; i < 40; ++i) {
    EXPECT(leeward_add_dependency(h, "stuck", 5, stuck, NULL, 10, 1000) == LEEWARD_OK);
  }
  struct timespec before;
  struct timespec after;
  (void)clock_gettime(CLOCK_MONOTONIC, &before);
  leeward_destroy(h);
  (void)clock_gettime(CLOCK_MONOTONIC, &after);
  EXPECT(after.tv_sec - before.tv_sec < 20);  // about one deadline; one by one it is 40 s
  atomic_store(&stuck_may_end, true);
}

static void data_calls_speak(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.failures_max = 3;
  options.half_open_after_ms = 50;
  leeward* h = start(&options);
  leeward_record_failure(h);
  leeward_record_failure(h);
  EXPECT(leeward_ready(h));
  leeward_record_success(h);  // ends the row
  leeward_record_failure(h);
  leeward_record_failure(h);
  EXPECT(leeward_ready(h));
  leeward_record_failure(h);
  EXPECT(!leeward_ready(h));
  EXPECT(becomes(h, true));   // on trial, since nobody calls a service that is not ready
  leeward_record_failure(h);  // which one failure ends
  EXPECT(!leeward_ready(h));
  leeward_record_success(h);
  EXPECT(leeward_ready(h));
  leeward_destroy(h);
}

static void a_share_of_failures_speaks(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.failures_max = 1000;
  options.failure_percent = 40;
  options.window_ms = 600000;
  leeward* h = start(&options);
  for (int i = 0; i < 6; ++i) {
    leeward_record_success(h);
  }
  for (int i = 0; i < 3; ++i) {
    leeward_record_failure(h);
  }
  EXPECT(leeward_ready(h));  // nine calls: too few to judge by their share
  leeward_record_failure(h);
  EXPECT(!leeward_ready(h));
  leeward_destroy(h);

  options.failure_percent = 50;
  options.half_open_after_ms = 600000;
  h = start(&options);
  for (int i = 0; i < 1000;
       ++i) {  // half-broken: no row of failures, and no single success heals it
    leeward_record_failure(h);
    leeward_record_success(h);
    EXPECT(i < 10 || !leeward_ready(h));
  }
  for (int i = 0; i < 100; ++i) {
    leeward_record_success(h);
  }
  EXPECT(leeward_ready(h));  // the share fell
  leeward_destroy(h);
}

static void an_older_programs_struct_is_not_overrun(void) {
  struct {
    leeward_options options;
    unsigned char after[16];
  } stack;
  memset(&stack, 0xAA, sizeof stack);
  const size_t older = offsetof(leeward_options, window_ms);
  leeward_options_init_size(&stack.options, older);
  const unsigned char* bytes = (const unsigned char*)&stack;
  for (size_t i = older; i < sizeof stack; ++i) {
    EXPECT(bytes[i] == 0xAA);
  }
  leeward* h = start(&stack.options);
  leeward_destroy(h);
}

static void* record(void* handle) {
  for (int i = 0; i < 20000; ++i) {
    (i % 2 == 0 ? leeward_record_success : leeward_record_failure)(handle);
    (void)leeward_ready(handle);
  }
  return NULL;
}

static void counters_are_thread_safe(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) {
    EXPECT(pthread_create(&threads[i], NULL, record, h) == 0);
  }
  for (int i = 0; i < 4; ++i) {
    pthread_join(threads[i], NULL);
  }
  leeward_destroy(h);
}

static void options_are_checked(void) {
  leeward_options options;
  leeward* h = NULL;
  setenv("APP_REGION", "GRA11", 1);
  EXPECT(leeward_create(NULL, &h) == LEEWARD_INVALID);
  leeward_options_init(&options);
  options.address = "localhost";
  EXPECT(leeward_create(&options, &h) == LEEWARD_INVALID);
  leeward_options_init(&options);
  options.ready_path = "healthz";
  EXPECT(leeward_create(&options, &h) == LEEWARD_INVALID);
  leeward_options_init(&options);
  options.size = sizeof options + 1;  // of a newer library
  EXPECT(leeward_create(&options, &h) == LEEWARD_INVALID);
  leeward_options_init(&options);
  options.size = offsetof(leeward_options, connections_max);  // of an older one
  options.connections_max = 0;
  EXPECT(leeward_create(&options, &h) == LEEWARD_OK);
  leeward_destroy(h);
  setenv("APP_REGION", "no spaces", 1);
  leeward_options_init(&options);
  EXPECT(leeward_create(&options, &h) == LEEWARD_NO_REGION);
  options.region = "RBX-A";
  EXPECT(leeward_create(&options, &h) == LEEWARD_OK && strcmp(leeward_region(h), "RBX-A") == 0);
  leeward* second = NULL;
  options.port = leeward_port(h);
  EXPECT(leeward_create(&options, &second) == LEEWARD_SYSTEM && errno == EADDRINUSE);
  leeward_destroy(h);
  for (int i = 0; i < 100; ++i) {
    options.port = 0;
    EXPECT(leeward_create(&options, &h) == LEEWARD_OK);
    leeward_destroy(h);
  }
}

int main(void) {
  dependencies_are_followed();
  nothing_is_ready_before_what_it_expects();
  a_stuck_dependency_blocks_nobody();
  stuck_checks_are_not_waited_for_one_by_one();
  data_calls_speak();
  a_share_of_failures_speaks();
  counters_are_thread_safe();
  options_are_checked();
  an_older_programs_struct_is_not_overrun();
  FINISH();
}
