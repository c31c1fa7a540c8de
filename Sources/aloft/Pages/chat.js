"use strict";
(() => {
    const element = (id) => document.getElementById(id);
    const make = (tag, className, text) => {
        const made = document.createElement(tag);
        if (className) made.className = className;
        if (text !== undefined) made.textContent = text;
        return made;
    };
    const endpoint = (path) => {
        const url = new URL(path, location.href);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        return url.href;
    };
    const pick = (list) => list[Math.floor(Math.random() * list.length)];
    const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

    const PING_EVERY = 2000;          // milliseconds
    const FIRST_PING = 300;           // milliseconds: drawing the room would count as round trip
    const PINGS_UNANSWERED = 3;       // then the connection is taken for dead
    const OPEN_WITHIN = 10000;        // milliseconds to connect and be welcomed
    const STABLE_AFTER = 5000;        // milliseconds; an earlier end does not reset the back-off
    const LONGEST_WAIT = 30000;       // milliseconds between two tries
    const LINES_KEPT = 500;
    const PEOPLE_SHOWN = 30;

    // Joining -------------------------------------------------------------------------------------------------

    const FIRST = ["Amber", "Bold", "Bright", "Calm", "Clever", "Gentle", "Golden", "Keen", "Kind", "Lucky", "Mellow",
        "Merry", "Nimble", "Patient", "Quiet", "Silver", "Steady", "Sunny", "Swift", "Warm"];
    const SECOND = ["Albatross", "Avocet", "Crane", "Curlew", "Dove", "Falcon", "Finch", "Gannet", "Heron", "Ibis",
        "Kestrel", "Kingfisher", "Lapwing", "Lark", "Martin", "Osprey", "Plover", "Puffin", "Robin", "Tern", "Wren"];
    const propose = () => `${pick(FIRST)} ${pick(SECOND)}`;
    const remembered = {
        get name() { try { return sessionStorage.getItem("name"); } catch { return null; } },
        set name(value) { try { sessionStorage.setItem("name", value); } catch { /* Storage may be off. */ } },
    };

    const showJoin = (problem) => {
        element("room").hidden = true;
        element("join").hidden = false;
        element("join-problem").textContent = problem || "";
        element("name").focus();
        element("name").select();
    };
    const showRoom = () => {
        element("join").hidden = true;
        element("room").hidden = false;
        element("text").focus();
    };

    element("name").value = remembered.name || propose();
    element("another").addEventListener("click", () => {
        element("name").value = propose();
        element("join-problem").textContent = "";
    });
    element("join-form").addEventListener("submit", (event) => {
        event.preventDefault();
        const name = element("name").value.trim();
        if (!name) {
            showJoin("Please enter a name, or take another one we propose.");
            return;
        }
        remembered.name = name;
        showRoom();
        join(name);
    });

    // The connection: idle, connecting, open, waiting for the next try, or offline ---------------------------------

    const link = {
        state: "idle", name: "", socket: null, attempt: 0, welcomes: 0, received: 0, sent: 0,
        timers: { open: 0, stable: 0, tick: 0, ping: 0 }, retryAt: 0, pingNumber: 0, pings: new Map(),
    };
    const identities = new Set();     // "id name" of each time this tab was welcomed: which messages are its own
    let me = null;

    const join = (name) => {
        link.name = name;
        link.attempt = 0;
        link.welcomes = 0;
        if (navigator.onLine === false) enter("offline"); else connect();
    };

    const leave = (problem) => {
        dropSocket(1000, "left");
        enter("idle");
        identities.clear();
        me = null;
        pending.length = 0;
        seen.clear();
        element("lines").replaceChildren(element("quiet"));
        element("quiet").hidden = false;
        previous = null;
        members.clear();
        drawMembers();
        trips.length = 0;
        drawTrip();
        setPanel(false);
        showJoin(problem);
    };

    const connect = () => {
        dropSocket();
        enter("connecting");
        const socket = new WebSocket(endpoint("ws"));
        link.socket = socket;
        link.timers.open = setTimeout(() => lost(), OPEN_WITHIN);
        socket.onopen = () => transmit({ type: "join", name: link.name });
        socket.onmessage = (event) => {
            link.received += 1;
            if (typeof event.data === "string") received(event.data);
            drawFacts();
        };
        socket.onclose = () => lost();
    };

    // Forgets the socket; what it still says is not listened to.
    const dropSocket = (code, reason) => {
        const socket = link.socket;
        link.socket = null;
        for (const name of Object.keys(link.timers)) {
            clearTimeout(link.timers[name]);
            link.timers[name] = 0;
        }
        link.pings.clear();
        if (!socket) return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        if (code) socket.close(code, reason); else socket.close();
    };

    // The connection is gone. Waits a random time below a doubling bound, so that clients do not return all at once.
    const lost = () => {
        dropSocket();
        for (const entry of pending) markUnconfirmed(entry);
        if (navigator.onLine === false) {
            enter("offline");
            return;
        }
        link.attempt += 1;
        link.retryAt = performance.now() + Math.random() * Math.min(LONGEST_WAIT, 1000 * 2 ** Math.min(link.attempt, 10));
        enter("waiting");
        tick();
    };
    const tick = () => {
        const left = link.retryAt - performance.now();
        if (left <= 0) {
            connect();
            return;
        }
        drawState();
        link.timers.tick = setTimeout(tick, Math.min(left, 250));
    };
    const tryNow = () => {
        if (link.state === "waiting" || link.state === "offline") connect();
    };

    const opened = () => {
        clearTimeout(link.timers.open);
        link.timers.stable = setTimeout(() => { link.attempt = 0; }, STABLE_AFTER);
        link.welcomes += 1;
        enter("open");
        link.timers.ping = setTimeout(ping, FIRST_PING);
    };

    const enter = (state) => {
        const changed = link.state !== state;
        link.state = state;
        drawState();
        if (changed && state !== "idle") {
            element("announce").textContent = {
                connecting: "Connecting", open: "Connected", waiting: "Connection lost. Reconnecting.", offline: "You are offline.",
            }[state];
        }
    };

    const transmit = (value) => {
        if (!link.socket || link.socket.readyState !== WebSocket.OPEN) return false;
        link.socket.send(JSON.stringify(value));
        link.sent += 1;
        drawFacts();
        return true;
    };

    const ping = () => {
        if (link.pings.size >= PINGS_UNANSWERED) {
            lost();
            return;
        }
        link.pingNumber += 1;
        link.pings.set(link.pingNumber, performance.now());
        transmit({ type: "ping", id: link.pingNumber });
        link.timers.ping = setTimeout(ping, PING_EVERY);
    };

    window.addEventListener("online", tryNow);
    window.addEventListener("offline", () => {
        if (link.state === "idle" || link.state === "offline") return;
        dropSocket();
        for (const entry of pending) markUnconfirmed(entry);
        enter("offline");
    });
    window.addEventListener("pagehide", () => dropSocket(1001));
    window.addEventListener("pageshow", (event) => {
        if (event.persisted && link.state !== "idle") connect();
    });

    // What the server says --------------------------------------------------------------------------------------

    const received = (data) => {
        let value;
        try { value = JSON.parse(data); } catch { return; }
        if (!value || typeof value !== "object") return;
        switch (value.type) {
        case "welcome": welcomed(value); break;
        case "joined": memberJoined(value.member); break;
        case "left": memberLeft(value.member); break;
        case "said": said(value, true); break;
        case "pong": answered(value.id); break;
        case "error": refused(String(value.message || "The server refused that.")); break;
        }
    };

    const welcomed = (value) => {
        me = { id: String(value.id), name: String(value.name) };
        identities.add(`${me.id} ${me.name}`);
        members.clear();
        for (const member of value.members || []) members.set(member.id, member);
        drawMembers();
        const log = element("log");
        log.setAttribute("aria-busy", "true");
        for (const message of value.history || []) said(message, false);
        addEvent(link.welcomes === 0 ? `You joined as ${me.name}` : "You are back", false);
        log.setAttribute("aria-busy", "false");
        opened();
        toNewest();
    };

    const memberJoined = (member) => {
        if (!member || members.has(member.id)) return;
        members.set(member.id, member);
        drawMembers();
        addEvent(`${member.name} joined`, true);
    };

    const memberLeft = (member) => {
        if (!member || !members.delete(member.id)) return;
        drawMembers();
        addEvent(`${member.name} left`, true);
    };

    const answered = (id) => {
        const began = link.pings.get(id);
        if (began === undefined) return;
        link.pings.clear();           // A later answer to an earlier ping says nothing new.
        trips.push(performance.now() - began);
        if (trips.length > 40) trips.shift();
        drawTrip();
    };

    const refused = (message) => {
        if (link.state !== "open") {
            leave(message);
            return;
        }
        // The protocol does not say which message was refused: the oldest one without an answer.
        const entry = pending.find((one) => !one.unconfirmed);
        if (entry) markUnconfirmed(entry);
        problem(message);
    };

    // Messages ------------------------------------------------------------------------------------------------------

    const pending = [];               // own messages that the server has not confirmed
    const seen = new Set();           // messages already shown, so that the history after a reconnect repeats none
    let previous = null;              // the last line, if it is a message
    let isAtNewest = true;            // whether the log is scrolled to its end, and is to stay there
    const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

    const isOwn = (member) => identities.has(`${member.id} ${member.name}`);

    const said = (message, isLive) => {
        if (!message || !message.member) return;
        const key = `${message.id} ${message.at}`;
        if (seen.has(key)) return;
        seen.add(key);
        const own = isOwn(message.member);
        const index = own ? pending.findIndex((one) => one.text === message.text) : -1;
        if (index >= 0) {
            const [entry] = pending.splice(index, 1);
            confirm(entry, message);
            return;
        }
        addMessage(message.member, String(message.text), message.at, own, isLive);
    };

    const addMessage = (member, text, at, own, isFresh) => {
        const follows = previous !== null && previous.id === member.id && previous.name === member.name
            && at - previous.at < 120000;
        const line = make("div", `message${own ? " own" : ""}${follows ? " follows" : ""}${isFresh ? " fresh" : ""}`);
        const avatar = make("div", `avatar ${hue(member.name)}`, initials(member.name));
        avatar.setAttribute("aria-hidden", "true");
        const meta = make("div", "meta");
        meta.append(make("span", "who", own ? "You" : member.name));
        const time = make("time");
        setTime(time, at);
        meta.append(time);
        line.append(avatar, meta, make("div", "bubble", text));
        if (follows) previous.line.classList.add("leads");
        append(line, own);
        previous = { id: member.id, name: member.name, at, line };
        return { line, time, text, unconfirmed: false };
    };

    const setTime = (time, at) => {
        const date = new Date(at);
        if (Number.isNaN(date.getTime())) return;
        time.dateTime = date.toISOString();
        time.textContent = clock.format(date);
    };

    const addEvent = (text, isFresh) => {
        append(make("p", `event${isFresh ? " fresh" : ""}`, text), false);
        previous = null;
    };

    const append = (line, own) => {
        const lines = element("lines");
        element("quiet").hidden = true;
        lines.append(line);
        while (lines.childElementCount > LINES_KEPT) lines.children[1].remove();
        if (isAtNewest || own) toNewest(); else element("newer").hidden = false;
    };

    const toNewest = () => {
        const log = element("log");
        log.scrollTop = log.scrollHeight;
        isAtNewest = true;
        element("newer").hidden = true;
    };

    const confirm = (entry, message) => {
        entry.line.classList.remove("pending", "unconfirmed");
        if (entry.again) entry.again.remove();
        setTime(entry.time, message.at);
    };

    const markUnconfirmed = (entry) => {
        if (entry.unconfirmed) return;
        entry.unconfirmed = true;
        entry.line.classList.remove("pending");
        entry.line.classList.add("unconfirmed");
        const forget = () => {
            const index = pending.indexOf(entry);
            if (index >= 0) pending.splice(index, 1);
            if (previous && previous.line === entry.line) previous = null;
            entry.line.remove();
            element("text").focus();
        };
        const again = make("button", "link", "Send again");
        again.type = "button";
        again.addEventListener("click", () => { if (say(entry.text)) forget(); });
        const discard = make("button", "link", "Discard");
        discard.type = "button";
        discard.addEventListener("click", forget);
        entry.again = make("div", "again");
        entry.again.append(make("span", "", "Not confirmed"), again, discard);
        entry.line.append(entry.again);
    };

    const say = (text) => {
        if (link.state !== "open" || !transmit({ type: "say", text })) return false;
        const entry = addMessage(me, text, Date.now(), true, true);
        entry.line.classList.add("pending");
        pending.push(entry);
        return true;
    };

    element("log").addEventListener("scroll", () => {
        const log = element("log");
        isAtNewest = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        if (isAtNewest) element("newer").hidden = true;
    }, { passive: true });
    // Whatever grows or shrinks, the field below or a line, the newest line stays in view if it was.
    const keepNewest = new ResizeObserver(() => { if (isAtNewest) toNewest(); });
    keepNewest.observe(element("log"));
    keepNewest.observe(element("lines"));
    element("newer").addEventListener("click", () => { toNewest(); element("text").focus(); });

    const sendWritten = () => {
        const text = element("text").value.trim();
        if (!text || !say(text)) return;
        element("text").value = "";
        problem("");
        drawWriting();
    };
    element("say-form").addEventListener("submit", (event) => { event.preventDefault(); sendWritten(); });
    element("text").addEventListener("input", () => drawWriting());
    element("text").addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        sendWritten();
    });

    // Drawing -----------------------------------------------------------------------------------------------------

    const members = new Map();
    const trips = [];
    let problemTimer = 0;
    let problemText = "";

    const hue = (name) => {
        let sum = 0;
        for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 65521;
        return `hue${sum % 8}`;
    };
    const initials = (name) => {
        const words = name.trim().split(/\s+/);
        const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
        return letters.map((word) => [...word][0] || "").join("").toUpperCase();
    };

    const drawMembers = () => {
        const list = [...members.values()].sort((a, b) => (me && a.id === me.id ? -1 : me && b.id === me.id ? 1
            : String(a.name).localeCompare(String(b.name))));
        element("people-count").textContent = String(list.length);
        element("panel").textContent = list.length === 1 ? "1 person" : `${list.length} people`;
        if (element("room").classList.contains("aside")) element("panel").textContent = "Back to chat";
        const rows = list.slice(0, PEOPLE_SHOWN).map((member) => {
            const row = make("li");
            const avatar = make("div", `avatar ${hue(String(member.name))}`, initials(String(member.name)));
            avatar.setAttribute("aria-hidden", "true");
            row.append(avatar, make("span", "name", member.name));
            if (me && member.id === me.id) row.append(make("span", "you", "you"));
            return row;
        });
        if (list.length > PEOPLE_SHOWN) rows.push(make("li", "more", `and ${list.length - PEOPLE_SHOWN} more`));
        element("people").replaceChildren(...rows);
    };

    const drawState = () => {
        const seconds = Math.max(1, Math.ceil((link.retryAt - performance.now()) / 1000));
        const text = {
            idle: "Not connected", connecting: "Connecting", open: "Connected", waiting: `Reconnecting in ${seconds} s`,
            offline: "Offline",
        }[link.state];
        const pill = element("state");
        if (pill.textContent !== text) {
            pill.dataset.state = link.state;
            pill.textContent = text;
            pill.title = text;
            element("fact-state").textContent = text;
        }
        drawFacts();
        drawWriting();
    };

    const drawFacts = () => {
        const open = link.state === "open" && link.socket;
        element("fact-compression").textContent = !open ? "–" : link.socket.extensions.includes("permessage-deflate") ? "deflate" : "off";
        element("fact-messages").textContent = `${link.received}, ${link.sent}`;
        const times = Math.max(0, link.welcomes - 1);
        element("fact-reconnected").textContent = times === 0 ? "never" : times === 1 ? "once" : `${times} times`;
    };

    let noteShown = "";
    const drawWriting = () => {
        const length = element("text").value.length;
        element("say").disabled = link.state !== "open" || !element("text").value.trim();
        element("count").textContent = length > 1500 ? `${length} of 2000` : "";
        element("count").classList.toggle("near", length > 1900);
        const note = element("note");
        const seconds = Math.max(1, Math.ceil((link.retryAt - performance.now()) / 1000));
        const wanted = problemText ? `problem ${problemText}` : link.state === "waiting" ? `waiting ${seconds}` : link.state;
        if (wanted === noteShown) return;
        const waiting = `Connection lost, next try in ${seconds} s`;
        const retry = note.querySelector("button");
        const noteWas = noteShown.split(" ")[0];
        noteShown = wanted;
        if (retry && noteWas === "waiting" && link.state === "waiting" && !problemText) {
            note.firstChild.textContent = waiting;         // Keeps the focus on the button.
            return;
        }
        note.className = problemText ? "problem" : link.state === "open" ? "keys" : "";
        if (problemText) {
            note.replaceChildren(make("span", "", problemText));
        } else if (link.state === "open") {
            note.replaceChildren(make("span", "", "Enter sends, Shift and Enter adds a line"));
        } else if (link.state === "waiting") {
            const button = make("button", "link", "Try now");
            button.type = "button";
            button.addEventListener("click", tryNow);
            note.replaceChildren(make("span", "", waiting), button);
        } else if (link.state === "offline") {
            note.replaceChildren(make("span", "", "You are offline. What you write stays here until you send it."));
        } else {
            note.replaceChildren(make("span", "", "Connecting to the room"));
        }
    };

    const problem = (text) => {
        clearTimeout(problemTimer);
        problemText = text;
        drawWriting();
        if (!text) return;
        element("announce").textContent = text;
        problemTimer = setTimeout(() => problem(""), 6000);
    };

    const drawTrip = () => {
        const last = trips[trips.length - 1];
        element("trip").textContent = last === undefined ? "–" : milliseconds(last);
        const top = Math.max(1, ...trips) * 1.1;
        const points = trips.map((value, index) => {
            const x = 96 - (trips.length - 1 - index) * (96 / 39);
            return `${x.toFixed(1)},${(25 - (value / top) * 24).toFixed(1)}`;
        });
        element("spark").setAttribute("points", points.join(" "));
    };

    const setPanel = (isShown) => {
        element("room").classList.toggle("aside", isShown);
        element("panel").setAttribute("aria-expanded", String(isShown));
        drawMembers();
    };
    element("panel").addEventListener("click", () => setPanel(!element("room").classList.contains("aside")));
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !element("room").classList.contains("aside")) return;
        setPanel(false);
        element("panel").focus();
    });
    element("leave").addEventListener("click", () => leave());

    // Echo: a connection of its own, opened by the first use; answers come in the order of the questions ------------

    const echo = { socket: null, waiting: [], unsent: [] };

    const echoSocket = () => {
        if (echo.socket) return echo.socket;
        const socket = new WebSocket(endpoint("echo"));
        socket.binaryType = "arraybuffer";
        echo.socket = socket;
        socket.onopen = () => { for (const question of echo.unsent.splice(0)) ask(question); };
        socket.onmessage = (event) => {
            const question = echo.waiting.shift();
            if (!question) return;
            const took = performance.now() - question.began;
            addEcho(question.label, isSame(question.data, event.data) ? milliseconds(took) : "came back different",
                isSame(question.data, event.data));
        };
        socket.onclose = (event) => {
            if (echo.socket === socket) echo.socket = null;
            for (const question of [...echo.waiting.splice(0), ...echo.unsent.splice(0)]) {
                addEcho(question.label, `closed (${event.code})`, false);
            }
        };
        return socket;
    };
    const ask = (question) => {
        question.began = performance.now();
        echo.waiting.push(question);
        echo.socket.send(question.data);
    };
    const sendEcho = (data, label) => {
        const question = { data, label, began: 0 };
        if (echoSocket().readyState === WebSocket.OPEN) ask(question); else echo.unsent.push(question);
    };
    const isSame = (sent, back) => {
        if (typeof sent === "string") return sent === back;
        if (!(back instanceof ArrayBuffer) || back.byteLength !== sent.byteLength) return false;
        const got = new Uint8Array(back);
        return sent.every((byte, index) => byte === got[index]);
    };
    const addEcho = (label, result, isGood) => {
        const row = make("li", isGood ? "" : "failed");
        row.append(make("span", "", label), make("b", "", result));
        element("echo-log").prepend(row);
        while (element("echo-log").childElementCount > 4) element("echo-log").lastElementChild.remove();
    };
    element("echo-form").addEventListener("submit", (event) => {
        event.preventDefault();
        const text = element("echo-text").value;
        sendEcho(text, text || "(empty)");
    });
    element("echo-bytes").addEventListener("click", () => {
        sendEcho(crypto.getRandomValues(new Uint8Array(65536)), "64 KiB of bytes");
    });

    drawState();
    showJoin();
})();
