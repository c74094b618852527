package podman

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/specgen"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// guestPath is where the guest is mounted inside.
const guestPath = "/run/wrapix/guest"

// guestPids is how many processes and threads the guest may have besides its commands, so that these cannot keep it
// from its work by taking all.
const guestPids = 64

// guestFiles is how many files the guest can have open beyond what its commands may: the connections that it passes on.
const guestFiles = 1024

// maxLog bounds what is kept of what an attached command prints; then the monitor begins anew.
const maxLog = 256 << 20

// maxJob is the longest argument that Linux takes (MAX_ARG_STRLEN), with its final zero.
const maxJob = 128<<10 - 1

// Create implements sandbox.Runtime.
func (e *Engine) Create(ctx context.Context, spec sandbox.Spec) error {
	view, err := e.view(ctx, spec)
	if err != nil {
		return fmt.Errorf("create sandbox %s: %w", spec.Name, err)
	}
	gen, err := e.generate(spec, view)
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil {
		// Not to be cut short: Podman would go on, and the container appear after its removal found none.
		ctx := context.WithoutCancel(ctx)
		if err = e.secrets(ctx, gen, spec); err == nil {
			failpoint.Here("handed-over")
			if gen.Volumes, err = e.volumes(ctx, spec); err == nil {
				err = e.create(ctx, gen)
			}
		}
		err = errors.Join(err, e.dropSecrets(ctx, spec))
	}
	if err != nil {
		err = e.withErrno(ctx, translate(err))
		if view.copied != "" {
			err = errors.Join(err, removeTree(view.copied))
		}
		return fmt.Errorf("create sandbox %s: %w", spec.Name, err)
	}
	return nil
}

// createTries bounds how often a container is asked for that Podman finds no subordinate ids for.
const createTries = 5

// create asks again where Podman says that it knows no subordinate ids of the user. Version 4.3.1 says so, without a
// reason, when several requests look them up at the same time; nothing was made then.
func (e *Engine) create(ctx context.Context, gen *specgen.SpecGenerator) error {
	for try := 1; ; try++ {
		_, err := containers.CreateWithSpec(e.with(ctx), gen, nil)
		if err == nil || try == createTries || !strings.Contains(err.Error(), "keep-id requires additional UIDs") {
			return err
		}
	}
}

// generate translates a spec into Podman's terms. Everything that hardens a sandbox is here and in view.
func (e *Engine) generate(spec sandbox.Spec, view view) (*specgen.SpecGenerator, error) {
	job := frame.Job{
		Commands:        spec.Commands,
		Collect:         spec.Collect,
		Timeout:         spec.Timeout,
		Grace:           spec.Grace,
		TranscriptLimit: spec.TranscriptLimit,
		Pids:            spec.Limits.Pids,
		OpenFiles:       int64(min(uint64(spec.Limits.Files), e.host.nofile)),
		Same:            view.same,
		Files:           spec.Files,
		Attached:        spec.Attached,
		Net:             spec.Net(),
	}
	if l := spec.Limits.MemoryBytes; l > 0 {
		job.Memory = &frame.Memory{Limit: l, Kernel: e.host.canLimit("memory"), Tmpfs: view.inMemory()}
	}
	for _, secret := range spec.Secrets {
		job.Secrets = append(job.Secrets, secret.Name)
	}
	arg, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("encode the commands: %w", err)
	}
	if len(arg) > maxJob {
		return nil, fmt.Errorf("the commands are too long: %d bytes of %d; put them into a file", len(arg), maxJob)
	}
	yes, no := true, false
	stop := frame.StopSignal

	s := specgen.NewSpecGenerator(spec.Image, false)
	s.RawImageName = spec.Image
	s.Name = spec.Name
	s.Labels = spec.Labels
	s.Entrypoint = []string{guestPath}
	s.Command = []string{string(arg)}
	s.Env = spec.Environment()
	s.UnsetEnvAll = &yes
	s.HTTPProxy = &no
	s.WorkDir = sandbox.WorkspaceDir
	s.ImageVolumeMode = "ignore"
	s.StopSignal = &stop
	s.Systemd = "false"
	s.SdNotifyMode = "ignore"
	s.Hostname = sandbox.Hostname
	s.PasswdEntry = "agent:*:$UID:$GID:agent:" + sandbox.HomeDir + ":/bin/sh"

	// Without a size of its own, a limit in the user's containers.conf would cut the record.
	s.LogConfiguration = &specgen.LogConfig{Driver: "k8s-file", Path: spec.Record, Size: 1 << 50}
	if spec.Attached {
		if s.LogConfiguration.Size = maxLog; spec.Record == "" {
			s.LogConfiguration = &specgen.LogConfig{Driver: "none"}
		}
		s.Terminal = &spec.Terminal
		s.Stdin = &yes
	}

	s.User = fmt.Sprintf("%d:%d", e.host.uid, e.host.gid)
	if e.host.uid != 0 {
		s.UserNS = specgen.Namespace{NSMode: specgen.KeepID}
	}
	s.CapDrop = []string{"all"}
	s.NoNewPrivileges = &yes
	s.ReadOnlyFilesystem = &yes
	s.ReadWriteTmpfs = &yes // without it Podman 5 makes /dev/shm read-only
	// Labels would keep the sandbox from the project's files, and relabelling these is not ours to do.
	s.SelinuxOpts = []string{"disable"}
	s.Mounts = view.mounts
	s.OverlayVolumes = view.overlays

	e.network(s, spec.Network)
	e.limit(s, spec.Limits)
	return s, nil
}

// network gives the sandbox a network stack of its own, without a way to the host's loopback. The name server is not
// the host's own resolver then, but what that one asks.
func (e *Engine) network(s *specgen.SpecGenerator, n sandbox.Network) {
	switch {
	case n == sandbox.NetworkNone, n == sandbox.NetworkAllowlist: // what leads out then are sockets, see view
		s.NetNS = specgen.Namespace{NSMode: specgen.NoNetwork}
	case e.version.Major >= 5:
		s.NetNS = specgen.Namespace{NSMode: specgen.Pasta}
		// By default pasta maps the gateway's address to the host, and Podman adds an address for
		// host.containers.internal; --no-map-gw and --map-guest-addr=none take both away. No port is forwarded in
		// either direction: -T and -U would open the host's loopback.
		s.NetworkOptions = map[string][]string{"pasta": {"--no-map-gw", "--map-guest-addr", "none", "-t", "none", "-u", "none", "-T", "none", "-U", "none"}}
	default:
		s.NetNS = specgen.Namespace{NSMode: specgen.Slirp}
		s.NetworkOptions = map[string][]string{"slirp4netns": {"allow_host_loopback=false"}}
	}
}

func (e *Engine) limit(s *specgen.SpecGenerator, l sandbox.Limits) {
	var res specs.LinuxResources
	set := false
	if l.MemoryBytes > 0 && e.host.canLimit("memory") {
		// Swap counts as memory: else the limit only moves the load to the disk.
		res.Memory, set = &specs.LinuxMemory{Limit: &l.MemoryBytes, Swap: &l.MemoryBytes}, true
	}
	if l.CPUs > 0 && e.host.canLimit("cpu") {
		period, quota := uint64(100_000), int64(l.CPUs*100_000)
		res.CPU, set = &specs.LinuxCPU{Period: &period, Quota: &quota}, true
	}
	nproc := e.host.nproc
	if l.Pids > 0 {
		all := l.Pids + guestPids
		if e.host.canLimit("pids") {
			res.Pids, set = &specs.LinuxPids{Limit: all}, true
		}
		// The kernel counts processes per user namespace (since 5.14), and each sandbox has its own: this holds where
		// no cgroup can be limited, too.
		nproc = min(nproc, uint64(all))
	}
	if set {
		s.ResourceLimits = &res
	}
	// Podman would ask for more than an OCI runtime without CAP_SYS_RESOURCE can set.
	soft, hard := min(e.host.nofile, 1<<16), min(e.host.nofile, 1<<20)
	if l.Files > 0 { // the guest holds the commands to it exactly
		hard = min(e.host.nofile, uint64(l.Files)+guestFiles)
		soft = hard
	}
	s.Rlimits = []specs.POSIXRlimit{
		{Type: "nofile", Soft: soft, Hard: hard},
		{Type: "nproc", Soft: nproc, Hard: nproc},
	}
}

// translate finds the errors that callers decide on in what Podman says. Its API has no codes for them: a name that is
// taken is an internal error (500).
func translate(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "already in use"):
		return fmt.Errorf("%w: %w", sandbox.ErrExists, err)
	case strings.Contains(text, "no such container"), strings.Contains(text, "no container with name or ID"),
		strings.Contains(text, "no such exec session"):
		return fmt.Errorf("%w: %w", sandbox.ErrNotFound, err)
	case strings.Contains(text, "no such image"), strings.Contains(text, "image not known"), strings.Contains(text, "unable to find a name and tag match"):
		return fmt.Errorf("%w: %w", sandbox.ErrNoImage, err)
	}
	return err
}
