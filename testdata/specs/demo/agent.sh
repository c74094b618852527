#!/bin/sh
# The agent of the demo: a script that stands in for a model. It shows what an
# agent of kind "command" gets and gives:
#
#   standard input   the prompt; this script reads two of its sections
#   RALPH_TASK       the task it works on; RALPH_ATTEMPT counts the attempts
#   RALPH_PHASE      "step" while it works on a task
#   standard output  the transcript; its last line is the signal
#
# It makes the mistakes that agents make, each once: T3 is done wrongly, T4 is
# claimed and not done, T2 cannot be done without a person. What it does next
# depends on what the prompt tells it and on what the work tree holds, never on
# the number of the attempt, so an attempt may be killed at any point and run
# again.
set -eu

prompt=$(cat)

say() { echo "$*"; }

# section HEADING: the lines of the prompt below "## HEADING"
section() {
	inside=
	printf '%s\n' "$prompt" | while IFS= read -r line; do
		case $line in
		"## $1") inside=yes ;;
		"## "*) inside= ;;
		*) [ -z "$inside" ] || printf '%s\n' "$line" ;;
		esac
	done
}

# told_that TEXT: whether the evidence of the last failure has this text
told_that() { section "Last failure" | grep -qF -e "$1"; }

# put FILE: write standard input to a file, at once or not at all
put() {
	new=$(dirname "$1")/.new
	mkdir -p "$(dirname "$1")"
	cat >"$new"
	case $1 in bin/*) chmod +x "$new" ;; esac
	mv -f "$new" "$1"
	say "  wrote $1"
}

# commit MESSAGE FILE...: commit these files, if they changed
commit() {
	message=$1
	shift
	git add -- "$@"
	if git diff --cached --quiet; then
		say "  nothing new to commit"
	else
		git -c gc.auto=0 -c commit.gpgsign=false commit -q -m "$message"
		say "  committed: $message"
	fi
}

# claim: end the attempt as done. It is only a claim: the checks decide.
claim() {
	say "Done with $RALPH_TASK."
	echo "RALPH_COMPLETE"
	exit 0
}

export GIT_AUTHOR_NAME="Demo Agent" GIT_AUTHOR_EMAIL="agent@demo.invalid"
export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"
export LC_ALL=C

say "(This is a scripted stand-in for a model: agent.sh of the demo. No model is asked, nothing is paid.)"
if [ "${RALPH_PHASE:-step}" != step ]; then
	say "I only know how to work on tasks, not how to ${RALPH_PHASE}."
	echo "RALPH_BLOCKED: the demo's agent only works on tasks"
	exit 0
fi
say "Task $RALPH_TASK, attempt ${RALPH_ATTEMPT:-1}."

# Nobody else works in this sandbox: locks are from an attempt that was killed.
rm -f .git/index.lock .git/HEAD.lock .git/refs/heads/*.lock

case $RALPH_TASK in
T1)
	say "One function that every command will share."
	put lib/words.sh <<'END'
# words: one lower-case word a line, from standard input.
words() {
	LC_ALL=C tr -cs "[:alnum:]'" '\n' | LC_ALL=C tr '[:upper:]' '[:lower:]' | grep . || true
}
END
	commit "lib: one definition of a word" lib/words.sh
	claim
	;;

T2)
	# The last answer that a person gave, without the marks around it.
	answer=$(section "Questions and answers" | grep -v '^ *$' | tail -n 1 | tr -cd "A-Za-z' :-")
	answer=${answer##*: }
	answer=${answer##*- }
	if [ -z "$answer" ]; then
		say "The spec leaves the default name open, and it is not for me to choose."
		echo "RALPH_CLARIFY: Whom should greet say hello to when it is given no name?"
		exit 0
	fi
	say "The person answered: $answer"
	printf '%s\n' "$answer" | put share/default-name
	put bin/greet <<'END'
#!/bin/sh
# greet [NAME]: say hello.
if [ $# -gt 1 ]; then
	echo "usage: greet [NAME]" >&2
	exit 2
fi
name=${1:-$(cat "$(dirname "$0")/../share/default-name")}
echo "Hello, $name!"
END
	commit "greet: say hello, to $answer where no name is given" bin/greet share/default-name
	claim
	;;

T3)
	if told_that "punctuation alone is no word"; then
		say "The check says that punctuation was counted. wc -w cannot know our words; lib/words.sh does."
		put bin/count <<'END'
#!/bin/sh
# count FILE: the number of words in a file.
if [ $# -ne 1 ]; then
	echo "usage: count FILE" >&2
	exit 2
fi
. "$(dirname "$0")/../lib/words.sh"
echo $(($(words <"$1" | wc -l)))
END
		commit "count: count words as lib/words.sh defines them" bin/count
	elif sh tests/t3.sh >/dev/null 2>&1; then
		say "bin/count is here and right already: an earlier attempt got that far."
	else
		say "That is what wc -w is for."
		put bin/count <<'END'
#!/bin/sh
# count FILE: the number of words in a file.
if [ $# -ne 1 ]; then
	echo "usage: count FILE" >&2
	exit 2
fi
echo $(($(wc -w <"$1")))
END
		commit "count: count words" bin/count
	fi
	claim
	;;

T4)
	if told_that "bin/top" || [ -e bin/top ]; then
		say "The claim was wrong: there was no bin/top. Now the work."
		put bin/top <<'END'
#!/bin/sh
# top FILE [N]: the N most frequent words of a file.
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: top FILE [N]" >&2
	exit 2
fi
. "$(dirname "$0")/../lib/words.sh"
words <"$1" | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2 | head -n "${2:-10}" | tr -s ' ' | cut -c2-
END
		commit "top: the most frequent words" bin/top
	else
		say "I am sure that this works. (Nothing was written: this is the false claim of the demo.)"
	fi
	claim
	;;

T5)
	say "One command that finds the others beside itself."
	put bin/kit <<'END'
#!/bin/sh
# kit COMMAND [ARGUMENT...]: run one of the tools.
case ${1:-} in
greet | count | top)
	command=$1
	shift
	exec "$(dirname "$0")/$command" "$@"
	;;
esac
echo "usage: kit greet|count|top [ARGUMENT...]" >&2
exit 2
END
	commit "kit: one command for all tools" bin/kit
	claim
	;;

T6)
	say "Reading the commands, then the README."
	put README.md <<END
# wordkit

Small text tools in plain shell. They need no installation.

    bin/kit greet [NAME]    say hello (to $(cat share/default-name) where no name is given)
    bin/kit count FILE      print the number of words
    bin/kit top FILE [N]    print the most frequent words

A word is a run of letters, digits and apostrophes; case does not matter. Run the tests with \`sh tests/all.sh\`.
END
	commit "readme: how to use each command" README.md
	claim
	;;
esac

say "I have no script for $RALPH_TASK."
echo "RALPH_BLOCKED: the demo's agent knows T1 to T6 only"
