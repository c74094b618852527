package image

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// BillCommand prints, in a sandbox that is made from an image, what ReadBill reads.
func BillCommand() []string { return []string{"cat", "/etc/os-release", "/var/lib/dpkg/status"} }

// Bill is what an image says that it is made of.
type Bill struct {
	System   string // the distribution's id, as in os-release
	Packages []Package
}

// Package is one that Debian's package manager has installed.
type Package struct{ Name, Version, Arch string }

// longestLine bounds a line of the package manager's file; real ones have some thousand bytes.
const longestLine = 1 << 20

// ReadBill reads what BillCommand prints: whose distribution it is, and what its package manager knows. Packages come in the order of their names, each once; one that was
// removed and left its configuration is none of them.
func ReadBill(r io.Reader) (Bill, error) {
	b := Bill{System: "debian"}
	var p Package
	installed := false
	end := func() {
		if installed && p.Name != "" {
			b.Packages = append(b.Packages, p)
		}
		p, installed = Package{}, false
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		line := lines.Text()
		if id, ok := strings.CutPrefix(line, "ID="); ok && len(b.Packages) == 0 && p.Name == "" {
			if id = strings.ToLower(strings.Trim(id, `"'`)); id != "" {
				b.System = id
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case line == "":
			end()
		case key == "Package":
			p.Name = value
		case key == "Version":
			p.Version = value
		case key == "Architecture":
			p.Arch = value
		case key == "Status":
			installed = strings.HasSuffix(value, " installed")
		}
	}
	end()
	if err := lines.Err(); err != nil {
		return Bill{}, fmt.Errorf("read the list of packages: %w", err)
	}
	slices.SortFunc(b.Packages, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version))
	})
	b.Packages = slices.Compact(b.Packages)
	return b, nil
}

// Write writes the bill of an image as a CycloneDX document. It has no time and no random number in it: the same image
// has the same document.
func (b Bill) Write(w io.Writer, s Shown) error {
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{
		BOMRef: "image", Type: cyclonedx.ComponentTypeContainer, Name: s.Ref, Version: s.Digest,
	}}
	components := make([]cyclonedx.Component, 0, len(b.Packages))
	for _, p := range b.Packages {
		purl := p.url(b.System)
		components = append(components, cyclonedx.Component{
			BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, PackageURL: purl,
			Properties: &[]cyclonedx.Property{{Name: "wrapix:architecture", Value: p.Arch}},
		})
	}
	bom.Components = &components
	e := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	if err := e.SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return nil
}

// url names the package as https://github.com/package-url/purl-spec has it.
func (p Package) url(system string) string {
	return "pkg:deb/" + escape(system) + "/" + escape(p.Name) + "@" + escape(p.Version) + "?arch=" + escape(p.Arch)
}

// escape leaves letters, digits and ".-_~" as they are, and ":", as the specification wants it.
func escape(s string) string {
	return strings.NewReplacer("+", "%20", "%3A", ":").Replace(url.QueryEscape(s))
}
