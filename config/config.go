// Package config reads wrapix.toml, finds the project it belongs to, and says where the project's state lies.
//
// The file is read strictly: a key that is misspelt, has the wrong type, or belongs to a later version of ralph is an
// error with file, line and column. Nothing in it is ever ignored, because what a person wrote there (a limit, a
// network that is off) is what they rely on while they sleep.
//
//	project, err := config.FindProject(".")
//	c, err := config.Load(filepath.Join(project, config.FileName))
package config

import (
	"time"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// FileName is the name of the configuration file in the project's root.
const FileName = "wrapix.toml"

// DefaultMaxAttempts is how often one task may fail before a person is asked, where the file does not say.
const DefaultMaxAttempts = 3

// DefaultPids bounds the processes of a sandbox where the file does not say: a fork bomb must not reach the host.
const DefaultPids = 4096

// LeastFiles is how many open files a process needs, to begin with: its streams, and the libraries that it is made of.
const LeastFiles = 64

// DefaultMaxAttemptTime ends an attempt that hangs where the file does not say, so that it does not cost the night.
const DefaultMaxAttemptTime = 4 * time.Hour

// Config is what wrapix.toml says, with defaults filled in.
type Config struct {
	Agent   Agent
	Sandbox Sandbox
	Loop    Loop
	// Checks run after each task, after its own checks, in the order of the file.
	Checks []Check
	// Secrets are what the agent is given besides its environment, by name.
	Secrets []SandboxSecret
	Hooks   Hooks
	Notify  Notify
	// Profiles are the built-in ones and those of the file.
	Profiles *profile.Set
	// Text is the file as it was read.
	Text string
}

// Network is what a sandbox can reach.
type Network string

// The networks.
const (
	NetworkOpen      Network = "open"
	NetworkNone      Network = "none"
	NetworkAllowlist Network = "allowlist"
)

// Sandbox says what every sandbox of the project looks like. Zero limits are none.
type Sandbox struct {
	Profile  string
	Packages []string // of Debian, on top of the profile
	// Image is the name of an image, or of a Containerfile of the project where it begins with "./"; empty is the profile's
	// own.
	Image string
	// Containerfile is the text of that file.
	Containerfile string
	Network       Network
	Allow         []string // names that NetworkAllowlist reaches
	HostPorts     []int    // ports of the host's loopback that appear inside
	Ports         []int    // ports inside that appear on the host's loopback
	MemoryBytes   int64
	CPUs          float64
	Pids          int64
	TmpBytes      int64 // what /tmp and /var/tmp can hold, each
	HomeBytes     int64 // what the home folder can hold
	Files         int64 // open files of one process
	Env           map[string]string
	DeployKey     DeployKey
	// EnvFromHost names variables of the host that the sandbox gets as well.
	EnvFromHost []string
	Mounts      []Mount
}

// Loop bounds what a workflow may use. Zero is no limit.
type Loop struct {
	MaxIterations int
	MaxAttempts   int
	MaxTime       time.Duration
	MaxCostUSD    float64
	MaxTokens     int64
	// MaxAttemptTime is what one attempt, or one run of its checks, may take.
	MaxAttemptTime time.Duration
	// The same within one day of UTC.
	MaxIterationsPerDay int
	MaxTimePerDay       time.Duration
	MaxCostUSDPerDay    float64
	MaxTokensPerDay     int64
	// OnBlocked is what happens when a task is blocked.
	OnBlocked OnBlocked
}

// OnBlocked is what happens when a task is blocked.
type OnBlocked string

// What can happen then.
const (
	BlockedWait OnBlocked = "wait" // for a person
	BlockedSkip OnBlocked = "skip" // the work goes on without it
	BlockedFail OnBlocked = "fail" // the workflow ends
)

// Check is one named command line.
type Check struct{ Name, Command string }

// DefaultHookTimeout is how long a hook may run where the file does not say.
const DefaultHookTimeout = time.Minute

// OnFailure says what follows from a hook that failed.
type OnFailure string

// What can follow.
const (
	OnFailureBlock OnFailure = "block"
	OnFailureWarn  OnFailure = "warn"
	OnFailureSkip  OnFailure = "skip"
)

// Hooks are programs that run on the host around the work, as far as a person trusts them: an absolute path and
// arguments each, or nothing.
type Hooks struct {
	PreLoop, PreStep, PostStep, PostLoop []string

	OnFailure OnFailure
	Timeout   time.Duration
}

// Notify says how a person is told of waits.
type Notify struct {
	Enabled bool
	// Again is after which time a person is told again of what still waits; zero is never.
	Again time.Duration
	// Webhook is the address that waits and ends are told to, or empty.
	Webhook string
	// WebhookSecret says where the key that signs them is found.
	WebhookSecret Secret
}

// Secret says where a secret is found: in a file or in a variable of the environment. The zero value is none.
type Secret struct{ File, Env string }

// ProfileOf merges a profile of the project, "" being the sandbox's own, with the packages and mounts that all its
// sandboxes have.
func (c Config) ProfileOf(name string) (profile.Profile, error) {
	if name == "" {
		name = c.Sandbox.Profile
	}
	p, err := c.Profiles.Resolve(name)
	if err != nil {
		return p, err
	}
	return p.AddPackages("sandbox.packages", c.Sandbox.Packages).AddMounts("sandbox.mounts", c.Sandbox.Mounts), nil
}

// AllProfiles merges every profile of the project, in the order of their names in Profiles.
func (c Config) AllProfiles() ([]profile.Profile, error) { return c.eachProfile(c.ProfileOf) }

// AgentProfiles merges every profile as the images of the agent's sandboxes are made of it.
func (c Config) AgentProfiles() ([]profile.Profile, error) { return c.eachProfile(c.AgentProfile) }

func (c Config) eachProfile(merge func(name string) (profile.Profile, error)) ([]profile.Profile, error) {
	var all []profile.Profile
	for _, name := range c.Profiles.Names() {
		p, err := merge(name)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Default is the configuration before any file.
func Default() Config {
	return Config{
		Agent:    Agent{Kind: AgentClaude},
		Profiles: profile.Builtin(),
		Sandbox:  Sandbox{Profile: profile.Base, Network: NetworkOpen, Pids: DefaultPids},
		Loop:     Loop{MaxAttempts: DefaultMaxAttempts, MaxAttemptTime: DefaultMaxAttemptTime, OnBlocked: BlockedWait},
		Hooks:    Hooks{OnFailure: OnFailureBlock, Timeout: DefaultHookTimeout},
		Notify:   Notify{Enabled: true},
	}
}
