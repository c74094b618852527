package main

import (
	"net"
	"net/http"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wrapix/wrapix/internal/modelserver"
)

type modelKey struct{}

func cmdModel(ts *testscript.TestScript, _ bool, args []string) {
	answers, err := modelserver.Parse(ts.ReadFile(args[0]))
	ts.Check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:"+ts.Getenv("PORT")) // the same again, once there was one
	ts.Check(err)
	model := modelserver.New(answers)
	server := &http.Server{Handler: model}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	ts.Defer(func() {
		server.Close()
		<-done
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv("PORT", port)
	*ts.Value(modelKey{}).(**modelserver.Server) = model
}

func cmdAsked(ts *testscript.TestScript, _ bool, args []string) {
	requests := (*ts.Value(modelKey{}).(**modelserver.Server)).Requests()
	if strconv.Itoa(len(requests)) != args[0] {
		ts.Fatalf("the model was asked %d times: %s", len(requests), requests)
	}
}
