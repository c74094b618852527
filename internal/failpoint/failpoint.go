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
// Below each of them, and in this order where both are passed:
//
//	snapshot-written  the objects of a snapshot are in the repository, and no name leads to them
//	snapshot-named    the name leads to it
//	storing           events are about to be written, and nothing of them is in the database's file
//	stored            they are on the disk, and nobody was told of it
//
// Of what goes with the activities:
//
//	hook-ran   a hook has ended, and the log does not know
//	notified   a person was told of a wait, and the log does not know
//	delivered  the webhook was told, and its file does not know
//
// Of the database's file, each before and after a whole and synced one takes its name:
//
//	create-written, create-named    a new one
//	copy-written, copy-named        the copy before a migration
//	compact-written, compact-named  a compacted one
//	backup-written, backup-named    the copy for a person
//
// A recovery passes first
//
//	swept      what belongs to no announced activity is gone
//
// and then, for each activity that it takes up, those from reported on.
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

// Activity lists the places that each activity passes, in the order above.
var Activity = []string{
	"intended", "prepared", "handed-over", "created", "started", "reported", "synced", "performed", "recorded", "released",
}

// Inner lists those below them.
var Inner = []string{"snapshot-written", "snapshot-named", "storing", "stored"}

// Recovery lists those of a recovery.
var Recovery = []string{"swept", "reported", "synced", "performed", "recorded", "released"}
