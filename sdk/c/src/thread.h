// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stdbool.h>

// A thread that takes no signals: those are the application's. False: errno says why.
bool lw_thread_create(pthread_t* thread, void* (*run)(void*), void* argument);
