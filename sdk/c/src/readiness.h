// SPDX-License-Identifier: Apache-2.0
// What /healthz answers: dependencies, each checked on its own thread, and the data calls' window.
#pragma once

#include <leeward/leeward.h>

typedef struct lw_readiness lw_readiness;

lw_readiness* lw_readiness_new(const leeward_options* options);
void lw_readiness_free(lw_readiness* readiness);
leeward_status lw_readiness_add(lw_readiness* readiness, const char* name, size_t name_size,
                                leeward_check check, void* context, uint32_t interval_ms,
                                uint32_t deadline_ms);
void lw_readiness_record(lw_readiness* readiness, bool success, uint64_t now_ms);
// True if ready; else failed (64 bytes) is the name of what is not.
bool lw_readiness_get(lw_readiness* readiness, uint64_t now_ms, char failed[64]);
uint64_t lw_now_ms(void);
