#!/bin/sh
# The agent of a tortured workflow, and its outside witness: what it notes is on the disk before it goes on, whatever
# becomes of ralph. It prints so many lines that are known, and makes the mistakes that its task's number asks for.
id=$RALPH_TASK/$RALPH_ATTEMPT
number=${RALPH_TASK#T}

note() { echo "$1 $id" | dd of=.witness oflag=append conv=notrunc,fsync status=none; }

# The first attempt that comes here makes the mistake; whether a crash let it count is not the agent's to know.
mistake() { [ ! -e ".mistakes/$RALPH_TASK" ] && mkdir -p .mistakes && : >".mistakes/$RALPH_TASK"; }

note began
lines=$(cat ".lines/$RALPH_TASK")
seq -f "$id %.0f" 1 $((lines / 2))
sleep "0.$((number % 4))"
seq -f "$id %.0f" $((lines / 2 + 1)) "$lines"

mkdir -p work
signal=RALPH_COMPLETE
case $((number % 6)) in
  2) if mistake; then echo wrong >"work/$RALPH_TASK"; note ended; echo "$signal"; exit 0; fi ;;
  4) if mistake; then note ended; exit 1; fi ;;
esac
if [ "$number" = 15 ] && mistake; then signal='RALPH_CLARIFY: Which way?'; fi
echo "$RALPH_TASK" >"work/$RALPH_TASK"
echo "the secret is $TOKEN"
note ended
echo "$signal"
