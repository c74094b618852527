package main

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// abi is what the filter has to know of an architecture: that of its own system calls, that of the 32-bit ones its
// kernel may offer, and the numbers of prlimit64 in both; x32 is a third set of numbers on amd64.
type abi struct{ native, compat, compatNumber, x32Number uint32 }

var abis = map[string]abi{
	"amd64": {unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386, 340, 0x40000000 | 302},
	"arm64": {unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM, 369, unix.SYS_PRLIMIT64},
}

// protectLimits takes from the commands the one way to harm the guest that the kernel leaves to processes of the same
// user: to change its resource limits, say to no more processor time, which would end it. A process may still change
// its own.
//
// The filter lies on the calling thread, to which the caller is bound from then on, and on every process that this
// thread starts. The guest's other threads have none: Go starts them from a thread that is not bound.
func protectLimits() error {
	runtime.LockOSThread()
	a, ok := abis[runtime.GOARCH]
	if !ok {
		return nil
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
		// Offsets in struct seccomp_data; of the arguments the low halves, on little-endian machines.
		number, arch, pid, limit = 0, 4, 16, 32
	)
	// The jumps count from the following instruction; 14 allows, 15 refuses.
	program := []unix.SockFilter{
		0:  {Code: load, K: arch},
		1:  {Code: equal, K: a.native, Jt: 1},
		2:  {Code: equal, K: a.compat, Jt: 3, Jf: 11},
		3:  {Code: load, K: number},
		4:  {Code: equal, K: unix.SYS_PRLIMIT64, Jt: 3},
		5:  {Code: equal, K: a.x32Number, Jt: 2, Jf: 8},
		6:  {Code: load, K: number},
		7:  {Code: equal, K: a.compatNumber, Jf: 6},
		8:  {Code: load, K: pid},
		9:  {Code: equal, K: 0, Jt: 4}, // the caller itself
		10: {Code: load, K: limit},
		11: {Code: equal, K: 0, Jf: 3},
		12: {Code: load, K: limit + 4},
		13: {Code: equal, K: 0, Jf: 1}, // it only asks
		14: {Code: ret, K: unix.SECCOMP_RET_ALLOW},
		15: {Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(syscall.EPERM)},
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
}
