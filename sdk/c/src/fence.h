// SPDX-License-Identifier: Apache-2.0
// Who may write: the fence is read on a thread of its own; what it says is kept here.
#pragma once

#include <leeward/leeward.h>

typedef struct lw_fence lw_fence;

lw_fence* lw_fence_new(void);
void lw_fence_free(lw_fence* fence);  // may be NULL
leeward_status lw_fence_watch(lw_fence* fence, const leeward_fence_options* options);
bool lw_fence_may_write(lw_fence* fence);
uint64_t lw_fence_epoch(lw_fence* fence);
void lw_fence_refusal(lw_fence* fence, char* out, size_t size);
size_t lw_fence_write(lw_fence* fence, const char* operation, const char* request,
                      size_t request_size, char* out, size_t size);
void lw_fence_note_fenced(lw_fence* fence);

// ---- the lease, as arithmetic ----

typedef struct {
  bool known;            // it was read
  bool absent;           // there is no such item
  bool renewed;          // its grant was seen to change since the epoch began here
  leeward_fence fence;   // as read last
  uint64_t read_ms;      // when the last read began that showed this grant
  uint64_t lease_until;  // of the boot clock
} lw_lease;

// A read that began at now_ms.
void lw_lease_read(lw_lease* lease, leeward_fence fence, uint64_t now_ms, uint32_t lease_ms);
// wall_ms: since 1970.
bool lw_lease_runs(const lw_lease* lease, uint64_t now_ms, uint64_t wall_ms, uint32_t lease_ms);
// For how long a lease that began has been over, by the clock that ended it first; 0: it runs.
uint64_t lw_lease_over_ms(const lw_lease* lease, uint64_t now_ms, uint64_t wall_ms,
                          uint32_t lease_ms);
