#!/bin/sh
. ./tests/lib.sh
there bin/top
echo "b a, b! A c B" >"$tmp/text"
same "top: by count, then by alphabet" "3 b|2 a|1 c|" "$(bin/top "$tmp/text" | tr '\n' '|')"
same "top: the first only" "3 b" "$(bin/top "$tmp/text" 1)"
bin/top >/dev/null 2>&1
same "top: wrong usage" 2 $?
finish
