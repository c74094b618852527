package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// archive is an image of one layer in the form of `docker save`, which engines load. Importing the layer would be
// simpler, but gives each image the time of its import, and so another digest.
type archive struct {
	ref    string
	layer  *os.File // a file tree in tar form
	labels map[string]string
	env    []string
}

// config is the part of an image's configuration that is filled in (github.com/opencontainers/image-spec, config.md).
type config struct {
	Created      time.Time `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       struct {
		Env    []string          `json:"Env"`
		Cmd    []string          `json:"Cmd"`
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []history `json:"history"`
}

type history struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// writeTo writes the archive.
func (a archive) writeTo(w io.Writer) error {
	sum := sha256.New()
	if _, err := a.layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	size, err := io.Copy(sum, a.layer)
	if err == nil {
		_, err = a.layer.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read the file tree: %w", err)
	}
	c := config{Created: epoch, Architecture: runtime.GOARCH, OS: "linux"}
	c.Config.Env, c.Config.Cmd, c.Config.Labels = a.env, []string{"/bin/bash"}, a.labels
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{"sha256:" + hex.EncodeToString(sum.Sum(nil))}
	c.History = []history{{epoch, "mmdebstrap"}}
	configText, err := json.Marshal(c)
	if err != nil {
		return err
	}
	configSum := sha256.Sum256(configText)
	configName := hex.EncodeToString(configSum[:]) + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{a.ref}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: "layer.tar", Mode: 0o644, Size: size, ModTime: epoch}); err != nil {
		return err
	}
	if _, err := io.Copy(t, a.layer); err != nil {
		return err
	}
	for name, text := range map[string][]byte{configName: configText, "manifest.json": manifest} {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: epoch}); err != nil {
			return err
		}
		if _, err := t.Write(text); err != nil {
			return err
		}
	}
	return t.Close()
}
