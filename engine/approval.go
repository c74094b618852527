package engine

// AwaitApproval holds the workflow until a person has approved what its configuration does to the host. Message says
// what that is.
type AwaitApproval struct{ Message string }

// Approve ends that.
type Approve struct{}

// Another message is another wait: a person is told of it anew.
func (c AwaitApproval) decide(d *decision) error {
	wait := d.ev.w.hold(AwaitingApproval)
	if wait != nil && wait.Message == c.Message {
		return nil
	}
	if wait != nil {
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: AwaitingApproval, By: "change"})
	}
	d.emit(WaitEntered, "", 0, WaitData{Kind: AwaitingApproval, Message: c.Message})
	return nil
}

func (Approve) decide(d *decision) error {
	if d.ev.w.hold(AwaitingApproval) != nil {
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: AwaitingApproval, By: "approval"})
	}
	return nil
}
