// uWebSockets' echo server, driven through the C interface of the shared library in PyPI's socketify.
//
//   uws-echo [PORT] [--fanout] [--deflate no-takeover|takeover] [--tls-certificate FILE --tls-key FILE]
//
// Prints "listening on ws://127.0.0.1:PORT/"; PORT 0 or none: a free one. --fanout publishes every message to all
// connections. --deflate: the shared compressor, which forgets after each message, or one for each connection.
//
// What is declared here is what this program uses of that interface.
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct uws_app_s uws_app_t;
typedef struct uws_websocket_s uws_websocket_t;
typedef struct uws_res_s uws_res_t;
typedef struct uws_req_s uws_req_t;
typedef struct uws_socket_context_s uws_socket_context_t;
struct us_listen_socket_t;

struct us_socket_context_options_t {
    const char *key_file_name, *cert_file_name, *passphrase, *dh_params_file_name, *ca_file_name, *ssl_ciphers;
    int ssl_prefer_low_memory_usage;
};

typedef struct {
    int port;
    const char *host;
    int options;
} uws_app_listen_config_t;

typedef struct {
    int compression;
    unsigned int maxPayloadLength;
    unsigned short idleTimeout;
    unsigned int maxBackpressure;
    bool closeOnBackpressureLimit, resetIdleTimeoutOnSend, sendPingsAutomatically;
    unsigned short maxLifetime;
    void (*upgrade)(uws_res_t *, uws_req_t *, uws_socket_context_t *, void *);
    void (*open)(uws_websocket_t *, void *);
    void (*message)(uws_websocket_t *, const char *, size_t, int, void *);
    void (*drain)(uws_websocket_t *, void *);
    void (*ping)(uws_websocket_t *, const char *, size_t, void *);
    void (*pong)(uws_websocket_t *, const char *, size_t, void *);
    void (*close)(uws_websocket_t *, int, const char *, size_t, void *);
    void (*subscription)(uws_websocket_t *, const char *, size_t, int, int, void *);
} uws_socket_behavior_t;

typedef struct {
    void *prepare, *handler, *data, *loop;
} socketify_loop;

socketify_loop *socketify_create_loop(void);
void *socketify_get_native_loop(socketify_loop *);
int socketify_loop_run(socketify_loop *, int);
void *uws_get_loop_with_native(void *);
uws_app_t *uws_create_app(int ssl, struct us_socket_context_options_t options);
void uws_ws(int ssl, uws_app_t *, const char *pattern, uws_socket_behavior_t behavior, void *);
int uws_ws_send(int ssl, uws_websocket_t *, const char *message, size_t length, int opcode);
int uws_ws_send_with_options(int ssl, uws_websocket_t *, const char *, size_t, int opcode, bool compress, bool fin);
bool uws_ws_subscribe(int ssl, uws_websocket_t *, const char *topic, size_t length);
bool uws_publish(int ssl, uws_app_t *, const char *topic, size_t, const char *, size_t, int opcode, bool compress);
void uws_app_listen_with_config(
    int ssl, uws_app_t *, uws_app_listen_config_t,
    void (*)(struct us_listen_socket_t *, uws_app_listen_config_t, void *), void *);
int us_socket_local_port(int ssl, struct us_listen_socket_t *);

// zlib's window bits << 4 | memory level for a compressor, window bits << 8 for a decompressor; 1 for the shared ones.
enum {
    shared_compressor = 1,
    shared_decompressor = 1 << 8,
    dedicated_compressor = 15 << 4 | 8,
    dedicated_decompressor = 15 << 8,
};

static int ssl;
static bool compresses;
static uws_app_t *app;

static const char topic[] = "all";

static void echo(uws_websocket_t *socket, const char *message, size_t length, int opcode, void *data) {
    (void)data;
    if (compresses) uws_ws_send_with_options(ssl, socket, message, length, opcode, true, true);
    else uws_ws_send(ssl, socket, message, length, opcode);
}

static void subscribe(uws_websocket_t *socket, void *data) {
    (void)data;
    uws_ws_subscribe(ssl, socket, topic, sizeof topic - 1);
}

static void publish(uws_websocket_t *socket, const char *message, size_t length, int opcode, void *data) {
    (void)socket;
    (void)data;
    uws_publish(ssl, app, topic, sizeof topic - 1, message, length, opcode, compresses);
}

static void listening(struct us_listen_socket_t *socket, uws_app_listen_config_t config, void *data) {
    (void)config;
    (void)data;
    if (!socket) {
        fprintf(stderr, "cannot listen\n");
        exit(1);
    }
    printf("listening on ws://127.0.0.1:%d/\n", us_socket_local_port(ssl, socket));
    fflush(stdout);
}

int main(int count, char **arguments) {
    int port = 0, compression = 0;
    bool is_fanout = false;
    struct us_socket_context_options_t options = {0};
    for (int index = 1; index < count; index++) {
        if (!strcmp(arguments[index], "--fanout")) {
            is_fanout = true;
        } else if (!strcmp(arguments[index], "--deflate") && index + 1 < count) {
            bool keeps = !strcmp(arguments[++index], "takeover");
            compression = keeps ? dedicated_compressor | dedicated_decompressor : shared_compressor | shared_decompressor;
            compresses = true;
        } else if (!strcmp(arguments[index], "--tls-certificate") && index + 1 < count) {
            ssl = 1;
            options.cert_file_name = arguments[++index];
        } else if (!strcmp(arguments[index], "--tls-key") && index + 1 < count) {
            options.key_file_name = arguments[++index];
        } else {
            port = atoi(arguments[index]);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    socketify_loop *loop = socketify_create_loop();
    uws_get_loop_with_native(socketify_get_native_loop(loop));
    app = uws_create_app(ssl, options);
    uws_socket_behavior_t behavior = {
        .compression = compression,
        .maxPayloadLength = 64 << 20,
        .idleTimeout = 120,
        .maxBackpressure = 64 << 20,
        .sendPingsAutomatically = true,
        .open = is_fanout ? subscribe : NULL,
        .message = is_fanout ? publish : echo,
    };
    uws_ws(ssl, app, "/*", behavior, NULL);
    uws_app_listen_with_config(
        ssl, app, (uws_app_listen_config_t){.port = port, .host = "127.0.0.1"}, listening, NULL);
    socketify_loop_run(loop, 0);
    return 0;
}
