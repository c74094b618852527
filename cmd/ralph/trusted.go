package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/hooks"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
	"github.com/wrapix/wrapix/trust"
	"github.com/wrapix/wrapix/webhook"
)

// What reaches the host takes effect here, and only where a person has approved it. All of it comes from the
// configuration as the session read it: what becomes of the file while the session lasts changes nothing.

// approval makes the workflow wait where the configuration reaches the host in a way that nobody has approved, and
// ends the waits that starting again ends.
func (s *session) approval(ctx context.Context, w engine.Workflow) (engine.Workflow, error) {
	if !s.trust.Trusted() {
		return s.runner.Do(ctx, w.ID, engine.AwaitApproval{Message: s.trust.Summary()})
	}
	w, err := s.runner.Do(ctx, w.ID, engine.Approve{})
	if err != nil {
		return w, err
	}
	return s.runner.Do(ctx, w.ID, engine.Unblock{})
}

// checkTrust compares the configuration with what was approved.
func (p *project) checkTrust(state string, c config.Config) (trust.Difference, error) {
	d, err := trust.Check(state, p.root, trust.List(c))
	if err != nil {
		err = &engine.Hint{Err: err, Try: "wrapix trust"}
	}
	return d, err
}

// approvedProfile merges a profile as far as a person approved what its image is made with: build steps run with the
// host's network. A workflow is started before anything is approved, and looks at the project in a sandbox; then the
// built-in profile has to do that the named one extends.
func (s *session) approvedProfile(name string) (profile.Profile, error) {
	p, err := s.conf.AgentProfile(name)
	if err != nil || s.trust.Of("profiles.").Trusted() {
		return p, err
	}
	for _, extended := range slices.Backward(p.Chain) {
		if p, err = profile.Builtin().Resolve(extended); err == nil {
			break
		}
	}
	return p, err
}

// programs are the hooks of the configuration.
func programs(c config.Hooks) map[engine.Hook][]string {
	return map[engine.Hook][]string{
		engine.PreLoop: c.PreLoop, engine.PreStep: c.PreStep, engine.PostStep: c.PostStep, engine.PostLoop: c.PostLoop,
	}
}

// hooks are the programs that run around the work: none, unless they are trusted.
func (s *session) hooks() engine.Hooks {
	if !s.trust.Trusted() {
		return nil
	}
	c := s.conf.Hooks
	return &toldHooks{&hooks.Hooks{
		Project: s.root, Programs: programs(c), OnFailure: engine.OnFailure(c.OnFailure), Timeout: c.Timeout,
	}, s.show}
}

// toldHooks tells a person of what no event tells: the hook after a workflow that has ended.
type toldHooks struct {
	*hooks.Hooks
	show progress
}

// Run runs the program of a hook; see [engine.Hooks].
func (h *toldHooks) Run(ctx context.Context, c engine.HookCall) (engine.HookOutcome, error) {
	o, err := h.Hooks.Run(ctx, c)
	if err == nil && c.State.Ended() && o.Failed != "" {
		h.show.note(fmt.Sprintf("hook %s failed: %s", c.Hook, o.Failed))
	}
	return o, err
}

// endLoop runs the hook after a loop, also after one that was stopped.
func (s *session) endLoop(ctx context.Context, w engine.Workflow) engine.Workflow {
	after, err := s.runner.EndLoop(context.WithoutCancel(ctx), w)
	if err != nil {
		s.show.note(fmt.Sprintf("hook %s: %v", engine.PostLoop, err))
		return w
	}
	return after
}

// openWebhook begins to tell the configured address of waits and ends.
func (s *session) openWebhook(ctx context.Context) error {
	n := s.conf.Notify
	if n.Webhook == "" || !s.trust.Trusted() || s.webhook != nil {
		return nil
	}
	key, err := webhook.ReadKey(s.root, n.WebhookSecret.File, n.WebhookSecret.Env)
	if err != nil {
		return usagef("", "read notify.webhook_secret: %w", err)
	}
	s.webhook, err = webhook.Open(ctx, webhook.Options{
		URL: n.Webhook, Key: key, State: s.state, StoreID: s.store.ID(), Program: "ralph/" + version, Log: s.store, Now: s.now, Note: s.show.note,
	})
	return err
}

// checkHost says what of the configuration is not approved, or cannot work.
func (p *project) checkHost(ctx context.Context, c config.Config) []sandbox.Finding {
	state, err := p.stateDir()
	if err != nil {
		return nil // told elsewhere
	}
	d, err := p.checkTrust(state, c)
	switch {
	case err != nil:
		return []sandbox.Finding{broken("trust", err)}
	case !d.Trusted():
		return []sandbox.Finding{{Severity: warning, Code: "trust", Text: d.Summary(), Fix: "wrapix trust"}}
	case len(d.List) == len(d.Narrower):
		return nil
	}
	findings := []sandbox.Finding{{Severity: fine, Code: "trust", Text: "what reaches the host is approved: " + count(len(d.List), "setting")}}
	for _, hook := range []engine.Hook{engine.PreLoop, engine.PreStep, engine.PostStep, engine.PostLoop} {
		if args := programs(c.Hooks)[hook]; len(args) > 0 {
			if err := hooks.Check(p.root, args[0]); err != nil {
				findings = append(findings, broken("hook", fmt.Errorf("the hook %s cannot run: %s: %w", hook, args[0], err)))
			}
		}
	}
	findings = append(findings, p.checkKey(c.Sandbox.DeployKey)...)
	if _, err := webhook.ReadKey(p.root, c.Notify.WebhookSecret.File, c.Notify.WebhookSecret.Env); err != nil {
		findings = append(findings, broken("webhook", fmt.Errorf("read notify.webhook_secret: %w", err)))
	}
	return append(findings, p.checkGiven(ctx, state, c)...)
}

// webhookFindings say what was not delivered yet.
func (p *project) webhookFindings(ctx context.Context, state string, log webhook.Log) []sandbox.Finding {
	left, err := webhook.Look(ctx, state, log, p.now())
	if err != nil {
		return []sandbox.Finding{broken("webhook", fmt.Errorf("webhook: %w", err))}
	}
	if left.Events == 0 {
		return nil
	}
	text := fmt.Sprintf("the webhook was not told of %s yet", count(left.Events, "event"))
	if t := left.Trouble; t != nil {
		text += fmt.Sprintf(" (%s since %s: %s)", count(t.Tries, "attempt"), t.Since.Local().Format("2006-01-02 15:04"), t.Error)
	}
	return []sandbox.Finding{{Severity: warning, Code: "webhook", Text: text, Fix: "ralph loop"}}
}

// webhookTrouble is a line about a webhook that takes no deliveries, or nothing.
func (p *project) webhookTrouble() string {
	state, err := p.stateDir()
	if err != nil {
		return ""
	}
	t, err := webhook.LastTrouble(state)
	if err != nil || t == nil {
		return ""
	}
	return fmt.Sprintf("the webhook takes no deliveries since %s: %s\n", t.Since.Local().Format("2006-01-02 15:04"), terminal.Line(t.Error))
}
