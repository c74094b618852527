package doctor

import (
	"context"
	"os"

	"github.com/wrapix/wrapix/notify"
	"github.com/wrapix/wrapix/sandbox"
)

// notifications asks the desktop's notification service whether it is there.
func notifications(ctx context.Context) []sandbox.Finding {
	return []sandbox.Finding{notificationsBy(notify.Ask(ctx), os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "")}
}

func notificationsBy(err error, desktop bool) sandbox.Finding {
	f := sandbox.Finding{Severity: sandbox.SeverityOK, Check: "notifications", Code: "notifications", Text: "the desktop's notification service answers"}
	if err == nil {
		return f
	}
	f.Severity = sandbox.SeverityWarning
	f.Text = "no notification service answers, so only the terminal's bell says that something waits for you: " + err.Error()
	f.Fix, f.By = "sudo apt-get install dunst", sandbox.ByRoot
	if !desktop {
		f.Fix, f.By = "on a host without a desktop, name a webhook as notify.webhook in wrapix.toml", sandbox.ByHand
	}
	return f
}
