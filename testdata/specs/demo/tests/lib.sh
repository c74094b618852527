#!/bin/sh
# Sourced by the tests: compare, and say exactly what differs.

failed=0

# same WHAT WANT GOT
same() {
	if [ "$2" = "$3" ]; then
		echo "ok   $1"
	else
		echo "FAIL $1: want '$2', got '$3'"
		failed=1
	fi
}

# there FILE: a command must exist before anything else about it is asked
there() {
	[ -x "$1" ] && return
	echo "FAIL $1 is missing"
	exit 1
}

finish() { exit "$failed"; }

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
