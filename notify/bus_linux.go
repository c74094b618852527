package notify

import (
	"context"
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"
)

// service is the desktop's notification service on the session bus.
const service = "org.freedesktop.Notifications"

// probe asks the desktop's notification service what it can do: whether it reads the body of a notification as markup.
// The error says that there is none, or none that answers.
func probe(ctx context.Context) (markup bool, err error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return false, fmt.Errorf("find the session bus: %w", err)
	}
	defer conn.Close()
	if err := conn.Auth(nil); err != nil {
		return false, fmt.Errorf("connect to the session bus: %w", err)
	}
	if err := conn.Hello(); err != nil {
		return false, fmt.Errorf("connect to the session bus: %w", err)
	}
	var capabilities []string
	object := conn.Object(service, "/org/freedesktop/Notifications")
	call := object.CallWithContext(ctx, service+".GetCapabilities", 0)
	if err := call.Store(&capabilities); err != nil {
		return false, fmt.Errorf("ask the notification service: %w", err)
	}
	return slices.Contains(capabilities, "body-markup"), nil
}

// hangUp closes the connection that beeep shares with everybody in this process, which is only us. Its calls return
// with an error; the next one connects again. Only after a probe that worked: without a bus, SessionBus starts one.
func hangUp() {
	if conn, err := dbus.SessionBus(); err == nil {
		conn.Close()
	}
}
