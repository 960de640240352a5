// SPDX-License-Identifier: Apache-2.0
// Items in the table. What replication needs of them (stamps, tombstones) is Leeward's gateway's
// business; what fencing needs of writes is done here.
#ifndef ITEMS_STORE_H
#define ITEMS_STORE_H

#include <cjson/cJSON.h>
#include <leeward/leeward.h>

#include "dynamo.h"

typedef enum {
  STORE_OK,
  STORE_ABSENT,
  STORE_FENCED,  // another region writes now; see leeward_write_refusal
  STORE_FAILED,  // see dynamo_error
} store_status;

store_status store_create_table(dynamo* client, const settings* from);

// `value` NULL: a delete. `fence` says whether the write is allowed and, by transaction, has the
// store check it.
store_status store_put(dynamo* client, const settings* from, leeward* fence, const char* id,
                       const char* value);

// A leeward_fence_reader; the context is a store_fence.
typedef struct {
  const settings* from;
  dynamo* client;  // of the reader's thread; opened at the first read
} store_fence;
leeward_fence_result store_read_fence(void* context, const char* table, const char* id,
                                      leeward_fence* out);

// `*value` is the caller's to free.
store_status store_get(dynamo* client, const settings* from, const char* id, char** value);

// Up to `limit` items after the id `after` (NULL: from the start), as {"items":[...],"next":...},
// the caller's to cJSON_Delete. `next` is null at the end.
store_status store_list(dynamo* client, const settings* from, const char* after, int limit,
                        cJSON** list);

// Ids that start so are the service's own: kept out of lists.
#define STORE_CANARY_PREFIX "_canary-"

#endif
