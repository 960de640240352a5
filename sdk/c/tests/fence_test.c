// SPDX-License-Identifier: Apache-2.0
// Who may write: the lease as arithmetic, and the whole with a reader made of values.
#define _GNU_SOURCE
#include "../src/fence.h"

#include <pthread.h>
#include <time.h>

#include "harness.h"

static void the_lease_runs_from_the_last_read_without_the_grant(void) {
  lw_lease lease = {0};
  leeward_fence fence = {.epoch = 7, .grant = 1, .granted_at_ms = 1000000, .open = true};
  EXPECT(!lw_lease_runs(&lease, 0, 1000000, 3000));
  lw_lease_read(&lease, fence, 100, 3000);
  EXPECT(!lw_lease_runs(&lease, 100, 1000000, 3000));  // who knows how old that grant is
  lw_lease_read(&lease, fence, 300, 3000);
  fence.grant = 2;
  lw_lease_read(&lease, fence, 500, 3000);
  EXPECT(lw_lease_runs(&lease, 500, 1000000, 3000));
  EXPECT(lw_lease_runs(&lease, 3299, 1000000, 3000));
  EXPECT(!lw_lease_runs(&lease, 3300, 1000000,
                        3000));  // granted after the read at 300 at the earliest
  EXPECT(!lw_lease_runs(&lease, 500, 1003000, 3000));  // by the wall clock it is over
  fence.grant = 3;
  fence.granted_at_ms = 1000100;
  lw_lease_read(&lease, fence, 700, 3000);
  EXPECT(lw_lease_runs(&lease, 3400, 1000000, 3000));
}

static void a_new_epoch_or_a_closed_fence_ends_it(void) {
  lw_lease lease = {0};
  leeward_fence fence = {.epoch = 7, .grant = 1, .granted_at_ms = 1000000, .open = true};
  lw_lease_read(&lease, fence, 100, 3000);
  fence.grant = 2;
  lw_lease_read(&lease, fence, 200, 3000);
  EXPECT(lw_lease_runs(&lease, 300, 1000000, 3000));
  fence.epoch = 8;
  fence.open = false;
  lw_lease_read(&lease, fence, 400, 3000);
  EXPECT(!lw_lease_runs(&lease, 400, 1000000, 3000));
  fence.open = true;
  fence.epoch = 9;
  lw_lease_read(&lease, fence, 500, 3000);
  EXPECT(!lw_lease_runs(&lease, 500, 1000000, 3000));  // ours again, but not renewed yet
  fence.grant = 3;
  lw_lease_read(&lease, fence, 600, 3000);
  EXPECT(lw_lease_runs(&lease, 600, 1000000, 3000));
}

static void what_is_over_says_for_how_long(void) {
  lw_lease lease = {.known = true, .renewed = true, .lease_until = 5000};
  lease.fence = (leeward_fence){.epoch = 7, .granted_at_ms = 1000000, .open = true};
  EXPECT(lw_lease_over_ms(&lease, 4999, 1002999, 3000) == 0);
  EXPECT(lw_lease_over_ms(&lease, 6200, 1003100, 3000) == 1200);
  EXPECT(lw_lease_over_ms(&lease, 5100, 1004500, 3000) == 1500);
}

static void answers_are_read(void) {
  leeward_fence fence = {0};
  const char good[] =
      "{\"Item\": {\"id\": {\"S\": \"a#0\"}, \"epoch\": {\"N\": \"7\"}, \"open\": {\"BOOL\": "
      "true}, "
      "\"grant\": {\"N\": \"12\"}, \"granted_at\": {\"N\": \"1795434008000\"}}}";
  EXPECT(leeward_parse_fence(good, strlen(good), &fence) == LEEWARD_FENCE_READ);
  EXPECT(fence.epoch == 7 && fence.open && fence.grant == 12 &&
         fence.granted_at_ms == 1795434008000);
  EXPECT(leeward_parse_fence("{}", 2, &fence) == LEEWARD_FENCE_ABSENT);
  const char* const bad[] = {
      "",
      "x",
      "{\"__type\": \"x#InternalServerError\"}",
      "{\"Item\": {}}",
      "<html><style>p{color:red}</style>",
      "{",
      "{} {}",
      "{\"Item\": {\"epoch\": {\"N\": \"7\"}, \"open\": {\"BOOL\": true}}",
      "{\"Item\": {\"epoch\": {\"N\": \"7\"}, \"open\": {\"BOOL\": true]}}",
      "{\"Item\": {\"epoch\": {\"N\": \"7\"}, \"open\": {\"BOOL\": maybe}}}",
      "{\"Item\": {\"epoch\": {\"N\": \"-7\"}, \"open\": {\"BOOL\": true}}}",
      "{\"Item\": {\"epoch\": {\"N\": \"99999999999999999999\"}, \"open\": {\"BOOL\": true}}}",
      "{\"Item\": {\"epoch\": {\"N\": \"7\"}, \"open\": {\"S\": \"true\"}}}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    EXPECT(leeward_parse_fence(bad[i], strlen(bad[i]), &fence) == LEEWARD_FENCE_FAILED);
  }
  const char fenced[] =
      "{\"__type\": \"a#TransactionCanceledException\", \"CancellationReasons\": [{\"Item\": "
      "{\"Code\": {\"S\": \"None\"}}, \"Code\": \"ConditionalCheckFailed\"}, {\"Code\": "
      "\"None\"}]}";
  const char other[] =
      "{\"__type\": \"a#TransactionCanceledException\", \"CancellationReasons\": [{\"Code\": "
      "\"None\"}, {\"Code\": \"ConditionalCheckFailed\"}]}";
  EXPECT(leeward_is_fenced(fenced, strlen(fenced)));
  EXPECT(!leeward_is_fenced(other, strlen(other)));
  EXPECT(!leeward_is_fenced("", 0));
}

// ---- the whole ----

typedef struct {
  pthread_mutex_t mutex;
  leeward_fence fence;
  leeward_fence_result result;
  bool renews;  // counts a grant with each read, as Leeward does in the meantime
} table;

static leeward_fence_result read_table(void* context, const char* name, const char* id,
                                       leeward_fence* out) {
  table* t = context;
  EXPECT(strcmp(name, "leeward-fence") == 0 && strcmp(id, "shop#0") == 0);
  pthread_mutex_lock(&t->mutex);
  if (t->renews) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ++t->fence.grant;
    t->fence.granted_at_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  }
  *out = t->fence;
  const leeward_fence_result result = t->result;
  pthread_mutex_unlock(&t->mutex);
  return result;
}

static void set(table* t, leeward_fence_result result, uint64_t epoch, bool open, bool renews) {
  pthread_mutex_lock(&t->mutex);
  t->result = result;
  t->fence.epoch = epoch;
  t->fence.open = open;
  t->renews = renews;
  pthread_mutex_unlock(&t->mutex);
}

// Waits for it, half a minute at most.
static bool becomes(leeward* h, bool may) {
  for (int i = 0; i < 3000; ++i) {
    if (leeward_may_write(h) == may) {
      return true;
    }
    const struct timespec pause = {0, 10000000};
    (void)nanosleep(&pause, NULL);
  }
  return false;
}

static void a_writer_follows_the_fence(void) {
  table t = {.mutex = PTHREAD_MUTEX_INITIALIZER, .result = LEEWARD_FENCE_ABSENT};
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  char why[128];
  char out[1024];
  EXPECT(!leeward_may_write(h));
  leeward_fence_options fence;
  leeward_fence_options_init(&fence);
  EXPECT(leeward_watch_fence(h, &fence) == LEEWARD_INVALID);  // no application
  fence.application = "shop";
  fence.reader = read_table;
  fence.context = &t;
  fence.lease_ms = 600000;  // this test has all the time in the world
  fence.watch_ms = 10;
  EXPECT(leeward_watch_fence(h, &fence) == LEEWARD_OK);
  EXPECT(leeward_watch_fence(h, &fence) == LEEWARD_INVALID);  // once
  EXPECT(!leeward_may_write(h) && leeward_epoch(h) == 0);
  const char put[] = "{\"TableName\": \"items\", \"Item\": {\"id\": {\"S\": \"a\"}}}";
  EXPECT(leeward_fenced_write(h, "PutItem", put, strlen(put), out, sizeof out) == 0);

  set(&t, LEEWARD_FENCE_READ, 7, true, true);
  EXPECT(becomes(h, true));
  leeward_write_refusal(h, why, sizeof why);
  EXPECT(leeward_epoch(h) == 7 && why[0] == '\0');
  const size_t length = leeward_fenced_write(h, "PutItem", put, strlen(put), out, sizeof out);
  EXPECT(length == strlen(out) && strstr(out, "{\"Put\":{\"TableName\": \"items\"") != NULL &&
         strstr(out, "{\":e\":{\"N\":\"7\"}") != NULL);
  EXPECT(leeward_fenced_write(h, "PutItem", put, strlen(put), out, 10) == length);
  const char returns[] = "{\"TableName\": \"items\", \"Item\": {}, \"ReturnValues\": \"ALL_OLD\"}";
  EXPECT(leeward_fenced_write(h, "PutItem", returns, strlen(returns), out, sizeof out) == 0);
  EXPECT(leeward_fenced_write(h, "Query", put, strlen(put), out, sizeof out) == 0);
  EXPECT(leeward_fenced_write(h, "PutItem", "{} {}", 5, out, sizeof out) == 0);
  // What could break out of its place in the transaction, or cut it short.
  const char* const broken[] = {"{\"Item\": {]}",
                                "{\"Item\": {}}, {\"Put\": {}}",
                                "{\"Item\": {}",
                                "{\"TableName\": \"a\nb\"}",
                                "{\"Item\": {\"a\\\": {}}",
                                "{,}",
                                ""};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; ++i) {
    EXPECT(leeward_fenced_write(h, "PutItem", broken[i], strlen(broken[i]), out, sizeof out) == 0);
  }
  const char cut[] = "{\"TableName\": \"a\0b\"}";
  EXPECT(leeward_fenced_write(h, "PutItem", cut, sizeof cut - 1, out, sizeof out) == 0);

  set(&t, LEEWARD_FENCE_FAILED, 7, true, true);  // unreachable: the lease goes on
  EXPECT(leeward_may_write(h));
  set(&t, LEEWARD_FENCE_READ, 8, false, false);
  EXPECT(becomes(h, false));
  leeward_write_refusal(h, why, sizeof why);
  EXPECT(strstr(why, "epoch 8 is closed here") != NULL);
  set(&t, LEEWARD_FENCE_READ, 9, true, true);
  EXPECT(becomes(h, true));
  set(&t, LEEWARD_FENCE_READ, 9, true, false);
  leeward_note_fenced(h);
  EXPECT(!leeward_may_write(h));
  leeward_destroy(h);
}

static void a_lease_that_is_not_renewed_runs_out(void) {
  table t = {.mutex = PTHREAD_MUTEX_INITIALIZER, .result = LEEWARD_FENCE_READ};
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  leeward_fence_options fence;
  leeward_fence_options_init(&fence);
  fence.application = "shop";
  fence.reader = read_table;
  fence.context = &t;
  fence.lease_ms = 2000;
  fence.watch_ms = 10;
  fence.mode = LEEWARD_FENCING_LEASE;
  set(&t, LEEWARD_FENCE_READ, 7, true, true);
  EXPECT(leeward_watch_fence(h, &fence) == LEEWARD_OK);
  EXPECT(becomes(h, true));
  set(&t, LEEWARD_FENCE_READ, 7, true, false);
  EXPECT(becomes(h, false));
  char why[128];
  leeward_write_refusal(h, why, sizeof why);
  EXPECT(strstr(why, "has run out ") != NULL);
  leeward_destroy(h);
}

static void without_fencing_everything_is_allowed(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  leeward_fence_options fence;
  leeward_fence_options_init(&fence);
  fence.application = "shop";
  fence.mode = LEEWARD_FENCING_NONE;
  EXPECT(leeward_watch_fence(h, &fence) == LEEWARD_OK);
  EXPECT(leeward_may_write(h));
  leeward_destroy(h);
}

int main(void) {
  the_lease_runs_from_the_last_read_without_the_grant();
  a_new_epoch_or_a_closed_fence_ends_it();
  what_is_over_says_for_how_long();
  answers_are_read();
  a_writer_follows_the_fence();
  a_lease_that_is_not_renewed_runs_out();
  without_fencing_everything_is_allowed();
  FINISH();
}
