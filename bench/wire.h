/* What the load generator and the minimal target share: bytes of iSCSI (RFC 7143), CRC32C, time. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BHS = 48, MAX_KEYS = 8192 };
enum {
  OP_NOP_OUT = 0x00, OP_COMMAND = 0x01, OP_LOGIN = 0x03, OP_DATA_OUT = 0x05, OP_LOGOUT = 0x06,
  OP_NOP_IN = 0x20, OP_RESPONSE = 0x21, OP_LOGIN_RESPONSE = 0x23, OP_DATA_IN = 0x25,
  OP_LOGOUT_RESPONSE = 0x26, OP_R2T = 0x31, OP_ASYNC = 0x32, OP_REJECT = 0x3f
};
#define RESERVED_TAG 0xffffffffu

static inline void put16(uint8_t *p, uint32_t v) { p[0] = v >> 8; p[1] = v; }
static inline void put24(uint8_t *p, uint32_t v) { p[0] = v >> 16; p[1] = v >> 8; p[2] = v; }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, v >> 16); put16(p + 2, v); }
static inline uint32_t get24(const uint8_t *p) { return p[0] << 16 | p[1] << 8 | p[2]; }
static inline uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | get24(p + 1); }
static inline uint32_t padded(uint32_t n) { return (n + 3) & ~3u; }

static inline void die(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* The value of `key` in text of `length` bytes, or null; the text ends with a zero byte. */
static inline const char *text_value(const char *text, size_t length, const char *key) {
  size_t n = strlen(key);
  for (size_t at = 0; at < length; at += strlen(text + at) + 1)
    if (strncmp(text + at, key, n) == 0 && text[at + n] == '=') return text + at + n + 1;
  return NULL;
}

static inline uint32_t crc_table(uint32_t crc, const uint8_t *p, size_t n) {
  static uint32_t table[256];
  if (table[1] == 0) {
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t c = i;
      for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
      table[i] = c;
    }
  }
  while (n--) crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static inline uint32_t crc_native(uint32_t crc, const uint8_t *p,
                                                                    size_t n) {
  uint64_t c = crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    c = __builtin_ia32_crc32di(c, word);
  }
  for (; n; n--) c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
  return (uint32_t)c;
}
#endif

/* Continues from `crc`, the result for the bytes before; 0 to begin. */
static inline uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t n) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc_native(~crc, p, n);
#endif
  return ~crc_table(~crc, p, n);
}

static inline void put_crc(uint8_t *p, uint32_t crc) { /* least significant byte first */
  p[0] = crc; p[1] = crc >> 8; p[2] = crc >> 16; p[3] = crc >> 24;
}
static inline uint32_t get_crc(const uint8_t *p) {
  return (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}
#endif
