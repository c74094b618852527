#!/bin/sh
. ./tests/lib.sh
[ -r lib/words.sh ] || { echo "FAIL lib/words.sh is missing"; exit 1; }
. ./lib/words.sh
same "words: punctuation and case" "the cat the don't 42" "$(echo "The cat, the... don't -- 42" | words | tr '\n' ' ' | tr -s ' ' | cut -d' ' -f1-5)"
same "words: no word at all" "" "$(echo ", - !" | words)"
finish
