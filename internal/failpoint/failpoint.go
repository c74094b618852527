// Package failpoint lets a test end the process at a named place, as a power cut or `kill -9` would.
//
// Only a program built with the tag "failpoints" has them; in every other build Here does nothing and costs nothing.
// There the variable RALPH_FAILPOINT=NAME or NAME:N makes the process kill itself with SIGKILL the N-th time it comes
// to that place, and NAME:N:panic makes it panic there, so that what is deferred still happens.
//
// The places, in the order in which one activity passes them:
//
//	intended     the activity is announced in the log, nothing else exists
//	prepared     its folder and prompt exist
//	handed-over  its secrets are in Podman's store
//	created      its container exists
//	started      its container runs
//	reported     the guest's result was read
//	synced       the record is safe on disk
//	performed    the outcome is known
//	recorded     the outcome is in the log
//	released     the container is gone
//
// And those of an import:
//
//	import-snapshots   its snapshots are in place, nothing else
//	import-attempts    its attempts are too
//	import-stored      its workflow is in the store
//
// And of an undo:
//
//	undo-begun  the tasks are open again, the files are as they were
//	files-back  the files are back
package failpoint

// Names lists the places in the order above.
var Names = []string{
	"intended", "prepared", "handed-over", "created", "started", "reported", "synced", "performed", "recorded", "released",
}
