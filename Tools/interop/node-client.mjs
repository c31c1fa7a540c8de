// node's WebSocket client (undici) against an echo server: node-client.mjs URL EXTENSION|none

import { randomBytes } from "node:crypto";
import { strict as assert } from "node:assert";

const [url, expected] = process.argv.slice(2);
const SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20];

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";

const waiting = [];
const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
socket.addEventListener("message", (event) => waiting.shift()(event.data));
closed.then((event) => {
    if (waiting.length === 0) return;
    console.error(`closed with ${event.code} ${event.reason} while ${waiting.length} echoes were missing`);
    process.exit(1);
});

const echo = (data) => new Promise((resolve) => {
    waiting.push(resolve);
    socket.send(data);
});

await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", (event) => reject(event.error ?? new Error("no connection")));
});
assert.equal(socket.extensions.split(";")[0].trim() || "none", expected, "extension negotiated");

let count = 0;
for (const size of SIZES) {
    const text = "wind and wings, ".repeat(size / 16 + 1).slice(0, size);
    assert.ok((await echo(text)) === text, `text of ${size}`);
    const bytes = randomBytes(size);
    const back = await echo(bytes);
    assert.ok(back instanceof ArrayBuffer && bytes.equals(Buffer.from(back)), `bytes of ${size}`);
    count += 2;
}
const text = "è 漢字 🪁 ";
assert.equal(await echo(text), text);
const blob = await echo(new Blob(["in a ", "blob"]));
assert.equal(Buffer.from(blob).toString(), "in a blob");
const many = Array.from({ length: 300 }, (_, index) => `${index} `.repeat(index));
assert.deepEqual(await Promise.all(many.map(echo)), many, "300 messages at once");
count += 2 + many.length;

socket.close(3042, "that was all");
const event = await closed;
assert.deepEqual([event.code, event.reason, event.wasClean], [3042, "that was all", true]);
console.log(`${count} messages, extension ${expected}, node ${process.versions.node}`);
