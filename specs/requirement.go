package specs

import "strings"

// readRequirements reads the lists of the requirements sections. What the author
// numbered keeps its id; the others get the ids that are left.
func (p *parse) readRequirements() {
	type found struct {
		Requirement
		written bool
	}
	var all []found
	numbers := map[RequirementKind]*numbering{Functional: newNumbering("R"), NonFunctional: newNumbering("N")}
	lines := map[string]int{}
	for _, s := range p.sections {
		kind, style := Functional, requirementIDs
		switch s.kind {
		case requirementsSection, functionalSection:
		case nonFunctionalSection:
			kind, style = NonFunctional, constraintIDs
		default:
			continue
		}
		before := len(all)
		p.eachItem(s, func(it item) {
			r := found{Requirement: Requirement{Kind: kind, Pos: p.pos(it.at)}}
			text := it.text
			if id, ok := p.idAt(it.text, style); ok && !id.bad {
				r.ID, r.written = id.id, true
				text.from = min(id.end, text.to)
				key := strings.ToLower(id.id)
				if line, taken := lines[key]; taken {
					p.report.add(p.pos(id.at), CodeDuplicateRequirement, "requirement %s is on line %d, too", quote(id.id), line)
				} else {
					lines[key] = r.Pos.Line
				}
				numbers[Functional].take(id.id)
				numbers[NonFunctional].take(id.id)
			}
			r.Text = p.flat(text, codeSpans(p.plain, text), nil)
			if body := p.description(it, nil); body != "" {
				r.Text += "\n" + body
			}
			all = append(all, r)
		})
		p.judgeItems(s, len(all) > before)
	}
	for _, r := range all {
		if !r.written {
			r.ID = numbers[r.Kind].free()
		}
		p.spec.Requirements = append(p.spec.Requirements, r.Requirement)
	}
}
