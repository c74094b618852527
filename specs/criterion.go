package specs

// readCriteria reads the lists of the success criteria.
func (p *parse) readCriteria() {
	for _, s := range p.sections {
		if s.kind != criteriaSection {
			continue
		}
		before := len(p.spec.Criteria)
		p.eachItem(s, func(it item) {
			checks, text, description := p.readChecks(it, it.text, nil)
			if text == "" && len(checks.commands) > 0 {
				text = "`" + checks.commands[0] + "`"
			}
			if description != "" {
				text += "\n" + description
			}
			if len(checks.commands) == 0 {
				p.report.add(p.pos(it.at), CodeCriterionUnchecked, "criterion %s has no check", quote(firstLine(text)))
			}
			p.spec.Criteria = append(p.spec.Criteria, Criterion{
				Text: text, Done: it.done, Checks: checks.commands, Pos: p.pos(it.at),
			})
		})
		p.judgeItems(s, len(p.spec.Criteria) > before)
	}
}
