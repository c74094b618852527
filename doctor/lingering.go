package doctor

import (
	"context"
	"os"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/service"
)

// lingering looks whether what runs for the user is ended when the last session does.
func lingering(context.Context) []sandbox.Finding {
	return []sandbox.Finding{lingeringOn(systemdRuns(), service.Lingers())}
}

// systemdRuns asks as sd_booted(3) does.
func systemdRuns() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

func lingeringOn(systemd, lingers bool) sandbox.Finding {
	f := sandbox.Finding{Severity: sandbox.SeverityOK, Check: "lingering", Code: "lingering", Text: "what runs for you goes on after you log out"}
	switch {
	case !systemd:
		f.Text = "there is no systemd here, which would end what runs for you when you log out"
	case !lingers:
		f.Severity, f.Text = sandbox.SeverityWarning, "systemd ends what runs for you, sandboxes too, when you log out"
		f.Fix, f.By = "loginctl enable-linger", sandbox.ByUser
	}
	return f
}
