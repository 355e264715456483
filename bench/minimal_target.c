/*
 * The floor: an iSCSI target that knows login, READ and WRITE and checks nothing. Blocking sockets, a
 * thread for each connection. For measurements only: it believes every byte that it is sent.
 *
 *   minimal_target FILE|null   prints the port that it listens on
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "wire.h"

enum { INPUT = 2 << 20, OUTPUT = 4 << 20, SEGMENT = 262144, TASKS = 2048, BLOCK = 512, WINDOW = 256 };

static int file = -1; /* -1: reads give what is there, writes vanish */
static uint64_t capacity = 1ull << 30;

struct task { uint64_t offset; uint32_t total, asked, have; };

struct connection {
  int fd, digests;
  uint32_t stat_sn, exp_cmd_sn;
  uint8_t *in, *out;
  size_t have, queued;
  struct task tasks[TASKS];
};

static void send_all(struct connection *c) {
  for (size_t at = 0; at < c->queued;) {
    ssize_t n = send(c->fd, c->out + at, c->queued - at, MSG_NOSIGNAL);
    if (n <= 0) pthread_exit(NULL);
    at += n;
  }
  c->queued = 0;
}

/* Room for a PDU with `length` bytes of data; its zeroed header. */
static uint8_t *begin(struct connection *c, uint32_t length) {
  if (c->queued + BHS + 8 + padded(length) > OUTPUT) send_all(c);
  uint8_t *h = c->out + c->queued;
  memset(h, 0, BHS);
  return h;
}
static void end(struct connection *c, uint8_t *h, uint32_t length, int status) {
  put24(h + 5, length);
  if (status) put32(h + 24, c->stat_sn++);
  put32(h + 28, c->exp_cmd_sn);
  put32(h + 32, c->exp_cmd_sn + WINDOW);
  c->queued += BHS;
  if (c->digests) { put_crc(h + BHS, crc32c(0, h, BHS)); c->queued += 4; }
  uint8_t *data = h + BHS + (c->digests ? 4 : 0);
  c->queued += padded(length);
  if (c->digests && length) {
    put_crc(data + padded(length), crc32c(0, data, padded(length)));
    c->queued += 4;
  }
}
static uint8_t *data_of(struct connection *c, uint8_t *h) { return h + BHS + (c->digests ? 4 : 0); }

static void respond(struct connection *c, uint32_t itt) {
  uint8_t *h = begin(c, 0);
  h[0] = OP_RESPONSE; h[1] = 0x80;
  put32(h + 16, itt);
  end(c, h, 0, 1);
}

static void login(struct connection *c, const uint8_t *q) {
  char text[MAX_KEYS + 1] = {0};
  uint32_t length = get24(q + 5);
  memcpy(text, q + BHS, length < MAX_KEYS ? length : MAX_KEYS);
  const char *digest = text_value(text, length, "HeaderDigest");
  int digests = digest && !strncmp(digest, "CRC32C", 6);
  c->exp_cmd_sn = get32(q + 24);
  uint8_t *h = begin(c, MAX_KEYS);
  h[0] = OP_LOGIN_RESPONSE; h[1] = q[1];
  memcpy(h + 8, q + 8, 8);
  h[15] = 1;
  memcpy(h + 16, q + 16, 4);
  int n = snprintf((char *)h + BHS, MAX_KEYS,
    "HeaderDigest=%s%cDataDigest=%s%cInitialR2T=No%cImmediateData=Yes%cFirstBurstLength=262144%c"
    "MaxBurstLength=1048576%cMaxRecvDataSegmentLength=%d%cTargetPortalGroupTag=1",
    digests ? "CRC32C" : "None", 0, digests ? "CRC32C" : "None", 0, 0, 0, 0, 0, SEGMENT, 0) + 1;
  end(c, h, n, 1);
  send_all(c);
  c->digests = digests;
}

static void read_blocks(struct connection *c, uint32_t itt, uint64_t offset, uint32_t total) {
  for (uint32_t at = 0, sn = 0; at < total; sn++) {
    uint32_t n = total - at < SEGMENT ? total - at : SEGMENT;
    uint8_t *h = begin(c, n);
    h[0] = OP_DATA_IN;
    h[1] = at + n == total ? 0x81 : 0;
    put32(h + 16, itt);
    memset(h + 20, 0xff, 4);
    put32(h + 36, sn);
    put32(h + 40, at);
    if (file >= 0 && pread(file, data_of(c, h), n, offset + at) != (ssize_t)n) exit(1);
    end(c, h, n, at + n == total);
    at += n;
  }
}

static void store(struct connection *c, uint32_t itt, const uint8_t *data, uint32_t n, int final) {
  struct task *t = &c->tasks[itt % TASKS];
  if (n && file >= 0 && pwrite(file, data, n, t->offset + t->have) != (ssize_t)n) exit(1);
  t->have += n;
  if (t->have == t->total) return respond(c, itt);
  if (!final) return;
  uint8_t *h = begin(c, 0);
  h[0] = OP_R2T; h[1] = 0x80;
  put32(h + 16, itt);
  put32(h + 20, itt);
  put32(h + 24, c->stat_sn);
  put32(h + 36, t->asked++);
  put32(h + 40, t->have);
  uint32_t left = t->total - t->have;
  put32(h + 44, left < 1048576 ? left : 1048576);
  end(c, h, 0, 0);
}

static void small_data_in(struct connection *c, uint32_t itt, const uint8_t *data, uint32_t n) {
  uint8_t *h = begin(c, n);
  h[0] = OP_DATA_IN; h[1] = 0x81;
  put32(h + 16, itt);
  memset(h + 20, 0xff, 4);
  memcpy(data_of(c, h), data, n);
  end(c, h, n, 1);
}

static void command(struct connection *c, const uint8_t *q, const uint8_t *data, uint32_t length) {
  uint32_t itt = get32(q + 16);
  uint64_t offset = (uint64_t)get32(q + 34) * BLOCK;
  uint32_t total = (uint32_t)(q[39] << 8 | q[40]) * BLOCK;
  c->exp_cmd_sn++;
  if (q[32] == 0x28) return read_blocks(c, itt, offset, total);
  if (q[32] == 0x2a) {
    c->tasks[itt % TASKS] = (struct task){offset, total, 0, 0};
    return store(c, itt, data, length, q[1] & 0x80);
  }
  if (q[32] == 0x25) {
    uint8_t answer[8];
    put32(answer, (uint32_t)(capacity / BLOCK - 1));
    put32(answer + 4, BLOCK);
    return small_data_in(c, itt, answer, 8);
  }
  respond(c, itt);
}

static void *serve(void *argument) {
  struct connection *c = calloc(1, sizeof *c);
  c->fd = (int)(intptr_t)argument;
  c->in = malloc(INPUT);
  c->out = calloc(1, OUTPUT);
  for (;;) {
    ssize_t got = recv(c->fd, c->in + c->have, INPUT - c->have, 0);
    if (got <= 0) break;
    c->have += got;
    size_t at = 0;
    while (c->have - at >= BHS) {
      const uint8_t *q = c->in + at;
      uint32_t length = get24(q + 5);
      int digests = c->digests;
      size_t total = BHS + (digests ? 4 : 0) + padded(length) + (digests && length ? 4 : 0);
      if (c->have - at < total) break;
      const uint8_t *data = q + BHS + (digests ? 4 : 0);
      if (digests && get_crc(q + BHS) != crc32c(0, q, BHS)) exit(1);
      if (digests && length && get_crc(data + padded(length)) != crc32c(0, data, padded(length)))
        exit(1);
      switch (q[0] & 0x3f) {
        case OP_LOGIN: login(c, q); break;
        case OP_COMMAND: command(c, q, data, length); break;
        case OP_DATA_OUT: store(c, get32(q + 16), data, length, q[1] & 0x80); break;
        default: break;
      }
      at += total;
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    if (c->queued) send_all(c);
  }
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 2) die("usage", "minimal_target FILE|null");
  if (strcmp(argv[1], "null") != 0) {
    struct stat st;
    file = open(argv[1], O_RDWR);
    if (file < 0 || fstat(file, &st) < 0) die(argv[1], strerror(errno));
    capacity = st.st_size;
  }
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 256) < 0)
    die("listen", strerror(errno));
  getsockname(listener, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd);
    pthread_detach(thread);
  }
}
