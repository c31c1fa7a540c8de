// The echo server of node's `ws`, as its README has it.
//
//   node ws-echo.cjs [--port N] [--fanout] [--deflate no-takeover|takeover] [--tls-certificate FILE --tls-key FILE]
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { WebSocketServer, WebSocket } = require('ws');

const options = process.argv.slice(2);
const valueOf = (name) => (options.includes(name) ? options[options.indexOf(name) + 1] : undefined);

// zlib's settings are those that uWebSockets uses.
const deflate = valueOf('--deflate');
const keepsContext = deflate === 'takeover';
const perMessageDeflate = deflate !== undefined && {
    zlibDeflateOptions: { level: 6, memLevel: keepsContext ? 1 : 8 },
    serverMaxWindowBits: keepsContext ? 9 : 15,
    threshold: 0,
    serverNoContextTakeover: !keepsContext,
    clientNoContextTakeover: !keepsContext,
};

const certificate = valueOf('--tls-certificate');
const listener = certificate
    ? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(valueOf('--tls-key')) })
    : http.createServer();
const server = new WebSocketServer({ server: listener, perMessageDeflate });

server.on('connection', (socket) => {
    socket.on('error', () => {});
    if (options.includes('--fanout')) {
        socket.on('message', (data, isBinary) => {
            for (const client of server.clients) {
                if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
            }
        });
    } else {
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    }
});

listener.listen(Number(valueOf('--port') ?? 0), '127.0.0.1', () => {
    console.log(`listening on ws://127.0.0.1:${listener.address().port}/`);
});
