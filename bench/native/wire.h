// What the two helpers share: the clock, name=value arguments, a growable buffer, and a decoder for chunked bodies.
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

// The value of `name=value` among the arguments, or NULL.
static inline const char *argument(int argc, char **argv, const char *name) {
  size_t length = strlen(name);
  for (int i = 1; i < argc; i++)
    if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return argv[i] + length + 1;
  return NULL;
}

static inline long number_argument(int argc, char **argv, const char *name, long missing) {
  const char *value = argument(argc, argv, name);
  return value ? atol(value) : missing;
}

static inline void allow_many_sockets(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct buffer {
  char *data;
  size_t length, capacity;
};

static inline void buffer_add(struct buffer *b, const char *data, size_t length) {
  if (b->length + length > b->capacity) {
    b->capacity = (b->length + length) * 2;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) die("realloc");
  }
  memcpy(b->data + b->length, data, length);
  b->length += length;
}

static inline void buffer_free(struct buffer *b) {
  free(b->data);
  *b = (struct buffer){0};
}

struct chunked {
  enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNK_ENDED } state;
  size_t left, trailer_length;
};

// Moves *at past the next run of body bytes and returns how many there are (*data points at them);
// 0 when the input is used up or the body has ended (state CHUNK_ENDED).
static inline size_t chunked_next(struct chunked *c, const char **at, const char *end, const char **data) {
  while (*at < end && c->state != CHUNK_ENDED) {
    if (c->state == CHUNK_DATA) {
      size_t here = (size_t)(end - *at), run = here < c->left ? here : c->left;
      *data = *at;
      *at += run;
      c->left -= run;
      if (c->left == 0) c->state = CHUNK_END;
      return run;
    }
    char byte = *(*at)++;
    switch (c->state) {
      case CHUNK_SIZE:
        if (byte >= '0' && byte <= '9') c->left = c->left * 16 + (size_t)(byte - '0');
        else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') c->left = c->left * 16 + (size_t)((byte | 32) - 'a' + 10);
        else if (byte == '\n') c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
        else c->state = CHUNK_EXTENSION;
        break;
      case CHUNK_EXTENSION:
        if (byte == '\n') c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
        break;
      case CHUNK_END:
        if (byte == '\n') c->state = CHUNK_SIZE;
        break;
      default:  // CHUNK_TRAILER: ends at an empty line
        if (byte == '\n' && c->trailer_length == 0) c->state = CHUNK_ENDED;
        else if (byte == '\n') c->trailer_length = 0;
        else if (byte != '\r') c->trailer_length++;
    }
  }
  return 0;
}

#endif
