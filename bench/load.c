/*
 * Load generator: iSCSI sessions that read and write as fast as the target answers, one thread each.
 * Prints one line of JSON. With --verify every block carries its place and generation, and each read
 * is compared with what was last acknowledged.
 *
 *   load --portal 127.0.0.1:3260 --target iqn… [--lun N] [--luns N] [--size BYTES] [--depth N]
 *        [--sessions N] [--write PERCENT] [--sequential] [--seconds S] [--warmup S] [--digests]
 *        [--region BYTES] [--verify] [--lun-per-session] [--others-depth N]
 *        [--hold SECONDS] [--once] [--turns]
 *   --once: one pass over the whole unit (one session, sequential), however long it takes
 *   --turns: logs in, prints "ready", then runs once for each line of its input, until that ends
 *   --hold SECONDS: the sessions stay, idle, after the run
 *   --others-depth: of all sessions but the first; they are then reported apart, as "others"
 *   load --sync FILE        writes FILE's cached pages back and keeps them
 *   load --drop FILE        writes FILE's cached pages back and drops them from the page cache
 *   load --fill FILE BYTES  makes FILE, every block written
 *   load --warm FILE        brings what is missing of FILE into the page cache
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "wire.h"

enum { MAX_DEPTH = 1024, MAX_SESSIONS = 1024, BUCKETS = 64 * 40, INPUT = 1 << 20 };
enum { VECTORS = 1 << 15, SECTOR = 512 };

static struct {
  const char *address, *target;
  int port, lun, luns, depth, others_depth, sessions, write_percent, sequential, digests, verify;
  int once, turns, lun_per_session;
  uint32_t size;
  uint64_t region;
  double seconds, warmup, hold;
} opt = {.luns = 1, .depth = 32, .sessions = 1, .size = 4096, .seconds = 2, .warmup = 0.2};

static volatile int measuring, stopping;

struct slot {
  int busy, writing, lun;
  uint64_t offset, began;
  uint32_t received;
  uint8_t *data;
};

struct session {
  int fd, id, depth, in_flight;
  uint32_t cmd_sn, max_cmd_sn, exp_stat_sn, block_size;
  uint32_t first_burst, max_burst, max_send;
  int initial_r2t, immediate;
  uint64_t capacity, sequential_at, random;
  uint32_t *generations; /* of each block of `size` bytes, with --verify */
  uint64_t blocks_per_slot;
  struct slot slots[MAX_DEPTH];
  /* Output: vectors not yet taken by the system, and the headers that they point to. */
  struct iovec vectors[VECTORS];
  int vector_count, vector_at;
  uint8_t (*headers)[BHS + 8];
  int header_count;
  uint8_t *input;
  size_t have;
  /* Results. */
  uint64_t commands, errors, histogram[BUCKETS];
};

/* 64 buckets for each power of two: within 1.6 %. */
static int bucket_of(uint64_t ns) {
  if (ns < 64) return (int)ns;
  int shift = 63 - __builtin_clzll(ns) - 6;
  int bucket = (shift + 1) * 64 + (int)(ns >> shift & 63);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}
static double bucket_us(int bucket) {
  if (bucket < 64) return bucket / 1e3;
  return (double)(((uint64_t)(bucket & 63) | 64) << (bucket / 64 - 1)) / 1e3;
}

static uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13; x ^= x >> 7; x ^= x << 17;
  return *state = x;
}

static void queue(struct session *s, void *data, size_t length) {
  if (s->vector_count == VECTORS) die("load", "too much output queued");
  s->vectors[s->vector_count++] = (struct iovec){data, length};
}

static uint8_t *new_header(struct session *s) {
  if (s->header_count == VECTORS) die("load", "too many headers queued");
  uint8_t *h = s->headers[s->header_count++];
  memset(h, 0, BHS + 8);
  return h;
}

static void queue_pdu(struct session *s, uint8_t *h, uint8_t *data, uint32_t length) {
  put24(h + 5, length);
  if (opt.digests) put_crc(h + BHS, crc32c(0, h, BHS));
  queue(s, h, BHS + (opt.digests ? 4 : 0));
  if (length == 0) return;
  queue(s, data, length); /* sizes are multiples of 512: no padding */
  if (!opt.digests) return;
  put_crc(h + BHS + 4, crc32c(0, data, length));
  queue(s, h + BHS + 4, 4);
}

/* Writes what the socket takes. */
static void flush(struct session *s) {
  while (s->vector_at < s->vector_count) {
    int n = s->vector_count - s->vector_at;
    struct msghdr m = {.msg_iov = s->vectors + s->vector_at, .msg_iovlen = n > 1024 ? 1024 : n};
    ssize_t sent = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) return;
      die("send", strerror(errno));
    }
    while (s->vector_at < s->vector_count) {
      struct iovec *v = &s->vectors[s->vector_at];
      if ((size_t)sent < v->iov_len) {
        v->iov_base = (char *)v->iov_base + sent;
        v->iov_len -= sent;
        break;
      }
      sent -= v->iov_len;
      s->vector_at++;
    }
  }
  s->vector_at = s->vector_count = s->header_count = 0;
}

static void read_some(struct session *s) {
  for (;;) {
    int pending = s->vector_at < s->vector_count;
    ssize_t n = recv(s->fd, s->input + s->have, INPUT - s->have, pending ? MSG_DONTWAIT : 0);
    if (n > 0) {
      s->have += n;
      return;
    }
    if (n == 0) die("load", "the target closed the connection");
    if (errno == EAGAIN && pending) {
      struct pollfd p = {s->fd, POLLIN | POLLOUT, 0};
      poll(&p, 1, -1);
      if (p.revents & POLLOUT) flush(s);
    } else if (errno != EINTR) {
      die("receive", errno == EAGAIN ? "no answer for 30 seconds" : strerror(errno));
    }
  }
}

/* Waits for one whole PDU; its data segment is at input + BHS (+4). Returns its length in bytes. */
static size_t whole_pdu(struct session *s, int digests, size_t at) {
  if (s->have - at < BHS) return 0;
  const uint8_t *h = s->input + at;
  uint32_t length = get24(h + 5);
  size_t total = BHS + h[4] * 4u + (digests ? 4 : 0) + padded(length) + (digests && length ? 4 : 0);
  return s->have - at >= total ? total : 0;
}
static void consume(struct session *s, size_t n) {
  memmove(s->input, s->input + n, s->have - n);
  s->have -= n;
}
static uint8_t *wait_pdu(struct session *s, int digests, size_t *length) {
  while ((*length = whole_pdu(s, digests, 0)) == 0) read_some(s);
  return s->input;
}

static void login(struct session *s) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
  inet_pton(AF_INET, opt.address, &to.sin_addr);
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct timeval limit = {.tv_sec = 30};
  setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect", strerror(errno));

  char keys[MAX_KEYS];
  const char *digest = opt.digests ? "CRC32C" : "None";
  int n = snprintf(keys, sizeof keys,
    "InitiatorName=iqn.2026-01.net.example:load%d%cTargetName=%s%cSessionType=Normal%c"
    "HeaderDigest=%s%cDataDigest=%s%cInitialR2T=No%cImmediateData=Yes%cFirstBurstLength=262144%c"
    "MaxBurstLength=1048576%cMaxRecvDataSegmentLength=262144%cMaxOutstandingR2T=1%c"
    "DefaultTime2Wait=2%cDefaultTime2Retain=0%cErrorRecoveryLevel=0%cMaxConnections=1",
    s->id, 0, opt.target, 0, 0, digest, 0, digest, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) + 1;
  s->first_burst = 65536; s->max_burst = 262144; s->max_send = 8192;
  s->initial_r2t = 1; s->immediate = 1;
  s->cmd_sn = 1;
  for (int round = 0; round < 8; round++) {
    uint8_t *h = new_header(s);
    h[0] = 0x40 | OP_LOGIN;
    h[1] = 0x80 | 1 << 2 | 3;
    put24(h + 5, n);
    h[8] = 0x80; put16(h + 12, (uint32_t)s->id); h[11] = 1; put16(h + 9, getpid() & 0xffff);
    put32(h + 16, 1);
    put32(h + 24, s->cmd_sn);
    put32(h + 28, s->exp_stat_sn);
    queue(s, h, BHS);
    static const uint8_t zero[4];
    if (n) queue(s, keys, n);
    if (padded(n) > (uint32_t)n) queue(s, (void *)zero, padded(n) - n);
    flush(s);
    size_t length;
    uint8_t *r = wait_pdu(s, 0, &length);
    if ((r[0] & 0x3f) != OP_LOGIN_RESPONSE || r[36] != 0) {
      char what[40];
      snprintf(what, sizeof what, "opcode %02x status %02x%02x", r[0], r[36], r[37]);
      die("login refused", what);
    }
    s->exp_stat_sn = get32(r + 24) + 1;
    s->max_cmd_sn = get32(r + 32);
    uint32_t text_length = get24(r + 5);
    char text[MAX_KEYS + 1] = {0};
    memcpy(text, r + BHS, text_length < MAX_KEYS ? text_length : MAX_KEYS);
    const char *v;
    if ((v = text_value(text, text_length, "FirstBurstLength"))) s->first_burst = atoi(v);
    if ((v = text_value(text, text_length, "MaxBurstLength"))) s->max_burst = atoi(v);
    if ((v = text_value(text, text_length, "MaxRecvDataSegmentLength"))) s->max_send = atoi(v);
    if ((v = text_value(text, text_length, "InitialR2T"))) s->initial_r2t = v[0] == 'Y';
    if ((v = text_value(text, text_length, "ImmediateData"))) s->immediate = v[0] == 'Y';
    if (opt.digests && (v = text_value(text, text_length, "DataDigest")) && v[0] != 'C')
      die("login", "the target refuses digests");
    int done = (r[1] & 0x83) == 0x83;
    consume(s, length);
    if (done) return;
    n = 0;
  }
  die("login", "not finished after 8 exchanges");
}

/* A command alone on the connection; data-in to `into`. Returns the SCSI status. */
static int lone_command(struct session *s, int lun, const uint8_t *cdb, uint8_t *into, uint32_t n) {
  uint8_t *h = new_header(s);
  h[0] = OP_COMMAND;
  h[1] = 0x80 | (n ? 0x40 : 0) | 1;
  put16(h + 8, lun < 256 ? lun : 0x4000 | lun);
  put32(h + 16, 0xffff);
  put32(h + 20, n);
  put32(h + 24, s->cmd_sn++);
  put32(h + 28, s->exp_stat_sn);
  memcpy(h + 32, cdb, 16);
  queue_pdu(s, h, NULL, 0);
  flush(s);
  for (;;) {
    size_t length;
    uint8_t *r = wait_pdu(s, opt.digests, &length);
    int opcode = r[0] & 0x3f, status = -1;
    if (opcode == OP_DATA_IN) {
      uint32_t got = get24(r + 5), at = get32(r + 40);
      if (at + got <= n) memcpy(into + at, r + BHS + (opt.digests ? 4 : 0), got);
      if (r[1] & 1) status = r[3];
    } else if (opcode == OP_RESPONSE) {
      status = r[3];
    }
    if (status >= 0) s->exp_stat_sn = get32(r + 24) + 1;
    s->max_cmd_sn = get32(r + 32);
    consume(s, length);
    if (status >= 0) return status;
  }
}

static void make_ready(struct session *s) {
  static const uint8_t test_unit_ready[16], read_capacity[16] = {0x25};
  for (int lun = opt.lun; lun < opt.lun + opt.luns; lun++) {
    int tries = 0;
    while (lone_command(s, lun, test_unit_ready, NULL, 0) != 0)
      if (++tries > 16) die("load", "the logical unit is not ready");
  }
  uint8_t c[8] = {0};
  if (lone_command(s, opt.lun, read_capacity, c, 8) != 0) die("load", "READ CAPACITY failed");
  s->block_size = get32(c + 4);
  s->capacity = ((uint64_t)get32(c) + 1) * s->block_size;
  if (opt.region && opt.region < s->capacity) s->capacity = opt.region;
  if (s->capacity < opt.size) die("load", "the logical unit is too small");
}

static void stamp(uint8_t *data, uint64_t offset, uint32_t generation) {
  for (uint32_t at = 0; at < opt.size; at += SECTOR) {
    uint64_t x = (offset + at) * 0x9e3779b97f4a7c15u + generation + 1;
    for (uint32_t i = 0; i < SECTOR; i += 8) {
      x ^= x << 13; x ^= x >> 7; x ^= x << 17;
      memcpy(data + at + i, &x, 8);
    }
  }
}

static void check_read(struct session *s, struct slot *slot) {
  static __thread uint8_t *expected;
  if (!expected) expected = malloc(opt.size);
  uint32_t generation = s->generations[slot->offset / opt.size];
  if (generation == 0) return; /* never written by us */
  stamp(expected, slot->offset, generation);
  for (uint32_t at = 0; at < opt.size; at += SECTOR)
    if (memcmp(expected + at, slot->data + at, SECTOR) != 0) {
      fprintf(stderr, "session %d: wrong data at byte %llu (generation %u)\n", s->id,
              (unsigned long long)slot->offset + at, generation);
      exit(2);
    }
}

/* Where the next command goes. With --verify each slot has blocks of its own. */
static uint64_t next_offset(struct session *s, int index) {
  uint64_t blocks = s->capacity / opt.size;
  if (opt.verify) {
    uint64_t first = ((uint64_t)s->id * opt.depth + index) * s->blocks_per_slot;
    return (first + next_random(&s->random) % s->blocks_per_slot) * opt.size;
  }
  if (!opt.sequential) return next_random(&s->random) % blocks * opt.size;
  uint64_t at = s->sequential_at++ % (blocks / opt.sessions) + blocks / opt.sessions * s->id;
  return at * opt.size;
}

static void data_out(struct session *s, uint32_t itt, uint32_t ttt, uint32_t from, uint32_t length) {
  struct slot *slot = &s->slots[itt];
  for (uint32_t sent = 0, sn = 0; sent < length; sn++) {
    uint32_t n = length - sent < s->max_send ? length - sent : s->max_send;
    uint8_t *h = new_header(s);
    h[0] = OP_DATA_OUT;
    h[1] = sent + n == length ? 0x80 : 0;
    put16(h + 8, slot->lun < 256 ? slot->lun : 0x4000 | slot->lun);
    put32(h + 16, itt);
    put32(h + 20, ttt);
    put32(h + 28, s->exp_stat_sn);
    put32(h + 36, sn);
    put32(h + 40, from + sent);
    queue_pdu(s, h, slot->data + from + sent, n);
    sent += n;
  }
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void issue(struct session *s, int index) {
  struct slot *slot = &s->slots[index];
  slot->offset = next_offset(s, index);
  slot->writing = (int)(next_random(&s->random) % 100) < opt.write_percent;
  slot->lun = opt.lun + (opt.luns == 1 ? 0 : (int)(next_random(&s->random) % opt.luns));
  if (opt.lun_per_session) slot->lun = opt.lun + s->id;
  slot->received = 0;
  slot->busy = 1;
  if (slot->writing && opt.verify)
    stamp(slot->data, slot->offset, ++s->generations[slot->offset / opt.size]);
  uint32_t immediate = 0, unsolicited = 0;
  if (slot->writing) {
    uint32_t burst = smaller(opt.size, s->first_burst);
    if (s->immediate) immediate = smaller(burst, s->max_send);
    if (!s->initial_r2t) unsolicited = burst - immediate;
  }
  uint8_t *h = new_header(s);
  h[0] = OP_COMMAND;
  h[1] = (unsolicited ? 0 : 0x80) | (slot->writing ? 0x20 : 0x40) | 1;
  put16(h + 8, slot->lun < 256 ? slot->lun : 0x4000 | slot->lun);
  put32(h + 16, index);
  put32(h + 20, opt.size);
  put32(h + 24, s->cmd_sn++);
  put32(h + 28, s->exp_stat_sn);
  h[32] = slot->writing ? 0x2a : 0x28;
  put32(h + 34, slot->offset / s->block_size);
  put16(h + 39, opt.size / s->block_size);
  queue_pdu(s, h, slot->data, immediate);
  if (unsolicited) data_out(s, index, RESERVED_TAG, immediate, unsolicited);
  s->in_flight++;
}

static void issue_all(struct session *s) {
  uint64_t now = now_ns();
  for (int i = 0; i < s->depth && s->in_flight < s->depth; i++) {
    if (s->slots[i].busy) continue;
    if ((int32_t)(s->max_cmd_sn - s->cmd_sn) < 0) break;
    if (opt.once && s->sequential_at == s->capacity / opt.size) {
      stopping = 1;
      break;
    }
    s->slots[i].began = now;
    issue(s, i);
  }
  flush(s);
}

static void finished(struct session *s, uint32_t itt, int status, uint64_t now) {
  struct slot *slot = &s->slots[itt];
  if (!slot->busy) die("load", "an answer to no command");
  if (status == 0 && !slot->writing) {
    if (slot->received != opt.size) die("load", "a read came short");
    if (opt.verify) check_read(s, slot);
  }
  slot->busy = 0;
  s->in_flight--;
  if (!measuring) return;
  if (status != 0) s->errors++;
  s->commands++;
  s->histogram[bucket_of(now - slot->began)]++;
}

static void check_digests(const uint8_t *h, const uint8_t *data, uint32_t length) {
  if (get_crc(h + BHS) != crc32c(0, h, BHS)) die("load", "wrong header digest");
  if (length && get_crc(data + padded(length)) != crc32c(0, data, padded(length)))
    die("load", "wrong data digest");
}

static void handle(struct session *s, const uint8_t *h, uint64_t now) {
  int opcode = h[0] & 0x3f;
  uint32_t itt = get32(h + 16), length = get24(h + 5);
  const uint8_t *data = h + BHS + (opt.digests ? 4 : 0);
  if (opt.digests) check_digests(h, data, length);
  uint32_t max_cmd_sn = get32(h + 32);
  if ((int32_t)(max_cmd_sn - s->max_cmd_sn) > 0) s->max_cmd_sn = max_cmd_sn;
  if (opcode == OP_NOP_IN) {
    uint8_t *a = new_header(s);
    a[0] = 0x40 | OP_NOP_OUT; a[1] = 0x80;
    memset(a + 16, 0xff, 4);
    memcpy(a + 8, h + 8, 8);
    memcpy(a + 20, h + 20, 4);
    put32(a + 24, s->cmd_sn);
    put32(a + 28, s->exp_stat_sn);
    queue_pdu(s, a, NULL, 0);
    return;
  }
  if (itt >= (uint32_t)s->depth) {
    char what[40];
    snprintf(what, sizeof what, "opcode %02x, tag %08x", h[0], itt);
    die("unexpected PDU", what);
  }
  if (opcode == OP_DATA_IN) {
    uint32_t at = get32(h + 40);
    if (at != s->slots[itt].received || at + length > opt.size) die("load", "data out of place");
    if (opt.verify) memcpy(s->slots[itt].data + at, data, length);
    s->slots[itt].received += length;
    if ((h[1] & 1) == 0) return;
  } else if (opcode == OP_R2T) {
    data_out(s, itt, get32(h + 20), get32(h + 40), get32(h + 44));
    return;
  } else if (opcode != OP_RESPONSE) {
    die("load", "unexpected opcode");
  }
  s->exp_stat_sn = get32(h + 24) + 1;
  finished(s, itt, h[3], now);
}

static void take_input(struct session *s) {
  read_some(s);
  uint64_t now = now_ns();
  size_t at = 0, n;
  for (; (n = whole_pdu(s, opt.digests, at)) > 0; at += n) handle(s, s->input + at, now);
  consume(s, at);
}

static void *run(void *argument) {
  struct session *s = argument;
  while (!stopping || s->in_flight > 0) {
    if (!stopping) issue_all(s);
    else flush(s);
    if (stopping && s->in_flight == 0) break;
    take_input(s);
  }
  return NULL;
}

static struct session *new_session(int id) {
  struct session *s = calloc(1, sizeof *s);
  s->id = id;
  s->depth = id > 0 && opt.others_depth ? opt.others_depth : opt.depth;
  s->random = 0x1234567u + 7919u * id + now_ns();
  s->input = malloc(INPUT);
  s->headers = malloc(VECTORS * sizeof *s->headers);
  login(s);
  make_ready(s);
  uint8_t *shared = opt.verify ? NULL : calloc(1, opt.size);
  for (int i = 0; shared && (uint32_t)i < opt.size; i++) shared[i] = (uint8_t)(i * 131 + (i >> 9));
  for (int i = 0; i < s->depth; i++) s->slots[i].data = shared ? shared : calloc(1, opt.size);
  if (opt.verify) {
    uint64_t blocks = s->capacity / opt.size;
    s->blocks_per_slot = blocks / ((uint64_t)opt.sessions * opt.depth);
    if (s->blocks_per_slot == 0) die("load", "--verify needs a larger logical unit");
    s->generations = calloc(blocks, sizeof *s->generations);
  }
  return s;
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void pause_for(double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  while (nanosleep(&t, &t) < 0) {}
}

static double percentile(const uint64_t *histogram, uint64_t total, double part) {
  uint64_t seen = 0, wanted = (uint64_t)(total * part);
  for (int i = 0; i < BUCKETS; i++)
    if ((seen += histogram[i]) > wanted) return bucket_us(i);
  return 0;
}

static void print_latencies(const uint64_t *histogram, uint64_t commands) {
  printf("\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f", percentile(histogram, commands, 0.5),
         percentile(histogram, commands, 0.99), percentile(histogram, commands, 0.999));
}

static struct session *all[MAX_SESSIONS];

static void report(double seconds, double cpu) {
  static uint64_t histogram[BUCKETS], of_others[BUCKETS];
  uint64_t commands = 0, errors = 0, others = 0, least = UINT64_MAX;
  memset(histogram, 0, sizeof histogram);
  memset(of_others, 0, sizeof of_others);
  for (int i = 0; i < opt.sessions; i++) {
    struct session *s = all[i];
    commands += s->commands;
    errors += s->errors;
    if (s->commands < least) least = s->commands;
    if (i > 0) others += s->commands;
    for (int k = 0; k < BUCKETS; k++) {
      histogram[k] += s->histogram[k];
      if (i > 0) of_others[k] += s->histogram[k];
    }
  }
  printf("{\"commands\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"clientCpuSeconds\":%.6f,"
         "\"leastOfSession\":%llu,",
         (unsigned long long)commands, (unsigned long long)errors, seconds, cpu,
         (unsigned long long)least);
  print_latencies(histogram, commands);
  if (opt.others_depth) {
    printf(",\"others\":{\"commands\":%llu,", (unsigned long long)others);
    print_latencies(of_others, others);
    printf("}");
  }
  printf("}\n");
  fflush(stdout);
}

/* "begin" and "end" tell the caller when to read the target's clock. */
static void turn(void) {
  static pthread_t threads[MAX_SESSIONS];
  stopping = 0;
  for (int i = 0; i < opt.sessions; i++) {
    all[i]->commands = all[i]->errors = 0;
    memset(all[i]->histogram, 0, sizeof all[i]->histogram);
  }
  for (int i = 0; i < opt.sessions; i++) pthread_create(&threads[i], NULL, run, all[i]);
  if (opt.once) {
    pthread_join(threads[0], NULL);
    return;
  }
  pause_for(opt.warmup);
  double cpu = cpu_seconds();
  uint64_t began = now_ns();
  printf("begin\n");
  fflush(stdout);
  measuring = 1;
  pause_for(opt.seconds);
  measuring = 0;
  double seconds = (now_ns() - began) / 1e9;
  cpu = cpu_seconds() - cpu;
  printf("end\n");
  fflush(stdout);
  stopping = 1;
  for (int i = 0; i < opt.sessions; i++) pthread_join(threads[i], NULL);
  report(seconds, cpu);
}

/* Whether another turn is asked for; meanwhile pings are answered, each before the next. */
static int asked(void) {
  static struct pollfd polled[MAX_SESSIONS + 1];
  for (int i = 0; i < opt.sessions; i++) polled[i] = (struct pollfd){all[i]->fd, POLLIN, 0};
  polled[opt.sessions] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
  for (;;) {
    if (poll(polled, opt.sessions + 1, -1) < 0) continue;
    for (int i = 0; i < opt.sessions; i++) {
      if (!polled[i].revents) continue;
      take_input(all[i]);
      flush(all[i]);
    }
    char c;
    if (polled[opt.sessions].revents && read(STDIN_FILENO, &c, 1) <= 0) return 0;
    if (polled[opt.sessions].revents && c == '\n') return 1;
  }
}

static void measure(void) {
  for (int i = 0; i < opt.sessions; i++) all[i] = new_session(i);
  if (!opt.turns) {
    turn();
    pause_for(opt.hold);
    return;
  }
  printf("ready\n");
  fflush(stdout);
  while (asked()) turn();
}

static int sync_file(const char *path, int dropping) {
  int fd = open(path, O_RDWR);
  if (fd < 0) die(path, strerror(errno));
  fsync(fd);
  if (dropping) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  return close(fd);
}

/*
 * In pieces of 4 KiB, as a disk in use is written: after longer ones the page cache of newer Linux
 * holds large folios, and ext4 walks all blocks of a folio for each small write: 37 us instead of 5,
 * the same for every target.
 */
static int fill(const char *path, uint64_t bytes) {
  static uint64_t block[4096 / 8];
  uint64_t random = 88172645463325252u;
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die(path, strerror(errno));
  for (size_t i = 0; i < sizeof block / 8; i++) block[i] = next_random(&random);
  for (uint64_t at = 0; at < bytes; at += sizeof block) {
    block[0] = at;
    if (write(fd, block, sizeof block) != sizeof block) die(path, strerror(errno));
  }
  fsync(fd);
  return close(fd);
}

/* Page by page and without readahead, for the reason that `fill` gives. */
static int warm(const char *path) {
  static char block[4096];
  int fd = open(path, O_RDONLY);
  struct stat is;
  if (fd < 0 || fstat(fd, &is) < 0) die(path, strerror(errno));
  posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  size_t pages = ((size_t)is.st_size + sizeof block - 1) / sizeof block;
  unsigned char *there = calloc(pages + 1, 1);
  void *map = mmap(NULL, is.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (!there || map == MAP_FAILED || mincore(map, is.st_size, there) < 0) die(path, strerror(errno));
  for (size_t i = 0; i < pages; i++) {
    if (!(there[i] & 1) && pread(fd, block, sizeof block, i * sizeof block) < 0) die(path, strerror(errno));
  }
  return close(fd);
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp(a, "--digests")) { opt.digests = 1; continue; }
    if (!strcmp(a, "--sequential")) { opt.sequential = 1; continue; }
    if (!strcmp(a, "--once")) { opt.once = 1; continue; }
    if (!strcmp(a, "--turns")) { opt.turns = 1; continue; }
    if (!strcmp(a, "--verify")) { opt.verify = 1; continue; }
    if (!strcmp(a, "--lun-per-session")) { opt.lun_per_session = 1; continue; }
    i++;
    if (!strcmp(a, "--portal")) {
      char *copy = strdup(v), *colon = strrchr(copy, ':');
      if (!colon) die("load", "--portal needs address:port");
      *colon = 0;
      opt.address = copy;
      opt.port = atoi(colon + 1);
    } else if (!strcmp(a, "--target")) opt.target = v;
    else if (!strcmp(a, "--lun")) opt.lun = atoi(v);
    else if (!strcmp(a, "--luns")) opt.luns = atoi(v);
    else if (!strcmp(a, "--size")) opt.size = atoi(v);
    else if (!strcmp(a, "--depth")) opt.depth = atoi(v);
    else if (!strcmp(a, "--others-depth")) opt.others_depth = atoi(v);
    else if (!strcmp(a, "--sessions")) opt.sessions = atoi(v);
    else if (!strcmp(a, "--write")) opt.write_percent = atoi(v);
    else if (!strcmp(a, "--seconds")) opt.seconds = atof(v);
    else if (!strcmp(a, "--warmup")) opt.warmup = atof(v);
    else if (!strcmp(a, "--hold")) opt.hold = atof(v);
    else if (!strcmp(a, "--region")) opt.region = strtoull(v, NULL, 10);
    else die("no such option", a);
  }
  if (!opt.address || !opt.target) die("load", "--portal and --target are needed");
  if (opt.depth < 1 || opt.depth > MAX_DEPTH) die("load", "--depth is out of range");
  if (opt.others_depth < 0 || opt.others_depth > MAX_DEPTH) die("load", "--others-depth");
  if (opt.sessions < 1 || opt.sessions > MAX_SESSIONS) die("load", "--sessions is out of range");
  if (opt.size == 0 || opt.size % SECTOR) die("load", "--size must be a multiple of 512");
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--drop")) return sync_file(argv[2], 1);
  if (argc == 3 && !strcmp(argv[1], "--sync")) return sync_file(argv[2], 0);
  if (argc == 3 && !strcmp(argv[1], "--warm")) return warm(argv[2]);
  if (argc == 4 && !strcmp(argv[1], "--fill")) return fill(argv[2], strtoull(argv[3], NULL, 10));
  parse(argc, argv);
  measure();
  return 0;
}
