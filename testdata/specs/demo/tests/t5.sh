#!/bin/sh
. ./tests/lib.sh
there bin/kit
here=$PWD
echo "one two two" >"$tmp/text"
same "kit: greet" "Hello, Ada!" "$(cd "$tmp" && "$here/bin/kit" greet Ada)"
same "kit: count" 3 "$(cd "$tmp" && "$here/bin/kit" count text)"
same "kit: top" "2 two" "$(cd "$tmp" && "$here/bin/kit" top text 1)"
bin/kit nonsense >/dev/null 2>&1
same "kit: unknown command" 2 $?
finish
