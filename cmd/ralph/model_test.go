package main

import (
	"net"
	"net/http"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wrapix/wrapix/internal/modelserver"
)

type modelKey struct{}

// model is the service of a script.
type model struct {
	*modelserver.Server
	close func()
}

func cmdModel(ts *testscript.TestScript, _ bool, args []string) {
	answers, err := modelserver.Parse(ts.ReadFile(args[0]))
	ts.Check(err)
	m := ts.Value(modelKey{}).(*model)
	if m.close != nil {
		m.close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+ts.Getenv("PORT")) // the same again, once there was one
	ts.Check(err)
	m.Server = modelserver.New(answers)
	server := &http.Server{Handler: m.Server}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	m.close = func() {
		server.Close()
		<-done
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv("PORT", port)
}

func cmdAsked(ts *testscript.TestScript, _ bool, args []string) {
	requests := ts.Value(modelKey{}).(*model).Requests()
	if strconv.Itoa(len(requests)) != args[0] {
		ts.Fatalf("the model was asked %d times: %s", len(requests), requests)
	}
}
