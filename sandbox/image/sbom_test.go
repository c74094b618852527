package image

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

const packages = `PRETTY_NAME="Debian"
ID=debian
Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13.dfsg-1
Description: a library
 Package: of its description

Package: g++
Status: hold ok installed
Architecture: amd64
Version: 4:12.2.0-3+b1~x

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13.dfsg-1

Package: zlib1g
Status: install ok installed
Architecture: i386
Version: 1:1.2.13.dfsg-1`

func TestReadBill(t *testing.T) {
	bill, err := ReadBill(strings.NewReader(packages))
	want := Bill{"debian", []Package{
		{"g++", "4:12.2.0-3+b1~x", "amd64"}, {"zlib1g", "1:1.2.13.dfsg-1", "amd64"}, {"zlib1g", "1:1.2.13.dfsg-1", "i386"},
	}}
	if err != nil || !reflect.DeepEqual(bill, want) {
		t.Errorf("%+v, %v", bill, err)
	}
	for i, want := range []string{"pkg:deb/debian/g%2B%2B@4:12.2.0-3%2Bb1~x?arch=amd64", "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64"} {
		if got := bill.Packages[i].url(bill.System); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	for text, system := range map[string]string{"": "debian", "ID=\"Ubuntu\"\nPackage: a\nID=x\n": "ubuntu", "ID=\n": "debian"} {
		if bill, err := ReadBill(strings.NewReader(text)); err != nil || bill.System != system {
			t.Errorf("%q: %+v, %v", text, bill, err)
		}
	}
	if _, err := ReadBill(strings.NewReader(strings.Repeat("x", longestLine+1))); err == nil {
		t.Error("a line without an end was read")
	}
}

func TestWriteBill(t *testing.T) {
	bill, err := ReadBill(strings.NewReader(packages))
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	for _, to := range []*bytes.Buffer{&one, &two} {
		if err := bill.Write(to, Shown{Ref: "localhost/a:1", Digest: "sha256:00"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`"bomFormat": "CycloneDX"`, `"specVersion": "1.6"`, `"type": "container"`, `"name": "localhost/a:1"`, `"version": "sha256:00"`,
		`"purl": "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=i386"`,
	} {
		if !strings.Contains(one.String(), want) {
			t.Errorf("it has no %s:\n%s", want, one.String())
		}
	}
	if one.String() != two.String() || strings.Contains(one.String(), "timestamp") {
		t.Errorf("not the same each time:\n%s\n%s", one.String(), two.String())
	}
}
