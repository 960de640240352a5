// SPDX-License-Identifier: Apache-2.0
// The endpoint: one thread, one epoll. Connections stand in a list in the order of their last
// whole request, so its head is both the next to time out and the one to drop when full: a client
// that drips bytes never moves back in it. -1, never 0, marks a closed descriptor.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <leeward/leeward.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fence.h"
#include "http_request.h"
#include "readiness.h"
#include "thread.h"

typedef struct connection {
  struct connection *next, *previous;
  uint64_t since_ms;
  size_t in_size, out_size, out_sent, drained;
  int fd;
  bool closing;  // answer, then discard input until the client closes
  char in[LW_HTTP_HEAD_MAX + 1];
  char out[768];
} connection;

struct leeward {
  leeward_options options;
  lw_readiness* readiness;
  lw_fence* fence;
  connection *head, *tail;
  size_t connections;
  pthread_t thread;
  int listener, epoll, wake, reserve;
  uint16_t port;
  char region[64], ready_path[128], live_path[128];
};

static void unlink_connection(leeward* h, connection* c) {
  *(c->previous != NULL ? &c->previous->next : &h->head) = c->next;
  *(c->next != NULL ? &c->next->previous : &h->tail) = c->previous;
}

static void append(leeward* h, connection* c) {
  c->since_ms = lw_now_ms();
  c->next = NULL;
  c->previous = h->tail;
  *(h->tail != NULL ? &h->tail->next : &h->head) = c;
  h->tail = c;
}

static void drop(leeward* h, connection* c) {
  unlink_connection(h, c);
  --h->connections;
  close(c->fd);
  free(c);
}

static void answer(connection* c, int status, const char* reason, const char* body, bool head,
                   bool keep) {
  const int size =
      snprintf(c->out, sizeof c->out,
               "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\nCache-Control: no-store\r\n%s"
               "Connection: %s\r\n\r\n%s",
               status, reason, strlen(body), status == 405 ? "Allow: GET, HEAD\r\n" : "",
               keep ? "keep-alive" : "close", head ? "" : body);
  c->out_size = (size_t)size;
  c->out_sent = 0;
  c->closing = !keep;
}

static const char* reason_of(int status) {
  switch (status) {
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Bad Request";
  }
}

static bool is_path(const lw_request* r, const char* path) {
  return r->path_size == strlen(path) && memcmp(r->path, path, r->path_size) == 0;
}

static void respond(leeward* h, connection* c, const lw_request* r) {
  const bool head = r->method == LW_METHOD_HEAD;
  const bool ready_path = is_path(r, h->ready_path);
  char body[256];
  char failed[64];
  if (!ready_path && !is_path(r, h->live_path)) {
    answer(c, 404, "Not Found", "{\"error\":\"not found\"}\n", head, r->keep_alive);
  } else if (r->method == LW_METHOD_OTHER) {
    answer(c, 405, "Method Not Allowed", "{\"error\":\"use GET or HEAD\"}\n", head, r->keep_alive);
  } else if (!ready_path || lw_readiness_get(h->readiness, lw_now_ms(), failed)) {
    (void)snprintf(body, sizeof body, "{\"status\":\"%s\",\"region\":\"%s\"}\n",
                   ready_path ? "ready" : "live", h->region);
    answer(c, 200, "OK", body, head, r->keep_alive);
  } else {
    (void)snprintf(body, sizeof body,
                   "{\"status\":\"not ready\",\"failed\":\"%s\",\"region\":\"%s\"}\n", failed,
                   h->region);
    answer(c, 503, "Service Unavailable", body, head, r->keep_alive);
  }
}

// False: the connection is finished. One answer at a time: the next request waits for it.
static bool flush(connection* c) {
  while (c->out_sent < c->out_size) {
    const ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    c->out_sent += (size_t)sent;
  }
  if (c->out_size > 0 && c->closing) {
    shutdown(c->fd, SHUT_WR);  // then drain, so that the answer is not lost to a reset
  }
  c->out_size = c->out_sent = 0;
  return true;
}

static bool serve(leeward* h, connection* c) {
  while (c->out_size == 0 && !c->closing) {
    lw_request request;
    int status = 0;
    const lw_parse result = lw_http_parse(c->in, c->in_size, &request, &status);
    if (result == LW_PARSE_MORE) {
      break;
    }
    if (result == LW_PARSE_ERROR) {
      answer(c, status, reason_of(status), "{\"error\":\"bad request\"}\n", false, false);
    } else {
      respond(h, c, &request);
      c->in_size -= request.head_size;
      memmove(c->in, c->in + request.head_size, c->in_size);
      unlink_connection(h, c);
      append(h, c);
    }
    if (!flush(c)) {
      return false;
    }
  }
  return true;
}

static bool handle_connection(leeward* h, connection* c) {
  if (!flush(c) || !serve(h, c)) {
    return false;
  }
  // A few reads in one turn: level-triggered epoll brings a busy client back after the others.
  for (int turn = 0; turn < 4 && c->out_size == 0; ++turn) {
    if (c->closing) {
      c->in_size = 0;
    }
    const ssize_t got = recv(c->fd, c->in + c->in_size, sizeof c->in - c->in_size, 0);
    if (got <= 0) {
      return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->in_size += (size_t)got;
    if (c->closing) {
      c->drained += (size_t)got;
      if (c->drained > 65536) {
        return false;
      }
    } else if (!serve(h, c)) {
      return false;
    }
  }
  return true;
}

static void watch(leeward* h, connection* c, int operation) {
  struct epoll_event event = {.events = c->out_size > 0 ? EPOLLOUT : EPOLLIN, .data.ptr = c};
  if (epoll_ctl(h->epoll, operation, c->fd, &event) != 0) {
    drop(h, c);
  }
}

// Accepts one; true if there may be more. Dropping here is safe: the listener's event comes alone.
static bool accept_one(leeward* h) {
  const int fd = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE) {
      return errno == EINTR || errno == ECONNABORTED;
    }
    if (h->head != NULL) {
      drop(h, h->head);
      return true;
    }
    if (h->reserve < 0) {
      h->reserve = eventfd(0, EFD_CLOEXEC);
      return false;
    }
    close(h->reserve);  // no connection of ours to drop: refuse the client rather than spin
    const int refused = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
    if (refused >= 0) {
      close(refused);
    }
    h->reserve = eventfd(0, EFD_CLOEXEC);  // -1 when somebody was faster: tried again next time
    return false;
  }
  if (h->connections >= h->options.connections_max) {
    drop(h, h->head);
  }
  connection* c = malloc(sizeof *c);
  if (c == NULL) {
    close(fd);
    return false;
  }
  c->in_size = c->out_size = c->out_sent = c->drained = 0;
  c->closing = false;
  c->fd = fd;
  append(h, c);
  ++h->connections;
  watch(h, c, EPOLL_CTL_ADD);
  return true;
}

static void* run(void* argument) {
  leeward* h = argument;
  for (;;) {
    struct epoll_event events[64];
    const int count = epoll_wait(h->epoll, events, 64, h->head != NULL ? 100 : -1);
    bool accepting = false;
    for (int i = 0; i < count; ++i) {
      connection* c = events[i].data.ptr;
      if (events[i].data.ptr == &h->wake) {
        return NULL;
      }
      if (events[i].data.ptr == &h->listener) {
        accepting = true;  // last: it may drop connections named in events
      } else if (handle_connection(h, c)) {
        watch(h, c, EPOLL_CTL_MOD);
      } else {
        drop(h, c);
      }
    }
    for (int i = 0; accepting && i < 64 && accept_one(h); ++i) {
    }
    const uint64_t now_ms = lw_now_ms();
    while (h->head != NULL && now_ms - h->head->since_ms >= h->options.request_ms_max) {
      drop(h, h->head);
    }
  }
}

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} socket_address;

// The size of the address, IPv4 or IPv6; 0: it is neither.
static socklen_t parse_address(const char* text, uint16_t port, socket_address* out) {
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    return sizeof out->v4;
  }
  if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    return sizeof out->v6;
  }
  return 0;
}

static bool open_endpoint(leeward* h) {
  socket_address at;
  socklen_t size = parse_address(h->options.address, h->options.port, &at);
  const int one = 1;
  struct epoll_event accept_event = {.events = EPOLLIN, .data.ptr = &h->listener};
  struct epoll_event wake_event = {.events = EPOLLIN, .data.ptr = &h->wake};
  h->listener = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  h->epoll = epoll_create1(EPOLL_CLOEXEC);
  h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  h->reserve = eventfd(0, EFD_CLOEXEC);
  if (h->listener < 0 || h->epoll < 0 || h->wake < 0 || h->reserve < 0 ||
      setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(h->listener, &at.any, size) != 0 || listen(h->listener, 4096) != 0 ||
      getsockname(h->listener, &at.any, &size) != 0 ||
      epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->listener, &accept_event) != 0 ||
      epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &wake_event) != 0) {
    return false;
  }
  h->port = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
  return lw_thread_create(&h->thread, run, h);
}

static void release(leeward* h) {
  const int error = errno;
  while (h->head != NULL) {
    drop(h, h->head);
  }
  const int fds[] = {h->listener, h->epoll, h->wake, h->reserve};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; ++i) {
    if (fds[i] >= 0) {
      close(fds[i]);
    }
  }
  lw_readiness_free(h->readiness);  // before the fence: checks may ask it until they end
  lw_fence_free(h->fence);
  free(h);
  errno = error;
}

void leeward_options_init_size(leeward_options* o, size_t size) {
  leeward_options defaults = {.size = size,
                              .address = "127.0.0.1",
                              .ready_path = "/healthz",
                              .live_path = "/livez",
                              .connections_max = 1024,
                              .request_ms_max = 5000,
                              .failures_max = 5,
                              .failure_percent = 50,
                              .window_ms = 10000,
                              .half_open_after_ms = 5000};
  memcpy(o, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

// An older caller's struct is shorter: what it does not know keeps its default.
static bool take_options(const leeward_options* from, leeward_options* to) {
  leeward_options_init(to);
  if (from == NULL || from->size < sizeof(size_t) || from->size > sizeof *to) {
    return false;
  }
  memcpy(to, from, from->size);
  to->size = sizeof *to;
  return true;
}

static bool is_valid(const leeward_options* o) {
  socket_address address;
  return o->address != NULL && o->ready_path != NULL && o->live_path != NULL &&
         parse_address(o->address, 0, &address) != 0 && o->ready_path[0] == '/' &&
         strlen(o->ready_path) < 128 && o->live_path[0] == '/' && strlen(o->live_path) < 128 &&
         o->connections_max >= 1 && o->connections_max <= 65536 && o->request_ms_max >= 1 &&
         o->failures_max >= 1 && o->failure_percent >= 1 && o->failure_percent <= 100 &&
         o->window_ms >= 10;
}

static bool is_region(const char* text) {
  const size_t size = text != NULL ? strlen(text) : 0;
  return size >= 1 && size <= 63 &&
         strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == size;
}

leeward_status leeward_create(const leeward_options* options, leeward** out) {
  if (out == NULL) {
    return LEEWARD_INVALID;
  }
  *out = NULL;
  leeward_options taken;
  if (!take_options(options, &taken) || !is_valid(&taken)) {
    return LEEWARD_INVALID;
  }
  options = &taken;
  const char* region = options->region != NULL ? options->region : getenv("APP_REGION");
  if (!is_region(region)) {
    return LEEWARD_NO_REGION;
  }
  leeward* h = calloc(1, sizeof *h);
  lw_readiness* readiness = lw_readiness_new(options);
  lw_fence* fence = lw_fence_new();
  if (h == NULL || readiness == NULL || fence == NULL) {
    free(h);
    lw_fence_free(fence);
    if (readiness != NULL) {
      lw_readiness_free(readiness);
    }
    return LEEWARD_NO_MEMORY;
  }
  h->options = *options;
  h->readiness = readiness;
  h->fence = fence;
  h->listener = h->epoll = h->wake = h->reserve = -1;
  strcpy(h->region, region);
  strcpy(h->ready_path, options->ready_path);
  strcpy(h->live_path, options->live_path);
  if (!open_endpoint(h)) {
    release(h);
    return LEEWARD_SYSTEM;
  }
  *out = h;
  return LEEWARD_OK;
}

void leeward_destroy(leeward* h) {
  if (h != NULL) {
    eventfd_write(h->wake, 1);
    pthread_join(h->thread, NULL);
    release(h);
  }
}

uint16_t leeward_port(const leeward* h) {
  return h->port;
}
const char* leeward_region(const leeward* h) {
  return h->region;
}

leeward_status leeward_add_dependency(leeward* h, const char* name, size_t name_size,
                                      leeward_check check, void* context, uint32_t interval_ms,
                                      uint32_t deadline_ms) {
  return lw_readiness_add(h->readiness, name, name_size, check, context, interval_ms, deadline_ms);
}

void leeward_record_success(leeward* h) {
  lw_readiness_record(h->readiness, true, lw_now_ms());
}

void leeward_record_failure(leeward* h) {
  lw_readiness_record(h->readiness, false, lw_now_ms());
}

bool leeward_ready(leeward* h) {
  char failed[64];
  return lw_readiness_get(h->readiness, lw_now_ms(), failed);
}

leeward_status leeward_watch_fence(leeward* h, const leeward_fence_options* options) {
  return lw_fence_watch(h->fence, options);
}

bool leeward_may_write(leeward* h) {
  return lw_fence_may_write(h->fence);
}

uint64_t leeward_epoch(leeward* h) {
  return lw_fence_epoch(h->fence);
}

void leeward_write_refusal(leeward* h, char* out, size_t size) {
  lw_fence_refusal(h->fence, out, size);
}

size_t leeward_fenced_write(leeward* h, const char* operation, const char* request,
                            size_t request_size, char* out, size_t size) {
  return lw_fence_write(h->fence, operation, request, request_size, out, size);
}

void leeward_note_fenced(leeward* h) {
  lw_fence_note_fenced(h->fence);
}

const char* leeward_status_text(leeward_status status) {
  switch (status) {
    case LEEWARD_OK:
      return "ok";
    case LEEWARD_INVALID:
      return "an argument or option is out of range";
    case LEEWARD_NO_REGION:
      return "APP_REGION must be set to 1-63 of letters, digits and '-'";
    case LEEWARD_NO_MEMORY:
      return "out of memory";
    case LEEWARD_SYSTEM:
      return "a system call failed; see errno";
  }
  return "unknown status";
}
