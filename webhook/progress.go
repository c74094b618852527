package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/trust"
)

// File is the name, in a project's state folder, of the file that says how far it was told.
const File = "webhook.json"

const maxFile = 16 << 20

var errDamaged = errors.New("its file in the state folder is damaged")

// progress is how far it was told, by workflow the number of an event.
type progress struct {
	Schema  int                          `json:"schema"`
	Told    map[engine.WorkflowID]uint64 `json:"told"`
	Trouble *Trouble                     `json:"trouble,omitempty"`
}

// Trouble is a delivery that does not succeed.
type Trouble struct {
	Since    time.Time         `json:"since"`
	Tries    int               `json:"tries"`
	Workflow engine.WorkflowID `json:"workflow"`
	Event    uint64            `json:"event"`
	Error    string            `json:"error"`
}

// load returns nil where nothing was noted yet.
func load(state string) (*progress, error) {
	f, err := os.OpenFile(filepath.Join(state, File), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func parse(text []byte) (*progress, error) {
	var p progress
	if err := json.Unmarshal(text, &p); err != nil || p.Schema != 1 || p.Told == nil {
		return nil, errDamaged
	}
	return &p, nil
}

func (p *progress) save(state string) error {
	text, err := json.Marshal(p)
	if err == nil {
		err = filesystem.Replace(filepath.Join(state, File), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("note what was told: %w", err)
	}
	return nil
}

// LastTrouble returns why the last delivery did not succeed, or nil if it did.
func LastTrouble(state string) (*Trouble, error) {
	told, err := load(state)
	if err != nil || told == nil {
		return nil, err
	}
	return told.Trouble, nil
}

// Pending is what was not delivered yet.
type Pending struct {
	Events  int
	Trouble *Trouble // why, where it was tried
}

// Look says what was not delivered yet. Nothing is where no webhook was ever in use.
func Look(ctx context.Context, state string, log Log, now time.Time) (Pending, error) {
	told, err := load(state)
	if err != nil || told == nil {
		return Pending{}, err
	}
	all, err := log.List(ctx)
	if err != nil {
		return Pending{}, err
	}
	p := Pending{Trouble: told.Trouble}
	for _, w := range all {
		if told.Told[w.ID] >= w.Seq || now.Sub(w.Updated) > keep {
			continue
		}
		err := log.Events(ctx, w.ID, told.Told[w.ID], func(e engine.Event) error {
			if tells(e) && now.Sub(e.Time) <= keep {
				p.Events++
			}
			return nil
		})
		if err != nil {
			return Pending{}, err
		}
	}
	return p, nil
}

// maxKey bounds a key, and minKey keeps it from being guessed.
const maxKey, minKey = 4096, 16

// ReadKey reads the key that signs deliveries from a file, or a variable of the environment. A file in the project is
// refused: an agent that reads the key can sign.
func ReadKey(project, file, variable string) ([]byte, error) {
	var key string
	switch {
	case file != "":
		if err := trust.Outside(project, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
			return nil, errors.Join(err, fmt.Errorf("%s is no regular file", file))
		}
		text, err := io.ReadAll(io.LimitReader(f, maxKey+1))
		if err != nil {
			return nil, err
		}
		key = string(text)
	case variable != "":
		var ok bool
		if key, ok = os.LookupEnv(variable); !ok {
			return nil, fmt.Errorf("the variable %s is not set", variable)
		}
	default:
		return nil, nil
	}
	for len(key) > 0 && (key[len(key)-1] == '\n' || key[len(key)-1] == '\r') {
		key = key[:len(key)-1]
	}
	if len(key) < minKey || len(key) > maxKey {
		return nil, fmt.Errorf("the key has %d characters; want %d to %d", len(key), minKey, maxKey)
	}
	return []byte(key), nil
}
