// SPDX-License-Identifier: Apache-2.0
// The Leeward C library: a correct health endpoint for a service in one region.
//
// Ownership: strings given are copied; strings returned live as long as the handle. A dependency's
// context stays the caller's and must live until leeward_destroy returns, and, if its callback
// is stuck then, until that callback returns. Every function is thread-safe except
// leeward_destroy, which must be the last call on its handle. Times are milliseconds.
#ifndef LEEWARD_LEEWARD_H
#define LEEWARD_LEEWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct leeward leeward;

typedef enum {
  LEEWARD_OK = 0,
  LEEWARD_INVALID = 1,    // an argument or option is out of range
  LEEWARD_NO_REGION = 2,  // APP_REGION is missing or malformed
  LEEWARD_NO_MEMORY = 3,
  LEEWARD_SYSTEM = 4,  // a system call failed; errno says which way (a port in use, ...)
} leeward_status;

const char* leeward_status_text(leeward_status status);

// Fill with leeward_options_init, which sets size (the version of this struct) and the defaults.
typedef struct {
  size_t size;
  const char* region;        // NULL: taken from APP_REGION, 1-63 of [A-Za-z0-9-]
  const char* address;       // IPv4 or IPv6 address to bind; default 127.0.0.1
  const char* ready_path;    // default /healthz
  const char* live_path;     // default /livez
  uint32_t connections_max;  // 1-65536, default 1024; the longest waiting one is then dropped
  uint32_t request_ms_max;   // time for one request, or idle between two; default 5000
  uint32_t failures_max;     // this many failed data calls in a row: not ready; default 5
  uint32_t failure_percent;  // or this share of the calls of the window (10 at least); default 50
  uint32_t window_ms;        // default 10000
  uint32_t half_open_after_ms;  // see leeward_record_failure; default 5000
  uint16_t port;                // 0: any free one, see leeward_port
  // Not ready until this many dependencies are registered. The endpoint answers from the moment of
  // leeward_create, before the first leeward_add_dependency can be called; default 0.
  uint32_t dependencies_expected;
} leeward_options;

void leeward_options_init_size(leeward_options* options, size_t size);

// The caller's own size goes in, so that a newer library writes no more than an older program has.
static inline void leeward_options_init(leeward_options* options) {
  leeward_options_init_size(options, sizeof *options);
}

// Starts the endpoint on its own thread. On failure *out is NULL.
leeward_status leeward_create(const leeward_options* options, leeward** out);
// Stops and joins the endpoint; waits for a running dependency check no longer than its deadline.
void leeward_destroy(leeward* handle);

uint16_t leeward_port(const leeward* handle);
const char* leeward_region(const leeward* handle);

// True if the dependency works. Runs on a thread of its own, never on the endpoint's.
typedef bool (*leeward_check)(void* context);

// Not ready until the first success. A check that outlives deadline_ms counts as failed from
// then on. name: 1-63 of [A-Za-z0-9-_.].
leeward_status leeward_add_dependency(leeward* handle, const char* name, size_t name_size,
                                      leeward_check check, void* context, uint32_t interval_ms,
                                      uint32_t deadline_ms);

// The outcome of a data call. Failures in a row, or their share of a window, make the instance
// not ready. A success ends a row, a share has to fall; but an instance that is not ready gets no
// traffic, so after half_open_after_ms without a failure it is ready again on trial: one failure
// then ends the trial. Register a dependency that makes a real call to hold it back until the data
// path works.
void leeward_record_success(leeward* handle);
void leeward_record_failure(leeward* handle);

bool leeward_ready(leeward* handle);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
#endif
