// An echo server with the package `ws`: ws-server.cjs deflate|plain

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: process.argv[2] === "deflate" && { threshold: 0 },
    maxPayload: 1 << 24,
});
server.on("listening", () => console.log(`listening on ${server.address().port}`));
server.on("connection", (socket) => {
    const extensions = socket.extensions || "none";
    socket.on("message", (data, isBinary) => {
        // Every answer in two fragments with a ping between them.
        const half = data.length >> 1;
        socket.send(data.subarray(0, half), { binary: isBinary, fin: false });
        socket.ping("between");
        socket.send(data.subarray(half), { binary: isBinary, fin: true });
    });
    socket.on("error", (error) => console.log(`error ${error.message}`));
    socket.on("close", (code) => console.log(`closed ${code} extensions ${extensions}`));
});
