// SPDX-License-Identifier: Apache-2.0
// Items in the table: versions with stamps, deletes as tombstones, so that a replicator can carry
// both to other regions and the last writer wins everywhere.
#ifndef ITEMS_STORE_H
#define ITEMS_STORE_H

#include <cjson/cJSON.h>

#include "dynamo.h"

typedef enum {
  STORE_OK,
  STORE_ABSENT,
  STORE_CONTENDED,  // the store works, but what stands there cannot be passed; see dynamo_error
  STORE_FAILED,     // see dynamo_error
} store_status;

store_status store_create_table(dynamo* client, const settings* from);

// `value` NULL: a tombstone. Conditional on being newer than what is stored.
store_status store_put(dynamo* client, const settings* from, const char* id, const char* value);

// `*value` is the caller's to free.
store_status store_get(dynamo* client, const settings* from, const char* id, char** value);

// Up to `limit` items after the id `after` (NULL: from the start), as {"items":[...],"next":...},
// the caller's to cJSON_Delete. `next` is null at the end.
store_status store_list(dynamo* client, const settings* from, const char* after, int limit,
                        cJSON** list);

// Ids that start so are the service's own: kept out of lists.
#define STORE_CANARY_PREFIX "_canary-"

#endif
