package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// web finds its proxy as programs do, in the environment. Of a server it wants no certificate: the tests are about the
// way to it.
var web = http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// get prints status and first line of a page.
func get(url string) {
	code, text, err := fetch(url)
	if err != nil {
		fmt.Printf("%s: %v\n", url, err)
		return
	}
	line, _, _ := strings.Cut(text, "\n")
	fmt.Printf("%s: %d %s\n", url, code, line)
}

func fetch(url string) (int, string, error) {
	res, err := web.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// many fetches a page so many times at once.
func many(times, url string) {
	var n int
	fmt.Sscan(times, &n)
	var good atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if code, _, err := fetch(url); err == nil && code == http.StatusOK {
				good.Add(1)
			} else {
				fmt.Println(code, err)
			}
		})
	}
	all.Wait()
	fmt.Printf("%d of %d\n", good.Load(), n)
}

// echo answers each line that comes to an address with itself.
func echo(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			line, _ := bufio.NewReader(c).ReadString('\n')
			io.WriteString(c, line)
		}()
	}
}
