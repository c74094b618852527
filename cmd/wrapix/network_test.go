package main

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// Ports lead in and out as the flags say, and nothing of it is left afterwards.
func TestPorts(t *testing.T) {
	dir := project(t)
	inward, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inward.Close()
	go func() {
		c, err := inward.Accept()
		if err == nil {
			fmt.Fprintln(c, "from the host")
			c.Close()
		}
	}()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	outward := free.Addr().(*net.TCPAddr).Port
	free.Close()
	p := start(t, "--host-ports", fmt.Sprint(inward.Addr().(*net.TCPAddr).Port), "--ports", fmt.Sprint(outward), dir, "--", "sh", "-c",
		fmt.Sprintf("nc 127.0.0.1 %d < /dev/null; echo from inside | nc -l -p %d", inward.Addr().(*net.TCPAddr).Port, outward))
	p.line(t, "from the host")
	// It listens at some time from now on; until then the connection ends without a word.
	var got string
	for got == "" {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", outward))
		if err != nil {
			t.Fatal(err, p.stderr.String())
		}
		got, _ = bufio.NewReader(c).ReadString('\n')
		c.Close()
	}
	if got != "from inside\n" {
		t.Errorf("got %q", got)
	}
	if code := p.code(t); code != 0 {
		t.Errorf("exit code %d, %s", code, p.stderr.String())
	}
	nothingLeft(t)

	// A port that is taken: no sandbox is made.
	out, err := exec.Command("wrapix", "--ports", fmt.Sprint(inward.Addr().(*net.TCPAddr).Port), dir, "--", "true").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the port is in use on this host") || !strings.Contains(string(out), "try: end the program that has it") {
		t.Errorf("%v: %s", err, out)
	}
	nothingLeft(t)
}
