import NIOCore

/// A page that shows what is said and says what is typed.
let page = ByteBuffer(
    string: """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Chat</title>
        <form><input name="line" autofocus autocomplete="off" aria-label="What to say"> <button>Say</button></form>
        <ul></ul>
        <script type="module">
        const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/chat");
        socket.onmessage = ({ data }) => {
          const item = document.createElement("li");
          item.textContent = data;
          document.querySelector("ul").prepend(item);
        };
        document.querySelector("form").onsubmit = (event) => {
          event.preventDefault();
          const input = event.target.elements.line;
          if (input.value) socket.send(input.value);
          input.value = "";
        };
        </script>
        </html>

        """)
