// The load generator: asks for streams, reads the clock when their tokens arrive, prints one line of JSON. One thread, epoll.
//
//   load port=N path=/infer [requests=N] [streams=N at once] [tokens=N a reply] [interval_us=N] [prompt_bytes=N]
//        [ramp_us=N between the first arrivals] [reuse=1] [hold=1] [deadline_s=N]
//
// reuse=1 keeps connections between requests. hold=1 reports once every stream has its first token, and then keeps all
// of them open until standard input ends.
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_START 64  // a stamp stands at most this far into its line

struct slot {
  int fd;
  bool busy, head_done, terminal, closing;
  size_t sent, line_length;
  uint64_t asked_at;
  long tokens;
  struct buffer head;
  struct chunked chunked;
  char line[LINE_START + 1];
};

struct samples {
  uint64_t *ns;
  size_t count, capacity;
};

static struct {
  long requests, streams, tokens, ramp_us, deadline_s;
  bool reuse, hold;
  struct sockaddr_in address;
} plan;

static int epoll;
static struct buffer request;
static struct slot *slots;
static struct samples first_token, token, whole;
static long asked, finished, failed, tokens_seen;
static char first_failure[200];

static void note(struct samples *s, uint64_t ns) {
  if (s->count == s->capacity) {
    s->capacity = s->capacity ? s->capacity * 2 : 4096;
    s->ns = realloc(s->ns, s->capacity * sizeof *s->ns);
    if (!s->ns) die("realloc");
  }
  s->ns[s->count++] = ns;
}

static void hang_up(struct slot *s) {
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}

static void watch(struct slot *s, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = s};
  if (epoll_ctl(epoll, operation, s->fd, &event) < 0) die("epoll_ctl");
}

static void connect_slot(struct slot *s) {
  int on = 1;
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (s->fd < 0) die("socket");
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(s->fd, (struct sockaddr *)&plan.address, sizeof plan.address) < 0 && errno != EINPROGRESS) die("connect");
  watch(s, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void ask(struct slot *s) {
  asked++;
  s->busy = true;
  s->head_done = s->terminal = false;
  s->sent = s->line_length = s->head.length = 0;
  s->tokens = 0;
  s->chunked = (struct chunked){0};
  s->asked_at = now_ns();
  if (s->fd < 0) connect_slot(s);
  else watch(s, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void next_request(struct slot *s) {
  s->busy = false;
  if (!plan.reuse || s->closing) hang_up(s);
  if (asked < plan.requests) ask(s);
}

static void fail(struct slot *s, const char *why, const char *detail) {
  if (failed++ == 0)
    for (int at = snprintf(first_failure, sizeof first_failure, "%s %.150s", why, detail); at-- > 0;)
      if (first_failure[at] < ' ' || first_failure[at] == '"' || first_failure[at] == '\\') first_failure[at] = ' ';
  hang_up(s);
  next_request(s);
}

static void finish(struct slot *s, uint64_t now) {
  if (!s->terminal) return fail(s, "a reply ended without its last line:", s->line);
  if (s->tokens != plan.tokens) return fail(s, "a reply has the wrong number of tokens", "");
  finished++;
  note(&whole, now - s->asked_at);
  next_request(s);
}

static void take_line(struct slot *s, uint64_t now) {
  s->line[s->line_length < LINE_START ? s->line_length : LINE_START] = '\0';
  s->line_length = 0;
  if (strncmp(s->line, "{\"done\"", 7) == 0 || strncmp(s->line, "data: [DONE]", 12) == 0) s->terminal = true;
  const char *stamp = s->terminal ? NULL : strchr(s->line, '@');
  if (!stamp) return;
  tokens_seen++;
  if (s->tokens++ == 0) note(&first_token, now - s->asked_at);
  else note(&token, now - strtoull(stamp + 1, NULL, 10));
}

static void take_text(struct slot *s, const char *at, size_t length, uint64_t now) {
  for (const char *end = at + length; at < end;) {
    const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
    size_t room = s->line_length < LINE_START ? LINE_START - s->line_length : 0, run = (size_t)(stop - at);
    memcpy(s->line + s->line_length, at, run < room ? run : room);
    s->line_length += run < room ? run : room;
    if (newline) take_line(s, now);
    at = newline ? newline + 1 : end;
  }
}

// Takes what belongs to the head; returns where the body starts, or NULL while the head is not whole or after a failure.
static const char *take_head(struct slot *s, const char *data, size_t length) {
  size_t before = s->head.length;
  buffer_add(&s->head, data, length);
  const char *end = memmem(s->head.data, s->head.length, "\r\n\r\n", 4);
  if (!end) return NULL;
  buffer_add(&s->head, "\0", 1);
  size_t head_length = (size_t)(end - s->head.data) + 4;
  if (strncmp(s->head.data, "HTTP/1.1 200", 12) != 0) return fail(s, "refused:", s->head.data), NULL;
  const char *chunked = strcasestr(s->head.data, "transfer-encoding: chunked");
  if (!chunked || chunked > end) return fail(s, "not chunked:", s->head.data), NULL;
  s->head_done = true;
  const char *closing = strcasestr(s->head.data, "\r\nconnection: close");
  s->closing = closing && closing < end;
  return data + (head_length - before);
}

static void receive(struct slot *s) {
  static char data[262144];
  ssize_t got = recv(s->fd, data, sizeof data, 0);
  uint64_t now = now_ns();
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 && !s->busy) return hang_up(s);
  if (got <= 0) return fail(s, "the connection was closed:", got < 0 ? strerror(errno) : "end");
  const char *at = data, *run;
  if (!s->head_done) at = take_head(s, data, (size_t)got);
  if (!at) return;
  for (size_t length; (length = chunked_next(&s->chunked, &at, data + got, &run)) > 0;) take_text(s, run, length, now);
  if (s->chunked.state == CHUNK_ENDED) finish(s, now);
}

static void send_request(struct slot *s) {
  ssize_t sent = send(s->fd, request.data + s->sent, request.length - s->sent, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) return fail(s, "could not send:", strerror(errno));
  s->sent += (size_t)sent;
  if (s->sent == request.length) watch(s, EPOLL_CTL_MOD, EPOLLIN);
}

static void make_request(const char *path, long port, long interval_us, long prompt_bytes) {
  char text[512];
  int length = snprintf(text, sizeof text, "interval_us=%ld ", interval_us);
  struct buffer body = {0};
  buffer_add(&body, "{\"prompt\":\"", 11);
  buffer_add(&body, text, (size_t)length);
  for (long i = length; i < prompt_bytes; i++) buffer_add(&body, i % 6 ? "a" : " ", 1);
  length = snprintf(text, sizeof text, "\",\"max_tokens\":%ld,\"stream\":true}", plan.tokens);
  buffer_add(&body, text, (size_t)length);
  length = snprintf(text, sizeof text,
    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, port, body.length);
  buffer_add(&request, text, (size_t)length);
  buffer_add(&request, body.data, body.length);
  buffer_free(&body);
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void print_samples(const char *name, struct samples *s) {
  if (s->count) qsort(s->ns, s->count, sizeof *s->ns, ascending);
  printf(",\"%s\":{\"count\":%zu", name, s->count);
  static const struct { const char *name; double rank; } ranks[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"max", 1}};
  for (size_t i = 0; s->count && i < 4; i++)
    printf(",\"%s\":%.1f", ranks[i].name, (double)s->ns[(size_t)(ranks[i].rank * (double)(s->count - 1))] / 1e3);
  printf("}");
}

static void print_report(uint64_t elapsed_ns) {
  printf("{\"finished\":%ld,\"failed\":%ld,\"tokens\":%ld,\"elapsed_ms\":%.3f", finished, failed, tokens_seen, (double)elapsed_ns / 1e6);
  print_samples("first_token_us", &first_token);
  print_samples("token_us", &token);
  print_samples("request_us", &whole);
  printf(",\"first_failure\":\"%s\"}\n", first_failure);
  fflush(stdout);
}

// Starts the next slot if its time has come; returns the ms until another may be due, or the deadline must be looked at.
static int start_slot(uint64_t started_at, long *started) {
  if (*started == plan.streams || asked == plan.requests) return 100;
  int64_t wait = (int64_t)started_at + *started * plan.ramp_us * 1000 - (int64_t)now_ns();
  if (wait > 0) return (int)(wait / 1000000) + 1;
  ask(&slots[(*started)++]);
  return 0;
}

static bool is_done(void) {
  return plan.hold ? (long)first_token.count + failed >= plan.streams : finished + failed >= plan.requests;
}

int main(int argc, char **argv) {
  allow_many_sockets();
  long port = number_argument(argc, argv, "port", 0);
  plan.streams = number_argument(argc, argv, "streams", 1);
  plan.requests = number_argument(argc, argv, "requests", plan.streams);
  plan.tokens = number_argument(argc, argv, "tokens", 1);
  plan.ramp_us = number_argument(argc, argv, "ramp_us", 0);
  plan.deadline_s = number_argument(argc, argv, "deadline_s", 60);
  plan.reuse = number_argument(argc, argv, "reuse", 0);
  plan.hold = number_argument(argc, argv, "hold", 0);
  plan.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const char *path = argument(argc, argv, "path");
  make_request(path ? path : "/infer", port, number_argument(argc, argv, "interval_us", 0), number_argument(argc, argv, "prompt_bytes", 0));
  slots = calloc((size_t)plan.streams, sizeof *slots);
  for (long i = 0; i < plan.streams; i++) slots[i].fd = -1;
  epoll = epoll_create1(0);

  static struct epoll_event events[1024];
  uint64_t started_at = now_ns(), deadline = started_at + (uint64_t)plan.deadline_s * 1000000000u;
  for (long started = 0; !is_done() && now_ns() < deadline;) {
    int count = epoll_wait(epoll, events, 1024, start_slot(started_at, &started));
    for (int i = 0; i < count; i++) {
      struct slot *s = events[i].data.ptr;
      if (s->fd >= 0 && s->busy && s->sent < request.length && events[i].events & EPOLLOUT) send_request(s);
      if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(s);
    }
  }
  if (!is_done()) failed += plan.requests - finished - failed, strcpy(first_failure, "the deadline passed");
  print_report(now_ns() - started_at);
  if (plan.hold) while (getchar() != EOF) {}
  return 0;
}
