// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "fence.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_scan.h"
#include "thread.h"

enum { SHARDS = 16 };
static const char fence_table[] = "leeward-fence";

struct lw_fence {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  pthread_t thread;
  leeward_fence_options options;
  char application[64];
  bool watching, stopping;
  lw_lease lease;
};

// ---- clocks ----

static uint64_t milliseconds(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Goes on while the machine is suspended, as leases do.
static uint64_t boot_ms(void) {
  return milliseconds(CLOCK_BOOTTIME);
}

static uint64_t wall_ms(void) {
  return milliseconds(CLOCK_REALTIME);
}

// ---- the lease ----

void lw_lease_read(lw_lease* lease, leeward_fence fence, uint64_t now_ms, uint32_t lease_ms) {
  const bool same_owner = lease->known && !lease->absent && lease->fence.epoch == fence.epoch &&
                          lease->fence.open == fence.open;
  if (same_owner && fence.grant != lease->fence.grant) {
    // Granted after the last read began that did not show it.
    lease->lease_until = lease->read_ms + lease_ms;
    lease->renewed = true;
  } else if (!same_owner) {
    lease->renewed = false;
  }
  lease->known = true;
  lease->absent = false;
  lease->fence = fence;
  lease->read_ms = now_ms;
}

bool lw_lease_runs(const lw_lease* lease, uint64_t now_ms, uint64_t wall_now_ms,
                   uint32_t lease_ms) {
  return lease->known && !lease->absent && lease->fence.open && lease->renewed &&
         now_ms < lease->lease_until && wall_now_ms < lease->fence.granted_at_ms + lease_ms;
}

uint64_t lw_lease_over_ms(const lw_lease* lease, uint64_t now_ms, uint64_t wall_now_ms,
                          uint32_t lease_ms) {
  const uint64_t wall_until = lease->fence.granted_at_ms + lease_ms;
  const uint64_t here = now_ms > lease->lease_until ? now_ms - lease->lease_until : 0;
  const uint64_t wall = wall_now_ms > wall_until ? wall_now_ms - wall_until : 0;
  return here > wall ? here : wall;
}

// ---- watching ----

static void* watch(void* argument) {
  lw_fence* f = argument;
  char id[80];
  (void)snprintf(id, sizeof id, "%s#0", f->application);
  pthread_mutex_lock(&f->mutex);
  while (!f->stopping) {
    pthread_mutex_unlock(&f->mutex);
    leeward_fence read = {0};
    const uint64_t begun_ms = boot_ms();
    const leeward_fence_result result =
        f->options.reader(f->options.context, fence_table, id, &read);
    pthread_mutex_lock(&f->mutex);
    if (result == LEEWARD_FENCE_READ) {
      lw_lease_read(&f->lease, read, begun_ms, f->options.lease_ms);
    } else if (result == LEEWARD_FENCE_ABSENT) {
      f->lease = (lw_lease){.known = true, .absent = true};
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += f->options.watch_ms / 1000;
    until.tv_nsec += (long)(f->options.watch_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_nsec -= 1000000000;
      ++until.tv_sec;
    }
    while (!f->stopping && pthread_cond_timedwait(&f->changed, &f->mutex, &until) != ETIMEDOUT) {
    }
  }
  pthread_mutex_unlock(&f->mutex);
  return NULL;
}

lw_fence* lw_fence_new(void) {
  lw_fence* f = calloc(1, sizeof *f);
  if (f != NULL) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&f->mutex, NULL);
  }
  return f;
}

void lw_fence_free(lw_fence* f) {
  if (f == NULL) {
    return;
  }
  pthread_mutex_lock(&f->mutex);
  f->stopping = true;
  pthread_cond_signal(&f->changed);
  pthread_mutex_unlock(&f->mutex);
  if (f->watching) {
    pthread_join(f->thread, NULL);
  }
  pthread_cond_destroy(&f->changed);
  pthread_mutex_destroy(&f->mutex);
  free(f);
}

static bool is_name(const char* text) {
  const size_t size = text != NULL ? strlen(text) : 0;
  return size >= 1 && size <= 63 &&
         strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}

void leeward_fence_options_init_size(leeward_fence_options* options, size_t size) {
  const leeward_fence_options defaults = {
      .size = size, .lease_ms = 3000, .watch_ms = 200, .mode = LEEWARD_FENCING_TRANSACTION};
  memcpy(options, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

leeward_status lw_fence_watch(lw_fence* f, const leeward_fence_options* from) {
  leeward_fence_options taken;
  leeward_fence_options_init(&taken);
  if (from == NULL || from->size < sizeof(size_t) || from->size > sizeof taken) {
    return LEEWARD_INVALID;
  }
  memcpy(&taken, from, from->size);
  const bool reads = taken.mode != LEEWARD_FENCING_NONE;
  if (!is_name(taken.application) || (reads && taken.reader == NULL) || taken.lease_ms < 50 ||
      taken.lease_ms > 600000 || taken.watch_ms < 10 || taken.watch_ms > 60000 ||
      taken.mode < LEEWARD_FENCING_NONE || taken.mode > LEEWARD_FENCING_TRANSACTION) {
    return LEEWARD_INVALID;
  }
  leeward_status status = LEEWARD_OK;
  pthread_mutex_lock(&f->mutex);
  if (f->application[0] != '\0') {
    status = LEEWARD_INVALID;  // it watches already
  } else {
    f->options = taken;
    strcpy(f->application, taken.application);
    f->watching = reads && lw_thread_create(&f->thread, watch, f);
    if (reads && !f->watching) {
      f->application[0] = '\0';
      status = LEEWARD_SYSTEM;
    }
  }
  pthread_mutex_unlock(&f->mutex);
  return status;
}

// ---- asking ----

// With the mutex held.
static bool may_write(const lw_fence* f) {
  if (f->application[0] == '\0') {
    return false;
  }
  return f->options.mode == LEEWARD_FENCING_NONE ||
         lw_lease_runs(&f->lease, boot_ms(), wall_ms(), f->options.lease_ms);
}

bool lw_fence_may_write(lw_fence* f) {
  pthread_mutex_lock(&f->mutex);
  const bool may = may_write(f);
  pthread_mutex_unlock(&f->mutex);
  return may;
}

uint64_t lw_fence_epoch(lw_fence* f) {
  pthread_mutex_lock(&f->mutex);
  const uint64_t epoch = f->lease.known && !f->lease.absent ? f->lease.fence.epoch : 0;
  pthread_mutex_unlock(&f->mutex);
  return epoch;
}

void lw_fence_refusal(lw_fence* f, char* out, size_t size) {
  if (size == 0) {
    return;
  }
  out[0] = '\0';
  pthread_mutex_lock(&f->mutex);
  const lw_lease* lease = &f->lease;
  if (f->application[0] == '\0') {
    (void)snprintf(out, size, "the fence is not watched: call leeward_watch_fence");
  } else if (may_write(f)) {
    // nothing to say
  } else if (!lease->known) {
    (void)snprintf(out, size, "the fence of %s was never read", f->application);
  } else if (lease->absent) {
    (void)snprintf(out, size, "there is no fence of %s in this region", f->application);
  } else if (!lease->fence.open) {
    (void)snprintf(out, size, "another region is the active one: epoch %" PRIu64 " is closed here",
                   lease->fence.epoch);
  } else if (!lease->renewed) {
    (void)snprintf(out, size, "the lease of epoch %" PRIu64 " has not begun", lease->fence.epoch);
  } else {
    const uint64_t ago_ms = lw_lease_over_ms(lease, boot_ms(), wall_ms(), f->options.lease_ms);
    (void)snprintf(out, size,
                   "the lease of epoch %" PRIu64 " has run out %" PRIu64 ".%" PRIu64 " s ago",
                   lease->fence.epoch, ago_ms / 1000, ago_ms % 1000 / 100);
  }
  pthread_mutex_unlock(&f->mutex);
}

void lw_fence_note_fenced(lw_fence* f) {
  pthread_mutex_lock(&f->mutex);
  f->lease.fence.open = false;
  f->lease.renewed = false;
  pthread_mutex_unlock(&f->mutex);
}

// ---- fenced writes ----

static const char* element_of(const char* operation) {
  return strcmp(operation, "PutItem") == 0      ? "Put"
         : strcmp(operation, "UpdateItem") == 0 ? "Update"
         : strcmp(operation, "DeleteItem") == 0 ? "Delete"
                                                : NULL;
}

// Writers of one process take different items, so that no item is asked by all.
static unsigned shard_of_thread(void) {
  const uint64_t self = (uint64_t)(uintptr_t)pthread_self();
  return (unsigned)((self * UINT64_C(0x9E3779B97F4A7C15)) >> 60);
}

size_t lw_fence_write(lw_fence* f, const char* operation, const char* request, size_t request_size,
                      char* out, size_t size) {
  static const char* const allowed[] = {"TableName",
                                        "Item",
                                        "Key",
                                        "UpdateExpression",
                                        "ConditionExpression",
                                        "ExpressionAttributeNames",
                                        "ExpressionAttributeValues",
                                        "ReturnValuesOnConditionCheckFailure",
                                        NULL};
  const char* element = element_of(operation);
  const uint64_t epoch = lw_fence_epoch(f);
  if (element == NULL || epoch == 0 || request_size > (1U << 24) ||
      !lw_json_only_members((lw_span){request, request_size}, allowed)) {
    return 0;
  }
  const int length = snprintf(
      out, size,
      "{\"TransactItems\":[{\"ConditionCheck\":{\"TableName\":\"%s\",\"Key\":{\"id\":{\"S\":"
      "\"%s#%u\"}},\"ConditionExpression\":\"epoch = :e AND #o = :t\","
      "\"ExpressionAttributeNames\":{\"#o\":\"open\"},\"ExpressionAttributeValues\":{\":e\":{"
      "\"N\":\"%" PRIu64 "\"},\":t\":{\"BOOL\":true}}}},{\"%s\":%.*s}]}",
      fence_table, f->application, shard_of_thread() % SHARDS, epoch, element, (int)request_size,
      request);
  return length < 0 ? 0 : (size_t)length;
}

bool leeward_is_fenced(const char* answer, size_t size) {
  const lw_span reasons = lw_json_member((lw_span){answer, size}, "CancellationReasons");
  return lw_json_is(lw_json_member(lw_json_first(reasons), "Code"), "ConditionalCheckFailed");
}

leeward_fence_result leeward_parse_fence(const char* answer, size_t size, leeward_fence* out) {
  const lw_span whole = {answer, size};
  const lw_span item = lw_json_member(whole, "Item");
  if (!lw_json_only_members(whole, NULL)) {
    return LEEWARD_FENCE_FAILED;  // cut short, or a page of something in between
  }
  if (item.text == NULL) {  // an error names its type
    return lw_json_member(whole, "__type").text == NULL ? LEEWARD_FENCE_ABSENT
                                                        : LEEWARD_FENCE_FAILED;
  }
  leeward_fence fence = {0};
  const lw_span open = lw_json_member(lw_json_member(item, "open"), "BOOL");
  fence.open = open.size == 4 && memcmp(open.text, "true", 4) == 0;
  if (!lw_json_number_attribute(lw_json_member(item, "epoch"), &fence.epoch) ||
      (!fence.open && (open.size != 5 || memcmp(open.text, "false", 5) != 0))) {
    return LEEWARD_FENCE_FAILED;
  }
  const lw_span grant = lw_json_member(item, "grant");
  const lw_span granted_at = lw_json_member(item, "granted_at");
  if ((grant.text != NULL && !lw_json_number_attribute(grant, &fence.grant)) ||
      (granted_at.text != NULL && !lw_json_number_attribute(granted_at, &fence.granted_at_ms))) {
    return LEEWARD_FENCE_FAILED;
  }
  *out = fence;
  return LEEWARD_FENCE_READ;
}
