// Command gorilla-echo is the echo server of gorilla/websocket, as its examples have it: a goroutine for each
// connection that reads a message and writes it. With -fanout it is their chat: a channel and a second goroutine for
// each connection, and a prepared message.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

var (
	port        = flag.Int("port", 0, "port to listen on; 0 for a free one")
	isFanout    = flag.Bool("fanout", false, "send every message to all connections")
	deflate     = flag.String("deflate", "", "no-takeover to compress")
	certificate = flag.String("tls-certificate", "", "file in PEM format")
	key         = flag.String("tls-key", "", "file in PEM format")
)

var upgrader websocket.Upgrader

func echo(w http.ResponseWriter, r *http.Request) {
	connection, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer connection.Close()
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			return
		}
		if err := connection.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

// The subscribers, by the channel to their writer.
var (
	lock        sync.RWMutex
	subscribers = map[chan *websocket.PreparedMessage]struct{}{}
)

func fanout(w http.ResponseWriter, r *http.Request) {
	connection, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer connection.Close()
	outgoing := make(chan *websocket.PreparedMessage, 256)
	lock.Lock()
	subscribers[outgoing] = struct{}{}
	lock.Unlock()
	defer func() {
		lock.Lock()
		delete(subscribers, outgoing)
		lock.Unlock()
		close(outgoing)
	}()
	go func() {
		for message := range outgoing {
			if connection.WritePreparedMessage(message) != nil {
				connection.Close()
			}
		}
	}()
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			return
		}
		prepared, err := websocket.NewPreparedMessage(kind, message)
		if err != nil {
			return
		}
		lock.RLock()
		for subscriber := range subscribers {
			subscriber <- prepared
		}
		lock.RUnlock()
	}
}

func main() {
	flag.Parse()
	// What net/http says of connections that the generator resets.
	log.SetOutput(io.Discard)
	upgrader.EnableCompression = *deflate != ""
	if *isFanout {
		http.HandleFunc("/", fanout)
	} else {
		http.HandleFunc("/", echo)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on ws://%s/\n", listener.Addr())
	if *certificate != "" {
		err = http.ServeTLS(listener, nil, *certificate, *key)
	} else {
		err = http.Serve(listener, nil)
	}
	panic(err)
}
