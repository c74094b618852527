#!/bin/sh
status=0
for t in tests/t[0-9].sh; do
	echo "== $t"
	sh "$t" || status=1
done
exit $status
