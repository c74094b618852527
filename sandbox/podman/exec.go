package podman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/containers"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// noDetachKeys is a sequence that nobody types. Of an empty one Podman makes its default, which would keep a Ctrl-P back.
const noDetachKeys = "ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^"

// execLook is how soon Podman is asked again for what it is about to know of a command.
const execLook = 10 * time.Millisecond

// Exec implements sandbox.Runtime. Podman starts the guest, which becomes the command (frame.ExecMode).
func (e *Engine) Exec(ctx context.Context, name string, args []string, env map[string]string, streams sandbox.Streams) (int, error) {
	code, err := e.exec(ctx, name, args, env, streams)
	if err != nil {
		return 0, fmt.Errorf("run a command in sandbox %s: %w", name, err)
	}
	return code, nil
}

func (e *Engine) exec(ctx context.Context, name string, args []string, env map[string]string, streams sandbox.Streams) (int, error) {
	id, err := e.newExec(ctx, name, args, env, streams.Terminal)
	if err != nil {
		return 0, err
	}
	start, err := json.Marshal(map[string]any{"Detach": false, "Tty": streams.Terminal})
	if err != nil {
		return 0, err
	}
	conn, output, err := e.upgrade(ctx, "/exec/"+id+"/start", start)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	go feed(conn, streams.Stdin)

	// What the command is told while it runs.
	running, ended := context.WithCancel(context.WithoutCancel(ctx))
	var tellers sync.WaitGroup
	tellers.Go(func() { e.resizeExec(running, id, streams.Resize) })
	tellers.Go(func() { e.signalExec(running, id, streams.Signals) })
	cancelled := context.AfterFunc(ctx, func() {
		e.killExec(running, id, syscall.SIGKILL)
		conn.Close()
	})
	err = demultiplex(output, streams)
	if !cancelled() {
		err = ctx.Err()
	}
	ended()
	tellers.Wait()
	if err != nil {
		return 0, err
	}
	return e.execCode(ctx, id)
}

// newExec tells Podman of the command, which gets what the sandbox's own command has.
func (e *Engine) newExec(ctx context.Context, name string, args []string, env map[string]string, terminal bool) (id string, err error) {
	c, err := containers.Inspect(e.with(ctx), name, nil)
	if err != nil {
		return "", translate(err)
	}
	var own frame.Job
	if len(c.Args) != 1 || json.Unmarshal([]byte(c.Args[0]), &own) != nil || len(own.Commands) == 0 {
		return "", errors.New("it is no sandbox of ours")
	}
	job, err := json.Marshal(frame.Job{
		Commands: []frame.Command{{Name: "further", Args: args, Secrets: own.Commands[0].Secrets}},
		Secrets:  own.Secrets, Pids: own.Pids, OpenFiles: own.OpenFiles, Env: env,
	})
	if err != nil {
		return "", err
	}
	if len(job) > maxJob {
		return "", fmt.Errorf("the command is too long: %d bytes of %d; put it into a file", len(job), maxJob)
	}
	body, err := json.Marshal(map[string]any{
		"AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Tty": terminal, "DetachKeys": noDetachKeys,
		"Cmd": []string{guestPath, frame.ExecMode, string(job)},
	})
	if err != nil {
		return "", err
	}
	client, err := bindings.GetClient(e.values)
	if err != nil {
		return "", err
	}
	response, err := client.DoRequest(e.with(ctx), bytes.NewReader(body), http.MethodPost, "/containers/%s/exec", nil, http.Header{"Content-Type": {"application/json"}}, name)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var made struct{ Id string }
	return made.Id, translate(response.Process(&made))
}

// resizeExec passes the sizes of the terminal on. Podman refuses them until the command runs.
func (e *Engine) resizeExec(ctx context.Context, id string, sizes <-chan sandbox.Size) {
	sandbox.PassSizes(ctx, sizes, func(size sandbox.Size) {
		opts := new(containers.ResizeExecTTYOptions).WithWidth(size.Width).WithHeight(size.Height)
		for containers.ResizeExecTTY(e.with(ctx), id, opts) != nil && pause(ctx) {
		}
	})
}

func (e *Engine) signalExec(ctx context.Context, id string, signals <-chan syscall.Signal) {
	for {
		select {
		case s, ok := <-signals:
			if !ok {
				return
			}
			e.killExec(ctx, id, s)
		case <-ctx.Done():
			return
		}
	}
}

// killExec sends a signal to the command and all of its group. Podman's API cannot, so it goes to the process that Podman
// names, provided that it is one of a container, by its namespace.
func (e *Engine) killExec(ctx context.Context, id string, s syscall.Signal) {
	for {
		session, err := e.inspectExec(ctx, id)
		if err != nil {
			return
		}
		if session.CanRemove { // it has ended
			return
		}
		if !session.Running || session.Pid <= 1 { // it is being started
			if !pause(ctx) {
				return
			}
			continue
		}
		own, errOwn := os.Readlink("/proc/self/ns/pid")
		its, err := os.Readlink("/proc/" + strconv.Itoa(session.Pid) + "/ns/pid")
		if err != nil || errOwn != nil || own == its {
			return
		}
		if syscall.Kill(-session.Pid, s) != nil {
			_ = syscall.Kill(session.Pid, s) // it may have ended
		}
		return
	}
}

// execCode waits for Podman to know how the command ended, which is soon after its output has.
func (e *Engine) execCode(ctx context.Context, id string) (int, error) {
	for {
		session, err := e.inspectExec(ctx, id)
		if errors.Is(err, sandbox.ErrNotFound) {
			return 128 + int(syscall.SIGKILL), nil // the sandbox ended, and all that ran in it
		}
		if err != nil {
			return 0, err
		}
		if !session.Running {
			return session.ExitCode, nil
		}
		if !pause(ctx) {
			return 0, ctx.Err()
		}
	}
}

func (e *Engine) inspectExec(ctx context.Context, id string) (*define.InspectExecSession, error) {
	session, err := containers.ExecInspect(e.with(ctx), url.PathEscape(id), nil)
	return session, translate(err)
}

// pause waits a moment, and says whether to go on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(execLook):
		return true
	}
}
