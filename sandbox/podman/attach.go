package podman

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/containers"

	"github.com/wrapix/wrapix/sandbox"
)

// Attach implements sandbox.Runtime. The bindings' own Attach inspects first, changes the terminal and reads signals;
// ours only connects.
func (e *Engine) Attach(ctx context.Context, name string, streams sandbox.Streams) (func() error, error) {
	// No detach keys: every byte is for the command.
	query := url.Values{"stdin": {strconv.FormatBool(!streams.Watch)}, "stdout": {"true"}, "stderr": {"true"}, "stream": {"true"}, "detachKeys": {""}}
	conn, output, err := e.upgrade(ctx, "/containers/"+url.PathEscape(name)+"/attach?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("attach to sandbox %s: %w", name, err)
	}
	cancelled := context.AfterFunc(ctx, func() { conn.Close() })
	if !streams.Watch {
		go feed(conn, streams.Stdin)
	}
	return func() error {
		err := demultiplex(output, streams)
		if !cancelled() {
			err = ctx.Err()
		}
		conn.Close()
		if err != nil {
			return fmt.Errorf("output of sandbox %s: %w", name, err)
		}
		return nil
	}, nil
}

// feed writes the standard input of a command, to its end.
func feed(conn *net.UnixConn, stdin io.Reader) {
	if stdin != nil {
		io.Copy(conn, stdin)
	}
	conn.CloseWrite()
}

// upgrade makes a request for streams on a connection of its own, which then carries nothing else.
func (e *Engine) upgrade(ctx context.Context, target string, body []byte) (*net.UnixConn, io.Reader, error) {
	client, err := bindings.GetClient(e.values)
	if err != nil {
		return nil, nil, err
	}
	dialed, err := client.GetDialer(ctx)
	if err != nil {
		return nil, nil, err
	}
	conn, ok := dialed.(*net.UnixConn)
	if !ok {
		dialed.Close()
		return nil, nil, fmt.Errorf("not a Unix socket: %T", dialed)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://d/v4.0.0/libpod"+target, bytes.NewReader(body))
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "tcp")
	abort := context.AfterFunc(ctx, func() { conn.Close() })
	defer abort()
	reader := bufio.NewReader(conn)
	err = request.Write(conn)
	var response *http.Response
	if err == nil {
		response, err = http.ReadResponse(reader, request)
	}
	if err == nil && response.StatusCode != http.StatusSwitchingProtocols {
		err = (&bindings.APIResponse{Response: response}).Process(nil)
		if err == nil {
			err = errors.New(response.Status)
		}
		err = translate(err)
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, reader, nil
}

// demultiplex copies the output until its end. Without a terminal it comes in packets: the stream's number, three
// zeros, and the length in four bytes.
func demultiplex(r io.Reader, streams sandbox.Streams) error {
	stdout, stderr := orDiscard(streams.Stdout), orDiscard(streams.Stderr)
	if streams.Terminal {
		_, err := io.Copy(stdout, r)
		return err
	}
	for {
		var header [8]byte
		if _, err := io.ReadFull(r, header[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		packet := io.LimitReader(r, int64(binary.BigEndian.Uint32(header[4:])))
		w := stdout
		switch header[0] {
		case 0, 1:
		case 2:
			w = stderr
		default:
			text, _ := io.ReadAll(io.LimitReader(packet, 1000))
			return fmt.Errorf("from Podman: %q", text)
		}
		if _, err := io.Copy(w, packet); err != nil {
			return err
		}
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// Resize implements sandbox.Runtime.
func (e *Engine) Resize(ctx context.Context, name string, size sandbox.Size) error {
	opts := new(containers.ResizeTTYOptions).WithWidth(size.Width).WithHeight(size.Height)
	if err := containers.ResizeContainerTTY(e.with(ctx), name, opts); err != nil && !errors.Is(err, define.ErrCtrStateInvalid) {
		return fmt.Errorf("resize the terminal of sandbox %s: %w", name, translate(err))
	}
	return nil
}
