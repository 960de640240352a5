// SPDX-License-Identifier: Apache-2.0
// Which text from a client may go into the store.
#ifndef ITEMS_TEXT_H
#define ITEMS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// True if `json` is UTF-8 (RFC 3629) without the character U+0000, raw or as an escape. DynamoDB
// refuses other text as if it had failed itself, and C strings would end at U+0000.
bool text_is_storable(const char* json, size_t size);

#endif
