// SPDX-License-Identifier: Apache-2.0
// Clients that are slow, silent, many or malicious, and a good one that must not notice.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"

enum { CROWD = 10000 };

static bool good_client_is_served(const leeward* h) {
  return strstr(ask(h, GET_READY), "HTTP/1.1 200 ") == reply;
}

static bool enough_descriptors(rlim_t wanted) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

// The crowd, in a process of its own: descriptors are counted per process. Tells when all are
// connected, waits for a word, and finds its first connection still served.
static int crowd_of_clients(const leeward* h, int ready, int go) {
  static int crowd[CROWD];
  for (int i = 0; i < CROWD; ++i) {
    crowd[i] = dial(h);
    EXPECT(crowd[i] >= 0);
    if (i % 2 == 0) {
      EXPECT(say(crowd[i], "GET /healthz HTTP/1.1\r\nHo"));  // and never the rest
    }
  }
  char word = 'r';
  EXPECT(write(ready, &word, 1) == 1 && read(go, &word, 1) == 1);
  EXPECT(say(crowd[0], "st: a\r\n\r\n") && strstr(hear_one(crowd[0]), " 200 ") != NULL);
  return failures != 0;
}

static void ten_thousand_connections(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.connections_max = CROWD + 100;
  options.request_ms_max = 600000;
  leeward* h = start(&options);
  int ready[2];
  int go[2];
  EXPECT(pipe(ready) == 0 && pipe(go) == 0);
  const pid_t child = fork();
  if (child == 0) {
    _exit(crowd_of_clients(h, ready[1], go[0]));
  }
  char word = 'g';
  EXPECT(read(ready[0], &word, 1) == 1);
  for (int i = 0; i < 20; ++i) {
    EXPECT(good_client_is_served(h));
  }
  EXPECT(write(go[1], &word, 1) == 1);
  int status = 0;
  EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT(good_client_is_served(h));
  leeward_destroy(h);
}

static void the_idlest_makes_room(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.connections_max = 10;
  options.request_ms_max = 600000;
  leeward* h = start(&options);
  const int first = dial(h);
  EXPECT(say(first, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n") && strstr(hear_one(first), " 200 "));
  int others[40];
  for (int i = 0; i < 40; ++i) {
    others[i] = dial(h);
    EXPECT(others[i] >= 0);
  }
  EXPECT(good_client_is_served(h));
  EXPECT(hear(first)[0] == '\0');  // closed: it had waited longest
  for (int i = 0; i < 40; ++i) {
    close(others[i]);
  }
  close(first);
  leeward_destroy(h);
}

static void drips_are_cut(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.request_ms_max = 300;
  leeward* h = start(&options);
  const int drip = dial(h);
  bool open = true;
  for (int i = 0; i < 3000 && open; ++i) {
    open = send(drip, "x", 1, MSG_NOSIGNAL) == 1;  // never a whole request
    usleep(10000);
  }
  EXPECT(!open);
  close(drip);
  EXPECT(good_client_is_served(h));
  leeward_destroy(h);
}

static void garbage_is_answered_and_closed(void) {
  static const char* const garbage[] = {
      "\r\n\r\n", "GET\r\n\r\n", "GET /healthz HTTP/2.0\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"};
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  for (size_t i = 0; i < sizeof garbage / sizeof *garbage; ++i) {
    EXPECT(strstr(ask(h, garbage[i]), "HTTP/1.1 ") == reply);
    EXPECT(strstr(reply, "Connection: close\r\n") != NULL);
    EXPECT(reply[9] == '4' || reply[9] == '5');
  }
  char* large = malloc(100001);
  memset(large, 'a', 100000);
  memcpy(large, "GET /", 5);
  large[100000] = '\0';
  const int fd = dial(h);
  (void)say(fd, large);
  EXPECT(strstr(hear(fd), " 414 ") != NULL || strstr(reply, " 431 ") != NULL);
  close(fd);
  free(large);
  EXPECT(good_client_is_served(h));
  leeward_destroy(h);
}

static void connections_are_kept_or_closed_as_asked(void) {
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  const int kept = dial(h);
  for (int i = 0; i < 3; ++i) {
    EXPECT(say(kept, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT(strstr(hear_one(kept), "Connection: keep-alive\r\n") != NULL);
  }
  EXPECT(say(kept, GET_READY) && strstr(hear(kept), "Connection: close\r\n") != NULL);
  close(kept);
  const int old = dial(h);
  EXPECT(say(old, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT(strstr(hear_one(old), "Connection: keep-alive\r\n") != NULL);
  EXPECT(say(old, "GET /healthz HTTP/1.0\r\n\r\n"));
  EXPECT(strstr(hear(old), "Connection: close\r\n") != NULL);
  close(old);

  const int pipelined = dial(h);
  for (int i = 0; i < 100; ++i) {
    EXPECT(say(pipelined, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  shutdown(pipelined, SHUT_WR);
  int answers = 0;
  for (const char* at = hear(pipelined); (at = strstr(at, "HTTP/1.1 200 ")) != NULL; ++at) {
    ++answers;
  }
  EXPECT(answers == 100);
  close(pipelined);

  EXPECT(strstr(ask(h, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
                " 405 "));
  leeward_destroy(h);
}

// Clients that vanish with answers under way must not kill the process: SIGPIPE would.
static void vanishing_clients(void) {
  signal(SIGPIPE, SIG_DFL);
  leeward_options options;
  leeward_options_init(&options);
  leeward* h = start(&options);
  const struct linger reset = {1, 0};
  for (int i = 0; i < 300; ++i) {
    const int fd = dial(h);
    for (int n = 0; n < 50; ++n) {
      (void)say(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  EXPECT(good_client_is_served(h));
  leeward_destroy(h);
}

static atomic_bool stop_load;
static void* load(void* handle) {
  while (!atomic_load(&stop_load)) {
    const int fd = dial(handle);
    if (fd >= 0) {
      (void)say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      char byte;
      (void)recv(fd, &byte, 1, MSG_DONTWAIT);
      close(fd);
    }
  }
  return NULL;
}

static void shutdown_under_load(void) {
  for (int round = 0; round < 10; ++round) {
    leeward_options options;
    leeward_options_init(&options);
    leeward* h = start(&options);
    // The clients know the port only: the handle must not be used after its end.
    atomic_store(&stop_load, false);
    pthread_t threads[2];
    for (int i = 0; i < 2; ++i) {
      EXPECT(pthread_create(&threads[i], NULL, load, h) == 0);
    }
    usleep(20000);
    atomic_store(&stop_load, true);
    for (int i = 0; i < 2; ++i) {
      pthread_join(threads[i], NULL);
    }
    const int open_one = dial(h);
    leeward_destroy(h);
    EXPECT(hear(open_one)[0] == '\0');
    close(open_one);
  }
}

// In a child, whose limit can be lowered: no descriptors are left, and the endpoint neither spins
// nor dies, and serves again when there are some.
static void without_descriptors(void) {
  const pid_t child = fork();
  if (child == 0) {
    leeward_options options;
    leeward_options_init(&options);
    options.request_ms_max = 600000;
    leeward* h = start(&options);
    const struct rlimit few = {40, 40};
    setrlimit(RLIMIT_NOFILE, &few);
    int fds[64];
    int count = 0;
    while (count < 64 && (fds[count] = dial(h)) >= 0) {
      ++count;
    }
    for (int i = 0; i < count; ++i) {
      close(fds[i]);
    }
    bool served = false;
    for (int i = 0; i < 300 && !served; ++i) {
      served = good_client_is_served(h);
      usleep(10000);
    }
    leeward_destroy(h);
    _exit(served ? 0 : 1);
  }
  int status = 0;
  EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  without_descriptors();
  the_idlest_makes_room();
  drips_are_cut();
  garbage_is_answered_and_closed();
  connections_are_kept_or_closed_as_asked();
  vanishing_clients();
  shutdown_under_load();
  if (!enough_descriptors(CROWD + 100)) {
    printf("skipped: %d connections need as many open files, and the hard limit forbids it\n",
           CROWD);
    return failures != 0 ? 1 : 77;
  }
  ten_thousand_connections();
  FINISH();
}
