// Smallfiles writes 10,000 small files below a folder, reads them and removes them, and prints how many nanoseconds that took.
// The bench runs it on the host and in a sandbox: it is one static program, so that both do the same.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	files     = 10_000
	inAFolder = 100
)

func main() {
	took, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "smallfiles:", err)
		os.Exit(1)
	}
	fmt.Println(took.Nanoseconds())
}

func run(dir string) (time.Duration, error) {
	began := time.Now()
	name := func(i int) string {
		return filepath.Join(dir, fmt.Sprintf("d%d", i/inAFolder), fmt.Sprintf("file-%d.txt", i))
	}
	for i := range files {
		if i%inAFolder == 0 {
			if err := os.MkdirAll(filepath.Dir(name(i)), 0o777); err != nil {
				return 0, err
			}
		}
		if err := os.WriteFile(name(i), fmt.Appendf(nil, "this is file %d, as small as many are\n", i), 0o666); err != nil {
			return 0, err
		}
	}
	for i := range files {
		if _, err := os.ReadFile(name(i)); err != nil {
			return 0, err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}
