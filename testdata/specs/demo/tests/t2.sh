#!/bin/sh
. ./tests/lib.sh
there bin/greet
same "greet: by name" "Hello, Ada!" "$(bin/greet Ada)"
[ -s share/default-name ] || { echo "FAIL share/default-name is missing"; exit 1; }
same "greet: without a name" "Hello, $(cat share/default-name)!" "$(bin/greet)"
bin/greet one two >/dev/null 2>&1
same "greet: wrong usage" 2 $?
finish
