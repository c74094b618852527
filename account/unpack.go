package account

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
)

// unpacked is an archive whose members lie in a folder, each as the manifest has it.
type unpacked struct {
	dir     string
	head    head
	members map[string]member
}

// unpacking reads one archive, of which it believes nothing.
type unpacking struct {
	unpacked
	tar   *tar.Reader
	limit int64 // bytes that may still come
}

// unpack reads an archive whose members shall take no more than limit bytes. Once it knows the workflow it asks for the
// folder to unpack to.
func unpack(ctx context.Context, in io.Reader, limit int64, folder func(engine.WorkflowID) (string, error)) (_ unpacked, err error) {
	zipped, err := gzip.NewReader(bufio.NewReaderSize(in, copyBufferLen))
	if err != nil {
		return unpacked{}, foreign("it is no gzip file: %w", err)
	}
	zipped.Multistream(false)
	// What is around the members counts too: there is a bit of it for each.
	bounded := &boundedReader{ctx: ctx, in: zipped, left: limit + limit/8 + 64<<20}
	u := &unpacking{tar: tar.NewReader(bounded), limit: limit, unpacked: unpacked{members: map[string]member{}}}
	if err := u.readHead(); err != nil {
		return unpacked{}, err
	}
	if u.dir, err = folder(u.head.Workflow); err != nil {
		return unpacked{}, err
	}
	for {
		h, err := u.next()
		if err != nil {
			return unpacked{}, err
		}
		if h.Name == manifestName {
			break
		}
		if err := u.member(h); err != nil {
			return unpacked{}, err
		}
	}
	return u.unpacked, u.finish(bounded)
}

func foreign(text string, args ...any) error {
	err := fmt.Errorf(text, args...)
	if errors.Is(err, ErrTooLarge) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrForeign, err)
}

func newer(text string, args ...any) error {
	return &engine.Hint{
		Err: fmt.Errorf("%w: %w", fmt.Errorf(text, args...), ErrNewer),
		Try: "use the version of ralph that made it, or a newer one",
	}
}

// boundedReader ends with an error when more comes than should.
type boundedReader struct {
	ctx  context.Context // of the one reading
	in   io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// next goes to the next member, which must be a plain file.
func (u *unpacking) next() (*tar.Header, error) {
	h, err := u.tar.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, foreign("it is cut off: there is no %s", manifestName)
	case err != nil:
		return nil, foreign("read it: %w", err)
	case h.Typeflag != tar.TypeReg || h.Linkname != "" || h.Size < 0:
		return nil, foreign("the member %q is no plain file", h.Name)
	case len(u.members) >= maxMembers:
		return nil, foreign("it has more than %d members", maxMembers)
	}
	if _, twice := u.members[h.Name]; twice {
		return nil, foreign("the member %q is there twice", h.Name)
	}
	return h, nil
}

// small reads a member into memory.
func (u *unpacking) small(h *tar.Header, limit int64) ([]byte, error) {
	if h.Size > limit {
		return nil, foreign("the member %q is too large: %d bytes", h.Name, h.Size)
	}
	b, err := io.ReadAll(io.LimitReader(u.tar, limit))
	if err == nil && int64(len(b)) != h.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, foreign("read %s: %w", h.Name, err)
	}
	return b, nil
}

func (u *unpacking) readHead() error {
	h, err := u.next()
	if err != nil {
		return err
	}
	if h.Name != headName {
		return foreign("it begins with %q", h.Name)
	}
	text, err := u.small(h, maxHead)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &u.head); err != nil {
		return foreign("read %s: %w", headName, err)
	}
	switch {
	case u.head.Format != format:
		return foreign("its format is %q", u.head.Format)
	case u.head.Version > version:
		return newer("it has version %d, made by ralph %.40q, and this program knows version %d", u.head.Version, u.head.Program, version)
	case u.head.Version != version:
		return foreign("its version is %d", u.head.Version)
	case !workflowPattern.MatchString(string(u.head.Workflow)):
		return foreign("%.100q is no workflow's id", u.head.Workflow)
	}
	sum := sha256.Sum256(text)
	u.members[headName] = member{headName, h.Size, hex.EncodeToString(sum[:])}
	return nil
}

// member puts a member where its name says, if such a name can be.
func (u *unpacking) member(h *tar.Header) error {
	largest := map[string]int64{eventsName: maxEvents, recordsName: maxRecords, packName: u.limit}[h.Name]
	if _, _, ok := place(h.Name); ok {
		largest = u.limit
	} else if largest == 0 {
		return foreign("it has a member %.200q", h.Name)
	}
	if h.Size > largest && largest < u.limit {
		return foreign("the member %q is too large: %d bytes", h.Name, h.Size)
	}
	if h.Size > u.limit {
		return fmt.Errorf("the member %q has %d bytes: the archive is %w", h.Name, h.Size, ErrTooLarge)
	}
	path := filepath.Join(u.dir, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return foreign("%w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return foreign("%w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), u.tar)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EIO) {
		return err
	}
	if err == nil && n != h.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return foreign("read %s: %w", h.Name, err)
	}
	u.limit -= n
	u.members[h.Name] = member{h.Name, n, hex.EncodeToString(sum.Sum(nil))}
	return nil
}

// finish reads the manifest and what is left, and holds all that was read against it.
func (u *unpacking) finish(rest *boundedReader) error {
	text, err := io.ReadAll(io.LimitReader(u.tar, maxManifest+1))
	if err != nil {
		return foreign("read %s: %w", manifestName, err)
	}
	var m manifest
	if len(text) > maxManifest {
		return foreign("%s is too large", manifestName)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
		return foreign("read %s: %w", manifestName, err)
	}
	if _, err := u.tar.Next(); !errors.Is(err, io.EOF) {
		return foreign("something follows its %s", manifestName)
	}
	if _, err := io.Copy(io.Discard, rest); err != nil { // to the checksum of the whole
		return foreign("read its end: %w", err)
	}
	seen := map[string]bool{}
	for _, want := range m.Members {
		got, ok := u.members[want.Name]
		switch {
		case !ok:
			return foreign("the member %.200q is missing", want.Name)
		case got != want:
			return foreign("the member %s is not what its %s says", want.Name, manifestName)
		}
		seen[want.Name] = true
	}
	for name := range u.members {
		if !seen[name] {
			return foreign("the member %s is not in its %s", name, manifestName)
		}
	}
	if _, ok := u.members[eventsName]; !ok {
		return foreign("it has no %s", eventsName)
	}
	return nil
}
