// libwebsockets' echo server, as its minimal examples are written: a service loop on poll(2), one write for each
// "writeable" callback. Whole messages are collected and sent back as one.
//
//   lws-echo [PORT]      prints "listening on ws://127.0.0.1:PORT/"; PORT 0 or none: a free one
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A message, with the room before it that lws_write() wants.
struct message {
    struct message *next;
    size_t length, capacity;
    bool is_binary;
    unsigned char bytes[];
};

// What a connection has: the message that is being received, and those that wait to be sent.
struct session {
    struct message *incoming, *first, *last;
};

static struct message *appended(struct message *message, const void *bytes, size_t length, size_t more) {
    size_t used = message ? message->length : 0;
    if (!message || message->capacity < used + length + more) {
        size_t capacity = used + length + more;
        struct message *grown = realloc(message, sizeof *grown + LWS_PRE + capacity);
        if (!grown) abort();
        if (!message) *grown = (struct message){0};
        grown->capacity = capacity;
        message = grown;
    }
    memcpy(message->bytes + LWS_PRE + used, bytes, length);
    message->length = used + length;
    return message;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE: {
        size_t more = lws_remaining_packet_payload(wsi);
        session->incoming = appended(session->incoming, in, length, more);
        if (more || !lws_is_final_fragment(wsi)) break;
        session->incoming->is_binary = lws_frame_is_binary(wsi);
        if (session->last) session->last->next = session->incoming;
        else session->first = session->incoming;
        session->last = session->incoming;
        session->incoming = NULL;
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE: {
        struct message *message = session->first;
        if (!message) break;
        int count = lws_write(
            wsi, message->bytes + LWS_PRE, message->length, message->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        if (count < (int)message->length) return -1;
        session->first = message->next;
        if (!session->first) session->last = NULL;
        free(message);
        if (session->first) lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_CLOSED:
        free(session->incoming);
        for (struct message *message = session->first; message;) {
            struct message *next = message->next;
            free(message);
            message = next;
        }
        break;
    default: break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "echo", .callback = on_event, .per_session_data_size = sizeof(struct session)},
    {0},
};

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    lws_set_log_level(LLL_ERR, NULL);
    // Port 0 asks for a free one here as well.
    struct lws_context_creation_info info = {
        .port = count > 1 ? atoi(arguments[1]) : 0,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .vhost_name = "localhost",
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
    };
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    if (!vhost) {
        fprintf(stderr, "cannot listen\n");
        return 1;
    }
    printf("listening on ws://127.0.0.1:%d/\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (lws_service(context, 0) >= 0) {}
    lws_context_destroy(context);
    return 0;
}
