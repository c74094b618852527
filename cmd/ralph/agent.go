package main

import (
	"fmt"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

// driverOf is what runs the agent of a configuration.
func driverOf(a config.Agent) agent.Driver {
	if a.Kind == config.AgentClaude {
		return agent.Claude{Model: a.Model, BaseURL: a.BaseURL, Args: a.Args}
	}
	return agent.Command{Args: a.Command}
}

// checkAgent says which client works, and how it is signed in. Whether the service takes the login shows the first attempt:
// to ask would be a request to it.
func checkAgent(c config.Config) sandbox.Finding {
	program, err := config.Program(string(c.Agent.Kind))
	if err != nil {
		return broken("agent", err)
	}
	return sandbox.Finding{Severity: fine, Code: "agent", Text: fmt.Sprintf("the agent is %s, signed in by %s", program, c.Login())}
}
