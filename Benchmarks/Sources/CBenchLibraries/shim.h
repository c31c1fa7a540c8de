// What the load generator needs of OpenSSL and zlib, both of which hide it in macros.
#ifndef ALOFT_BENCH_LIBRARIES_SHIM_H
#define ALOFT_BENCH_LIBRARIES_SHIM_H
#include <openssl/ssl.h>
#include <string.h>
#include <zlib.h>

// A context for clients that believe every certificate. NULL if there is no memory.
static inline SSL_CTX *aloft_client_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Both sides encrypt with the same cipher, whichever the server would have preferred.
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    // One call into the system for all records that have come.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 64 << 10);
    return context;
}

// Raw DEFLATE, as RFC 7692 has it. 0 if it fails.
static inline int aloft_begin_deflate(z_stream *stream, int level, int window_bits, int memory_level) {
    memset(stream, 0, sizeof *stream);
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
}

static inline int aloft_begin_inflate(z_stream *stream) {
    memset(stream, 0, sizeof *stream);
    return inflateInit2(stream, -15) == Z_OK;
}
#endif
