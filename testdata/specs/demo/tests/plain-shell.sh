#!/bin/sh
# Every command starts with #!/bin/sh and calls no bash, awk or perl.
status=0
for f in bin/*; do
	[ "$(head -n 1 "$f")" = "#!/bin/sh" ] || { echo "FAIL $f does not start with #!/bin/sh"; status=1; }
	if grep -nwE 'bash|awk|perl' "$f"; then echo "FAIL $f uses more than plain shell"; status=1; fi
done
exit $status
