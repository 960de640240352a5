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
// Stops and joins the endpoint; waits for running dependency checks no longer than the longest of
// their deadlines, and for the fence's reader.
void leeward_destroy(leeward* handle);

uint16_t leeward_port(const leeward* handle);
const char* leeward_region(const leeward* handle);

// True if the dependency works. Runs on a thread of its own, never on the endpoint's. May use the
// handle, but not after its deadline: leeward_destroy does not wait for longer.
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

// ---- Who may write ----
//
// When Leeward moves an application to another region, the old region's service must stop writing,
// even one that was paused meanwhile and wakes up believing anything. So the epoch of the
// application stands in the table leeward-fence of each region's own store (16 items
// "<application>#0" to "#15"), and Leeward raises it there before another region may write.
//
//   LEEWARD_FENCING_TRANSACTION  every write is a transaction that checks the epoch in the store
//                                (leeward_fenced_write); the lease is asked, too. Safe against any
//                                pause. A write costs about two.
//   LEEWARD_FENCING_LEASE        ask leeward_may_write before every write. Safe as long as no write
//                                takes longer than the policy's request_max from there to its end,
//                                and clocks of the regions differ by less than that.
//   LEEWARD_FENCING_NONE         always allowed. After a move two regions write for a while.
//
// The lease: Leeward counts `grant` up in item "#0" as long as the region may write. A count that
// was seen to change is worth lease_ms from the start of the last read that showed the old one, and
// never longer than lease_ms after granted_at by this machine's wall clock.

typedef enum {
  LEEWARD_FENCING_NONE = 0,
  LEEWARD_FENCING_LEASE = 1,
  LEEWARD_FENCING_TRANSACTION = 2,
} leeward_fencing;

typedef struct {
  uint64_t epoch;
  uint64_t grant;
  uint64_t granted_at_ms;  // since 1970; 0: never
  bool open;
} leeward_fence;

typedef enum {
  LEEWARD_FENCE_READ = 0,    // *out is filled
  LEEWARD_FENCE_ABSENT = 1,  // there is no such item or table
  LEEWARD_FENCE_FAILED = 2,  // could not be asked; what was known stands until its lease is over
} leeward_fence_result;

// GetItem with ConsistentRead of the item whose key is {"id": {"S": id}}, by the application's own
// DynamoDB client; leeward_parse_fence reads the answer. Called on a thread of the library, one
// call at a time; must return within a second, and within leeward_destroy is waited for.
typedef leeward_fence_result (*leeward_fence_reader)(void* context, const char* table,
                                                     const char* id, leeward_fence* out);

// Fill with leeward_fence_options_init.
typedef struct {
  size_t size;
  const char* application;  // as in Leeward's config; 1-63 of [A-Za-z0-9-_.]
  leeward_fence_reader reader;
  void* context;      // the caller's; must live until leeward_destroy returns
  uint32_t lease_ms;  // the policy's lease, 50-600000; default 3000
  uint32_t watch_ms;  // how often the fence is read, 10-60000; default 200. Less than the policy's
                      // renew, or a lease is shorter than it could be
  leeward_fencing mode;  // default LEEWARD_FENCING_TRANSACTION
} leeward_fence_options;

void leeward_fence_options_init_size(leeward_fence_options* options, size_t size);
static inline void leeward_fence_options_init(leeward_fence_options* options) {
  leeward_fence_options_init_size(options, sizeof *options);
}

// Starts to watch; at most once per handle (LEEWARD_INVALID). Until the first read and in
// applications without it nothing may be written, unless the mode is none.
leeward_status leeward_watch_fence(leeward* handle, const leeward_fence_options* options);

// False in every other case than: the fence is open here and the lease runs.
bool leeward_may_write(leeward* handle);
// Under which epoch; 0: unknown.
uint64_t leeward_epoch(leeward* handle);
// Why leeward_may_write is false, one line for a person; "" when it is true. Always ends with a
// NUL within `size`.
void leeward_write_refusal(leeward* handle, char* out, size_t size);

// Makes the body of a TransactWriteItems request that carries out `operation` ("PutItem",
// "UpdateItem" or "DeleteItem") with body `request` only if the epoch stands and the fence is open.
// `request` must hold nothing but TableName, Item, Key, UpdateExpression, ConditionExpression,
// ExpressionAttributeNames, ExpressionAttributeValues and ReturnValuesOnConditionCheckFailure: a
// transaction returns no values. The length of the result is returned, its NUL not counted; it is
// complete where that is less than `size`. 0: refused, because the epoch is unknown, the operation
// is another, or the request holds something else.
size_t leeward_fenced_write(leeward* handle, const char* operation, const char* request,
                            size_t request_size, char* out, size_t size);

// Whether an error answer to such a transaction says that the fence refused it. Then the region has
// lost the application: tell leeward_note_fenced, and the client 503.
bool leeward_is_fenced(const char* answer, size_t size);
// leeward_may_write is false from now on until the fence was read again and its lease renewed.
void leeward_note_fenced(leeward* handle);

// The answer to the reader's GetItem. ABSENT: it holds no item; FAILED: it is not a fence.
leeward_fence_result leeward_parse_fence(const char* answer, size_t size, leeward_fence* out);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
#endif
