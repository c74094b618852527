#!/bin/sh
. ./tests/lib.sh
there bin/count
echo "one two three" >"$tmp/plain"
echo "one , two" >"$tmp/comma"
: >"$tmp/empty"
same "count: three words" 3 "$(bin/count "$tmp/plain")"
same "count: punctuation alone is no word" 2 "$(bin/count "$tmp/comma")"
same "count: an empty file" 0 "$(bin/count "$tmp/empty")"
bin/count >/dev/null 2>&1
same "count: wrong usage" 2 $?
finish
