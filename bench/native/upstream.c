// A paced upstream that speaks llama-server's wire: POST /v1/completions streams `max_tokens` events, each in an HTTP
// chunk of its own, whose text is "@" and the CLOCK_MONOTONIC nanoseconds at which it was sent. The first token leaves
// at once; a prompt that says interval_us=N spaces the others by N on average (half to one and a half, so that streams
// do not march in step). Like llama-server it closes the connection after a stream. One thread, epoll.
//
//   upstream port=N
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536
#define OUT_SIZE 65536
#define STAMP_DIGITS 16
#define TOKEN_BODY                                                                                                \
  "data: {\"choices\":[{\"text\":\" @0000000000000000\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}],"   \
  "\"created\":1795381132,\"model\":\"bench\",\"system_fingerprint\":\"b11669\",\"object\":\"text_completion\","   \
  "\"id\":\"chatcmpl-RUmHCzI2FS6wW2fULOZSMY0NmmSLq0F4\"}\n\n"
#define STREAM_HEAD                                                                                               \
  "HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"      \
  "Keep-Alive: timeout=5, max=100\r\n\r\n"

struct connection {
  int fd;
  bool head_done, wants_write;
  size_t head_length;
  struct buffer in, body;  // the request as it came; its body, decoded
  bool is_chunked, streaming;
  size_t body_left;
  struct chunked chunked;
  long tokens, tokens_left;
  uint64_t interval, due;
  size_t out_length, out_sent;
  char *out;
};

static int epoll;
static char token_chunk[512];
static size_t token_chunk_length, stamp_offset;
static struct connection *streams[MAX_FD];
static size_t stream_count;
static struct connection *by_fd[MAX_FD];

static void drop(struct connection *c) {
  for (size_t i = 0; c->streaming && i < stream_count; i++)
    if (streams[i] == c) {
      streams[i] = streams[--stream_count];
      break;
    }
  by_fd[c->fd] = NULL;
  close(c->fd);
  buffer_free(&c->in);
  buffer_free(&c->body);
  free(c->out);
  free(c);
}

static void watch(struct connection *c, bool write) {
  if (write == c->wants_write) return;
  c->wants_write = write;
  struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.fd = c->fd};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void put(struct connection *c, const char *text, size_t length) {
  memcpy(c->out + c->out_length, text, length);
  c->out_length += length;
}

static void put_token(struct connection *c, uint64_t stamp) {
  put(c, token_chunk, token_chunk_length);
  char *digit = c->out + c->out_length - token_chunk_length + stamp_offset + STAMP_DIGITS;
  for (int i = 0; i < STAMP_DIGITS; i++, stamp /= 10) *--digit = (char)('0' + stamp % 10);
}

static void put_end(struct connection *c) {
  char event[512];
  int length = snprintf(event, sizeof event,
    "data: {\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"length\"}],"
    "\"created\":1795381132,\"model\":\"bench\",\"object\":\"text_completion\",\"usage\":{\"completion_tokens\":%ld,"
    "\"prompt_tokens\":1,\"total_tokens\":%ld},\"timings\":{\"predicted_n\":%ld}}\n\n",
    c->tokens, c->tokens + 1, c->tokens);
  char end[600];
  length = snprintf(end, sizeof end, "%x\r\n%s\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", (unsigned)length, event);
  put(c, end, (size_t)length);
}

// Puts out every token that is due (at full speed: as many as fit) and sends; closes after the last.
static void advance(struct connection *c) {
  uint64_t now = now_ns();
  while (c->tokens_left > 0 && c->due <= now && c->out_length + 1024 < OUT_SIZE) {
    put_token(c, now);
    if (c->interval) c->due = now + c->interval / 2 + (uint64_t)random() % c->interval;
    else now = now_ns();
    if (--c->tokens_left == 0) put_end(c);
  }
  ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return drop(c);
  if (sent > 0) c->out_sent += (size_t)sent;
  bool pending = c->out_sent < c->out_length;
  if (!pending) c->out_length = c->out_sent = 0;
  if (!pending && c->tokens_left == 0) return drop(c);
  watch(c, pending || c->interval == 0);
}

static long number_after(const struct buffer *b, const char *name, long missing) {
  const char *found = b->data ? memmem(b->data, b->length, name, strlen(name)) : NULL;
  return found ? strtol(found + strlen(name), NULL, 10) : missing;
}

static void start_stream(struct connection *c) {
  buffer_add(&c->body, "\0", 1);
  c->tokens = c->tokens_left = number_after(&c->body, "\"max_tokens\":", 1);
  c->interval = (uint64_t)number_after(&c->body, "interval_us=", 0) * 1000;
  c->due = now_ns();
  buffer_free(&c->body);
  c->out = malloc(OUT_SIZE);
  if (!c->out) die("malloc");
  c->streaming = true;
  streams[stream_count++] = c;
  put(c, STREAM_HEAD, strlen(STREAM_HEAD));
  advance(c);
}

static void answer_get(struct connection *c) {
  const char *path = c->in.data + 4, *status = "200 OK", *body;
  if (strncmp(path, "/health ", 8) == 0) body = "{\"status\":\"ok\"}";
  else if (strncmp(path, "/props", 6) == 0)
    body = "{\"total_slots\":2000,\"model_path\":\"bench.gguf\",\"build_info\":\"bench\"}";
  else if (strncmp(path, "/v1/models", 10) == 0)
    body = "{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":\"model\",\"meta\":{\"n_ctx\":4096,\"size\":1048576}}]}";
  else status = "404 Not Found", body = "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":\"not_found_error\"}}";
  char answer[512];
  int length = snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
    status, strlen(body), body);
  send(c->fd, answer, (size_t)length, MSG_NOSIGNAL);
  c->in.length -= c->head_length;
  memmove(c->in.data, c->in.data + c->head_length, c->in.length);
  c->head_done = false;
}

// Reads the head once it is whole: where the body starts and how it is framed.
static bool read_head(struct connection *c) {
  char *end = c->in.length ? memmem(c->in.data, c->in.length, "\r\n\r\n", 4) : NULL;
  if (!end) return false;
  *end = '\0';
  c->head_done = true;
  c->head_length = (size_t)(end - c->in.data) + 4;
  c->is_chunked = strcasestr(c->in.data, "\r\ntransfer-encoding: chunked") != NULL;
  const char *length = strcasestr(c->in.data, "\r\ncontent-length:");
  c->body_left = length ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
  return true;
}

static bool take_body(struct connection *c, const char *at, const char *end) {
  if (c->is_chunked) {
    const char *data;
    for (size_t run; (run = chunked_next(&c->chunked, &at, end, &data)) > 0;) buffer_add(&c->body, data, run);
    return c->chunked.state == CHUNK_ENDED;
  }
  size_t run = (size_t)(end - at) < c->body_left ? (size_t)(end - at) : c->body_left;
  buffer_add(&c->body, at, run);
  return (c->body_left -= run) == 0;
}

static void receive(struct connection *c) {
  char data[OUT_SIZE];
  ssize_t got = recv(c->fd, data, sizeof data, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(c);
  if (c->streaming) return;
  const char *at = data;
  if (!c->head_done) {
    size_t before = c->in.length;
    buffer_add(&c->in, data, (size_t)got);
    if (!read_head(c)) return;
    if (strncmp(c->in.data, "GET ", 4) == 0) return answer_get(c);
    at = data + (c->head_length - before);
  }
  if (take_body(c, at, data + got)) start_stream(c);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    if (!c || fd >= MAX_FD) die("accept");
    c->fd = fd;
    by_fd[fd] = c;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static int listen_on(long port) {
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) die("listen");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  return fd;
}

// Waits for sockets, at most until the next paced token is due.
static int wait_for_events(struct epoll_event *events, int limit) {
  uint64_t next = UINT64_MAX, now = now_ns();
  for (size_t i = 0; i < stream_count; i++)
    if (streams[i]->interval && streams[i]->tokens_left && streams[i]->due < next) next = streams[i]->due;
  uint64_t wait = next == UINT64_MAX ? 3600000000000u : next > now ? next - now : 0;
  struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
  return epoll_pwait2(epoll, events, limit, &timeout, NULL);
}

int main(int argc, char **argv) {
  allow_many_sockets();
  signal(SIGPIPE, SIG_IGN);
  token_chunk_length = (size_t)sprintf(token_chunk, "%zx\r\n%s\r\n", strlen(TOKEN_BODY), TOKEN_BODY);
  stamp_offset = (size_t)(strchr(token_chunk, '@') + 1 - token_chunk);
  epoll = epoll_create1(0);
  int listener = listen_on(number_argument(argc, argv, "port", 0));
  puts("ready");
  fflush(stdout);
  static struct epoll_event events[1024];
  for (;;) {
    int count = wait_for_events(events, 1024);
    for (int i = 0; i < count; i++) {
      struct connection *c = by_fd[events[i].data.fd];
      if (events[i].data.fd == listener) accept_all(listener);
      else if (c && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
      else if (c && c->streaming) advance(c);
    }
    uint64_t now = now_ns();
    for (size_t i = stream_count; i-- > 0;)
      if (streams[i]->interval && streams[i]->tokens_left && streams[i]->due <= now) advance(streams[i]);
  }
}
