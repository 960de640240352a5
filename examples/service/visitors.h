// SPDX-License-Identifier: Apache-2.0
// The clients of the API: a thread for each, and a bounded number of them.
#ifndef ITEMS_VISITORS_H
#define ITEMS_VISITORS_H

#include "api.h"

enum {
  VISITORS_MAX = 256,        // from here on the longest silent one leaves for each that comes
  VISITORS_LEAVING = 64,     // that many may still be leaving then; more are refused
  VISITORS_GRACE_MS = 3000,  // for answers under way when the service ends
};

// Accepts from `listener` until visitors_end. `self` must outlive it. One per process.
bool visitors_begin(const api* self, int listener);
// Accepts no more, cuts who is silent, and waits for answers under way. False: some did not end
// within VISITORS_GRACE_MS, so `self` is still in use.
bool visitors_end(void);

#endif
