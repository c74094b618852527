package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// yes asks a person on the terminal, and takes nothing but a clear yes for one.
func yes(ctx context.Context, s streams, question string) (bool, error) {
	fmt.Fprint(s.out, question+" [y/N] ")
	answered := make(chan string, 1)
	go func() { // it ends with the process: a read of a terminal cannot be given up
		answer, _ := bufio.NewReader(io.LimitReader(s.in, 1024)).ReadString('\n')
		answered <- answer
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case answer := <-answered:
		answer = strings.ToLower(strings.TrimSpace(answer))
		return answer == "y" || answer == "yes", nil
	}
}
