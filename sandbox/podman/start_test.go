package podman

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// A service that dies after it started a container, and before it said so, is not asked to start it again: by then the
// container may have come to its end, and would run a second time. In the place of the service that dies stands one that
// passes everything on, and cuts the answer off.
func TestStartIsAskedOnce(t *testing.T) {
	owner := ownService(t)
	dir := t.TempDir()
	name := fmt.Sprintf("wrapix-test-start-once-%d", os.Getpid())
	spec := sandbox.Spec{
		Name: name, Image: testImage(t, owner), Record: filepath.Join(dir, "record"), Network: sandbox.NetworkNone,
		Workspace: sandbox.Workspace{Source: dir},
		Commands:  []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo ran >>ran"}}},
	}
	var starts atomic.Int32
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go passOn(client, owner.link.own.socket(), func(r *http.Request) (cut bool) {
				if !strings.HasSuffix(r.URL.Path, "/start") {
					return false
				}
				starts.Add(1)
				_, _ = owner.Wait(t.Context(), name) // the container has ended when the answer is missed
				return true
			})
		}
	}()
	e, err := Connect(t.Context(), Options{Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	defer func() {
		if err := owner.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}()
	result, err := sandbox.Run(t.Context(), e, spec, sandbox.Sink{})
	if err != nil || len(result.Exits) != 1 || result.Exits[0].Code != 0 {
		t.Errorf("run: %+v, %v", result, err)
	}
	if ran, err := os.ReadFile(filepath.Join(dir, "ran")); err != nil || string(ran) != "ran\n" || starts.Load() != 1 {
		t.Errorf("it was asked %d times to start, and ran: %q, %v", starts.Load(), ran, err)
	}
}

// passOn passes the requests of a connection on to a service, and its answers back, until an answer is to be cut off.
func passOn(client net.Conn, service string, answered func(*http.Request) (cut bool)) {
	defer client.Close()
	upstream, err := net.Dial("unix", service)
	if err != nil {
		return
	}
	defer upstream.Close()
	requests, answers := bufio.NewReader(client), bufio.NewReader(upstream)
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		if r.Write(upstream) != nil {
			return
		}
		answer, err := http.ReadResponse(answers, r)
		if err != nil || answered(r) {
			return
		}
		err = answer.Write(client)
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return
		}
	}
}
