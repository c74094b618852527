package podman

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// flood is the process whose memory TestBoundedMemory looks at: its sandbox writes as many megabytes as it is told.
func flood() {
	size := os.Getenv("WRAPIX_TEST_FLOOD")
	ctx := context.Background()
	e, err := Connect(ctx, Options{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	dir := os.Getenv("WRAPIX_TEST_DIR")
	transcript, err := os.Create(filepath.Join(dir, "transcript"))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	name := fmt.Sprintf("wrapix-test-flood-%d", os.Getpid())
	result, err := sandbox.Run(ctx, e, sandbox.Spec{
		Name: name, Image: os.Getenv("WRAPIX_TEST_IMAGE"), Record: filepath.Join(dir, "record"), Network: sandbox.NetworkNone,
		Commands:        []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "yes 'a line of some sixty bytes, as an agent prints them all day' | head -c " + size + "m"}}},
		TranscriptLimit: 2 << 30,
	}, sandbox.Sink{Stdout: transcript})
	if err == nil {
		err = e.Remove(ctx, name)
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("sha256", result.Stdout.SHA256, "bytes", result.Stdout.Bytes, "memory", peakMemory())
	e.Close()
	os.Exit(0)
}

// peakMemory returns the most memory that this process has had, in bytes.
func peakMemory() (bytes int64) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return -1
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			fmt.Sscan(v, &bytes)
			return bytes << 10
		}
	}
	return -1
}

// A gigabyte passes from a command to the transcript, and the process that passes it on stays under 64 MB.
func TestBoundedMemory(t *testing.T) {
	e := connect(t)
	megabytes := "200"
	if os.Getenv("WRAPIX_SOAK") != "" {
		megabytes = "1024"
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "WRAPIX_TEST_FLOOD="+megabytes, "WRAPIX_TEST_IMAGE="+testImage(t, e), "WRAPIX_TEST_DIR="+dir)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var sum string
	var bytes, memory int64
	if _, err := fmt.Sscanf(string(out), "sha256 %s bytes %d memory %d", &sum, &bytes, &memory); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%d MB passed with at most %d MB of memory", bytes>>20, memory>>20)
	if fmt.Sprint(bytes>>20) != megabytes {
		t.Errorf("%d bytes came out", bytes)
	}
	if memory <= 0 || memory >= 64<<20 && !raceDetector {
		t.Errorf("%d bytes of memory were needed", memory)
	}
	f, err := os.Open(dir + "/transcript")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := bufio.NewReaderSize(f, 1<<20).WriteTo(hash); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		t.Errorf("the transcript's hash is %s, the guest says %s", got, sum)
	}
}
