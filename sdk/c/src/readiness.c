// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "readiness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "thread.h"

enum { kBuckets = 10, kCallsMin = 10 };

typedef struct dependency {
  struct dependency* next;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  leeward_check check;
  void* context;
  pthread_t thread;
  uint64_t started_ms;
  uint32_t interval_ms, deadline_ms;
  bool running, ok, stop, ended, abandoned;
  char name[64];
} dependency;

struct lw_readiness {
  pthread_mutex_t mutex;  // taken before a dependency's
  dependency* dependencies;
  uint32_t registered;
  leeward_options options;
  uint64_t bucket;  // number of the newest bucket
  uint32_t calls[kBuckets], failures[kBuckets];
  uint32_t row;
  uint64_t last_failure_ms;
  bool tripped;
  bool tripped_by_share;  // else by failures in a row, or by a failed trial
};

uint64_t lw_now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_until(dependency* d, uint64_t at_ms) {
  const struct timespec at = {.tv_sec = (time_t)(at_ms / 1000),
                              .tv_nsec = (long)(at_ms % 1000) * 1000000};
  pthread_cond_timedwait(&d->changed, &d->mutex, &at);
}

static void release(dependency* d) {
  pthread_cond_destroy(&d->changed);
  pthread_mutex_destroy(&d->mutex);
  free(d);
}

static void* run_checks(void* argument) {
  dependency* d = argument;
  pthread_mutex_lock(&d->mutex);
  while (!d->stop) {
    d->running = true;
    d->started_ms = lw_now_ms();
    pthread_mutex_unlock(&d->mutex);
    const bool ok = d->check(d->context);
    pthread_mutex_lock(&d->mutex);
    d->running = false;
    d->ok = ok && lw_now_ms() - d->started_ms <= d->deadline_ms;
    const uint64_t next_ms = lw_now_ms() + d->interval_ms;
    while (!d->stop && lw_now_ms() < next_ms) {
      wait_until(d, next_ms);
    }
  }
  d->ended = true;
  const bool abandoned = d->abandoned;
  pthread_cond_broadcast(&d->changed);
  pthread_mutex_unlock(&d->mutex);
  if (abandoned) {
    release(d);  // the handle is gone: nobody else knows this dependency
  }
  return NULL;
}

lw_readiness* lw_readiness_new(const leeward_options* options) {
  lw_readiness* r = calloc(1, sizeof *r);
  if (r != NULL) {
    r->options = *options;
    pthread_mutex_init(&r->mutex, NULL);
  }
  return r;
}

static void tell_to_stop(dependency* d) {
  pthread_mutex_lock(&d->mutex);
  d->stop = true;
  pthread_cond_broadcast(&d->changed);
  pthread_mutex_unlock(&d->mutex);
}

static void await_end(dependency* d, uint64_t told_ms) {
  const uint64_t until_ms = told_ms + d->deadline_ms;
  pthread_mutex_lock(&d->mutex);
  while (!d->ended && lw_now_ms() < until_ms) {
    wait_until(d, until_ms);
  }
  const pthread_t thread = d->thread;
  const bool ended = d->ended;
  d->abandoned = !ended;
  pthread_mutex_unlock(&d->mutex);
  if (ended) {
    pthread_join(thread, NULL);
    release(d);
  } else {
    pthread_detach(thread);
  }
}

void lw_readiness_free(lw_readiness* r) {
  // All are told before one is waited for: stuck ones cost the longest deadline, not their sum.
  const uint64_t told_ms = lw_now_ms();
  for (dependency* d = r->dependencies; d != NULL; d = d->next) {
    tell_to_stop(d);
  }
  while (r->dependencies != NULL) {
    dependency* d = r->dependencies;
    r->dependencies = d->next;
    await_end(d, told_ms);
  }
  pthread_mutex_destroy(&r->mutex);
  free(r);
}

leeward_status lw_readiness_add(lw_readiness* r, const char* name, size_t name_size,
                                leeward_check check, void* context, uint32_t interval_ms,
                                uint32_t deadline_ms) {
  if (name == NULL || name_size == 0 || name_size > 63 || check == NULL || interval_ms == 0 ||
      deadline_ms == 0) {
    return LEEWARD_INVALID;
  }
  for (size_t i = 0; i < name_size; ++i) {
    if (name[i] == 0 || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
                               name[i]) == NULL) {
      return LEEWARD_INVALID;
    }
  }
  dependency* d = calloc(1, sizeof *d);
  if (d == NULL) {
    return LEEWARD_NO_MEMORY;
  }
  memcpy(d->name, name, name_size);
  d->check = check;
  d->context = context;
  d->interval_ms = interval_ms;
  d->deadline_ms = deadline_ms;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&d->mutex, NULL);
  pthread_cond_init(&d->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  if (!lw_thread_create(&d->thread, run_checks, d)) {
    release(d);
    return LEEWARD_SYSTEM;
  }
  pthread_mutex_lock(&r->mutex);
  d->next = r->dependencies;
  r->dependencies = d;
  ++r->registered;
  pthread_mutex_unlock(&r->mutex);
  return LEEWARD_OK;
}

static void advance(lw_readiness* r, uint64_t now_ms) {
  const uint64_t bucket = now_ms * kBuckets / r->options.window_ms;
  for (int i = 0; i < kBuckets && r->bucket < bucket; ++i) {
    ++r->bucket;
    r->calls[r->bucket % kBuckets] = 0;
    r->failures[r->bucket % kBuckets] = 0;
  }
  if (r->bucket < bucket) {  // a whole window went by: all are empty
    r->bucket = bucket;
  }
}

static bool share_is_too_high(const lw_readiness* r) {
  uint64_t calls = 0;
  uint64_t failures = 0;
  for (int i = 0; i < kBuckets; ++i) {
    calls += r->calls[i];
    failures += r->failures[i];
  }
  return calls >= kCallsMin && failures * 100 >= calls * r->options.failure_percent;
}

void lw_readiness_record(lw_readiness* r, bool success, uint64_t now_ms) {
  pthread_mutex_lock(&r->mutex);
  advance(r, now_ms);
  // The half-open trial is decided by its first call.
  const bool trial = r->tripped && now_ms >= r->last_failure_ms + r->options.half_open_after_ms;
  ++r->calls[r->bucket % kBuckets];
  if (success) {
    r->row = 0;
    if (r->tripped && trial) {
      r->tripped = false;
      memset(r->calls, 0, sizeof r->calls);
      memset(r->failures, 0, sizeof r->failures);
    } else if (!r->tripped_by_share || !share_is_too_high(r)) {
      r->tripped = false;  // a success ends a row; a share must fall
    }
  } else {
    ++r->failures[r->bucket % kBuckets];
    ++r->row;
    r->last_failure_ms = now_ms;
    r->tripped_by_share = share_is_too_high(r);
    r->tripped = r->tripped || trial || r->tripped_by_share || r->row >= r->options.failures_max;
  }
  pthread_mutex_unlock(&r->mutex);
}

bool lw_readiness_get(lw_readiness* r, uint64_t now_ms, char failed[64]) {
  bool ready = true;
  pthread_mutex_lock(&r->mutex);
  if (r->tripped && now_ms < r->last_failure_ms + r->options.half_open_after_ms) {
    ready = false;
    memcpy(failed, "data-calls", 11);
  } else if (r->registered < r->options.dependencies_expected) {
    ready = false;
    memcpy(failed, "starting", 9);
  }
  for (dependency* d = r->dependencies; ready && d != NULL; d = d->next) {
    pthread_mutex_lock(&d->mutex);
    if (!d->ok || (d->running && now_ms > d->started_ms + d->deadline_ms)) {
      ready = false;
      memcpy(failed, d->name, sizeof d->name);
    }
    pthread_mutex_unlock(&d->mutex);
  }
  pthread_mutex_unlock(&r->mutex);
  return ready;
}
