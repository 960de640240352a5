// SPDX-License-Identifier: Apache-2.0
#include "stamp.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// A hybrid logical clock: wall time that never goes back, with a counter within a microsecond.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_microseconds;
static unsigned last_counter;

static uint64_t now_microseconds(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

bool stamp_next(const char* region, const char* seen, char out[STAMP_SIZE]) {
  uint64_t microseconds = now_microseconds();
  const uint64_t seen_microseconds = seen == NULL ? 0 : strtoull(seen, NULL, 10);
  if (seen_microseconds > microseconds + STAMP_AHEAD_MAX_US) {
    return false;
  }
  if (microseconds <= seen_microseconds) {
    microseconds = seen_microseconds + 1;
  }
  (void)pthread_mutex_lock(&mutex);
  if (microseconds > last_microseconds) {
    last_microseconds = microseconds;
    last_counter = 0;
  } else if (++last_counter > 9999) {
    ++last_microseconds;
    last_counter = 0;
  }
  (void)snprintf(out, STAMP_SIZE, "%016" PRIu64 ".%04u.%s", last_microseconds, last_counter,
                 region);
  (void)pthread_mutex_unlock(&mutex);
  return true;
}
