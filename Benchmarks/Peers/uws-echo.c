// uWebSockets' echo server, driven through the C interface of the shared library in PyPI's socketify.
//
//   uws-echo [PORT]      prints "listening on ws://127.0.0.1:PORT/"; PORT 0 or none: a free one
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

enum { shared_compressor = 1, shared_decompressor = 1 << 8, dedicated_32k = 15 << 8, dedicated_compressor = 15 << 4 | 8 };

static bool compresses;
static bool broadcasts;
static uws_app_t *app;

static void opened(uws_websocket_t *socket, void *data) {
    (void)data;
    if (broadcasts) uws_ws_subscribe(0, socket, "all", 3);
}

static void echo(uws_websocket_t *socket, const char *message, size_t length, int opcode, void *data) {
    (void)data;
    if (broadcasts) {
        uws_publish(0, app, "all", 3, message, length, opcode, compresses);
    } else if (compresses) {
        uws_ws_send_with_options(0, socket, message, length, opcode, true, true);
    } else {
        uws_ws_send(0, socket, message, length, opcode);
    }
}

static void listening(struct us_listen_socket_t *socket, uws_app_listen_config_t config, void *data) {
    (void)config;
    (void)data;
    if (!socket) {
        fprintf(stderr, "cannot listen\n");
        exit(1);
    }
    printf("listening on ws://127.0.0.1:%d/\n", us_socket_local_port(0, socket));
    fflush(stdout);
}

int main(int count, char **arguments) {
    int port = 0;
    for (int index = 1; index < count; index++) {
        if (!strcmp(arguments[index], "--deflate")) compresses = true;
        else if (!strcmp(arguments[index], "--broadcast")) broadcasts = true;
        else port = atoi(arguments[index]);
    }
    signal(SIGPIPE, SIG_IGN);
    socketify_loop *loop = socketify_create_loop();
    uws_get_loop_with_native(socketify_get_native_loop(loop));
    app = uws_create_app(0, (struct us_socket_context_options_t){0});
    uws_socket_behavior_t behavior = {
        .compression = compresses ? dedicated_compressor | dedicated_32k : 0,
        .maxPayloadLength = 64 << 20,
        .idleTimeout = 120,
        .maxBackpressure = 64 << 20,
        .sendPingsAutomatically = true,
        .open = opened,
        .message = echo,
    };
    uws_ws(0, app, "/*", behavior, NULL);
    uws_app_listen_with_config(
        0, app, (uws_app_listen_config_t){.port = port, .host = "127.0.0.1"}, listening, NULL);
    socketify_loop_run(loop, 0);
    return 0;
}
