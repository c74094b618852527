package doctor

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// Without a network nobody can say that a clock is right. What this host can say is what contradicts it: a file that is
// from later than now, a file system with another time (one of the network has its server's), and the kernel, which
// knows whether something keeps its clock right.

// skew is what two clocks may differ before it is told.
const skew = 2 * time.Second

// marks are files that a host has from an earlier moment, whatever its clock shows: our program, and where services of
// time note that they were here.
func marks() (files []string) {
	if program, err := os.Executable(); err == nil {
		files = append(files, program)
	}
	return append(files, "/etc/os-release", "/var/lib/systemd/timesync/clock", "/var/lib/chrony/drift", "/var/log/wtmp")
}

func (o Options) clock(context.Context) []sandbox.Finding {
	folder := o.State
	if folder == "" {
		folder = os.TempDir()
	}
	r := readings{kept: clockKept(), systemd: systemdRuns()}
	for _, file := range append(marks(), folder) {
		if fi, err := os.Stat(file); err == nil && fi.ModTime().After(r.latest) {
			r.latest, r.of = fi.ModTime(), file
		}
	}
	if f, err := os.CreateTemp(folder, ".doctor-"); err == nil {
		if fi, err := f.Stat(); err == nil {
			r.folder, r.files = folder, fi.ModTime()
		}
		f.Close()
		os.Remove(f.Name())
	}
	r.now = time.Now()
	return []sandbox.Finding{r.finding()}
}

// readings is what is known of the time.
type readings struct {
	now    time.Time
	latest time.Time // the latest time of a file that is from before
	of     string    // that file
	files  time.Time // of a file that was written just now
	folder string    // there
	kept   kept

	systemd bool // which has a service of time
}

// kept says whether something keeps the kernel's clock right.
type kept string

const (
	keptUnknown kept = ""
	keptNot     kept = "no"
	keptRight   kept = "yes"
)

func (r readings) finding() sandbox.Finding {
	synchronise := "sudo apt-get install chrony"
	if r.systemd {
		synchronise = "sudo timedatectl set-ntp true"
	}
	f := sandbox.Finding{Severity: sandbox.SeverityWarning, Check: "clock", Fix: synchronise, By: sandbox.ByRoot}
	shown := r.now.UTC().Format(time.DateTime) + " UTC"
	switch {
	case r.latest.Sub(r.now) > skew:
		f.Code = "clock-behind"
		f.Text = fmt.Sprintf("the clock shows %s, and %s is from %s: it is behind, or was ahead", shown, r.of, r.latest.UTC().Format(time.DateTime))
	case !r.files.IsZero() && r.now.Sub(r.files).Abs() > skew:
		f.Code, f.By = "clock-files", sandbox.ByHand
		f.Text = fmt.Sprintf("the clock differs by %s from that of the file system of %s", r.now.Sub(r.files).Abs().Round(time.Second), r.folder)
		f.Fix = "set the clocks of this host and of its file server"
	case r.kept == keptNot:
		f.Code = "clock-unkept"
		f.Text = "the clock shows " + shown + ", and nothing keeps it right, says the kernel"
	case r.kept == keptRight:
		return sandbox.Finding{Severity: sandbox.SeverityOK, Check: "clock", Code: "clock", Text: "the clock is kept right, says the kernel"}
	default:
		return sandbox.Finding{Severity: sandbox.SeverityOK, Check: "clock", Code: "clock", Text: "nothing contradicts the clock, which shows " + shown}
	}
	return f
}
