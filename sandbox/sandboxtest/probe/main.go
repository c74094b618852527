// Probe tries from inside of a sandbox what a shell cannot, and prints what came of it.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	signal.Ignore(syscall.SIGPIPE)
	switch os.Args[1] {
	case "guest":
		attackGuest()
	case "signals":
		sendSignals()
	case "kernel":
		askKernel()
	case "dial":
		for _, target := range os.Args[2:] {
			network, address, _ := strings.Cut(target, ":")
			dial(network, address)
		}
	case "gateways":
		gateways()
	case "bomb":
		bomb()
	case "forks":
		forks()
	case "files":
		files()
	case "get":
		for _, url := range os.Args[2:] {
			get(url)
		}
	case "many":
		many(os.Args[2], os.Args[3])
	case "echo":
		echo(os.Args[2])
	}
}

func report(what string, err error) {
	if err == nil {
		fmt.Printf("%s: DONE\n", what)
		return
	}
	fmt.Printf("%s: %v\n", what, err)
}

// attackGuest tries to get at process 1's memory and files.
func attackGuest() {
	runtime.LockOSThread()
	report("ptrace attach", unix.PtraceAttach(1))
	report("ptrace seize", unix.PtraceSeize(1))
	for _, file := range []string{"mem", "fd/1", "fd/2", "fd/0", "environ", "maps", "exe", "root/etc/hosts", "cwd/x", "task/1/fd/1"} {
		for mode, flags := range map[string]int{"read": os.O_RDONLY, "write": os.O_WRONLY} {
			if mode == "write" && (file == "exe" || file == "environ" || file == "maps") {
				continue
			}
			f, err := os.OpenFile("/proc/1/"+file, flags, 0)
			if err == nil {
				f.Close()
			}
			report(mode+" /proc/1/"+file, err)
		}
	}
	_, err := os.ReadDir("/proc/1/fd")
	report("list /proc/1/fd", err)
	for _, tid := range threads() {
		limit := unix.Rlimit{Cur: 1, Max: 1}
		report(fmt.Sprintf("prlimit of %d", tid), unix.Prlimit(tid, unix.RLIMIT_CPU, &limit, nil))
	}
	limit := unix.Rlimit{Cur: 100, Max: 100}
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		report("own limits", nil) // these stay the process's own
	}
	local := []byte("x")
	_, err = unix.ProcessVMReadv(1, []unix.Iovec{{Base: &local[0], Len: 1}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&local[0])), Len: 1}}, 0)
	report("process_vm_readv", err)
	_, err = unix.ProcessVMWritev(1, []unix.Iovec{{Base: &local[0], Len: 1}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&local[0])), Len: 1}}, 0)
	report("process_vm_writev", err)
	if fd, err := unix.PidfdOpen(1, 0); err != nil {
		report("pidfd_open", nil) // seccomp may refuse it, which is as well
	} else {
		_, err = unix.PidfdGetfd(fd, 1, 0)
		report("pidfd_getfd", err)
	}
}

// threads returns the ids that process 1's threads may have.
func threads() []int {
	tids := []int{1}
	entries, err := os.ReadDir("/proc/1/task")
	if err != nil {
		return append(tids, 2, 3, 4, 5, 6)
	}
	for _, e := range entries {
		var tid int
		if fmt.Sscan(e.Name(), &tid); tid > 1 {
			tids = append(tids, tid)
		}
	}
	return tids
}

// sendSignals sends process 1 every signal but the three that ask it to stop.
func sendSignals() {
	for s := syscall.Signal(1); s <= 64; s++ {
		if s != syscall.SIGTERM && s != syscall.SIGINT && s != syscall.SIGPWR {
			syscall.Kill(1, s)
		}
	}
	fmt.Println("sent")
}

// askKernel tries what only the host may do.
func askKernel() {
	report("unshare user", unix.Unshare(unix.CLONE_NEWUSER))
	report("unshare mount", unix.Unshare(unix.CLONE_NEWNS))
	report("mount", unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	report("remount", unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	report("umount", unix.Unmount("/workspace", unix.MNT_DETACH))
	report("sethostname", unix.Sethostname([]byte("x")))
	report("setuid", unix.Setuid(0))
	report("chroot", unix.Chroot("/tmp"))
	report("mknod", unix.Mknod("/tmp/device", unix.S_IFBLK|0o600, 0xfe00))
	report("open kmsg", open("/dev/kmsg"))
	report("open tun", open("/dev/net/tun"))
	report("open fuse", open("/dev/fuse"))
	_, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	report("raw socket", err)
	_, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	report("packet socket", err)
}

func open(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// dial connects, says hello, and prints whether anybody answered.
func dial(network, address string) {
	conn, err := net.DialTimeout(network, address, 2*time.Second)
	if err == nil {
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(2 * time.Second))
		fmt.Fprintln(conn, "hello")
		_, err = bufio.NewReader(conn).ReadString('\n')
	}
	report("dial "+network+" "+address, err)
}

// gateways prints the addresses of the routers that the kernel knows.
func gateways() {
	b, _ := os.ReadFile("/proc/net/route")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] == "Iface" || f[2] == "00000000" {
			continue
		}
		if ip, err := hex.DecodeString(f[2]); err == nil {
			slices.Reverse(ip)
			fmt.Println(net.IP(ip))
		}
	}
	b, _ = os.ReadFile("/proc/net/ipv6_route")
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 10 || strings.Trim(f[4], "0") == "" {
			continue
		}
		if ip, err := hex.DecodeString(f[4]); err == nil {
			fmt.Println(net.IP(ip).String() + "%" + f[9])
		}
	}
}

// bomb starts processes until it is refused, and prints how many it got.
func bomb() {
	n := 0
	for ; n < 5000; n++ {
		if err := exec.Command("/bin/sleep", "1000").Start(); err != nil {
			break
		}
	}
	fmt.Println(n)
}

// forks starts copies of itself that do the same, for ever, and says so when it is refused one.
func forks() {
	said := false
	for {
		next := exec.Command(os.Args[0], os.Args[1:]...)
		next.Stdout = os.Stdout
		if err := next.Start(); err != nil && !said {
			fmt.Println("refused")
			said = true
		}
		time.Sleep(time.Millisecond) // the machine has others to serve
	}
}

// files opens files until it is refused, and prints how many it has then.
func files() {
	n := 3
	for ; n < 100_000; n++ {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			break
		}
	}
	fmt.Println(n)
}
