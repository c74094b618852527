package podman

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
)

// A build whose service is killed is begun anew with another one, and leaves nothing of the first. One whose services are
// killed each time ends with an error that says so.
func TestServiceKilledWhileBuilding(t *testing.T) {
	for kills, done := range map[int32]bool{1: true, buildTries: false} {
		t.Run(fmt.Sprint(kills), func(t *testing.T) {
			e := ownService(t)
			base := testImage(t, e)
			var asked atomic.Int32
			// A step asks here when it runs, and waits for the answer.
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) <= kills {
					e.link.kill()
				}
				fmt.Fprintln(w, "go on")
			}))
			defer server.Close()
			ref := fmt.Sprintf("localhost/wrapix-test-build-%d:%d", os.Getpid(), kills)
			mark := fmt.Sprintf("test-%d-%d", os.Getpid(), kills)
			err := e.BuildImage(t.Context(), image.Build{
				Containerfile: fmt.Sprintf("FROM %s\nRUN wget -q -O /answer %s\n", base, server.URL), Ref: ref, Mark: mark, Created: time.Unix(0, 0),
			}, io.Discard)
			if (err == nil) != done {
				t.Errorf("killed %d times: %v", kills, err)
			}
			var said *sandbox.Error
			if !done && (!errors.As(err, &said) || !strings.Contains(err.Error(), "the service of Podman ended 3 times while it built") || said.Hint == "") {
				t.Errorf("the error is %v", err)
			}
			if _, err := e.Image(t.Context(), ref); errors.Is(err, image.ErrNotFound) == done {
				t.Errorf("the image: %v", err)
			}
			left := 0
			err = e.RemoveBuilds(t.Context(), func(_, of string) bool {
				if of == mark {
					left++
				}
				return of == mark
			})
			if err != nil || done && left > 0 {
				t.Errorf("%d containers of builds are left, %v", left, err)
			}
			if err := e.RemoveImage(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
}

// A build has nothing in its context but its own text, and neither its folder nor its mark is in the image.
func TestBuildIsOfItsText(t *testing.T) {
	e := ownService(t)
	base := testImage(t, e)
	var digests []string
	for i := range 2 {
		ref := fmt.Sprintf("localhost/wrapix-test-build-%d:text-%d", os.Getpid(), i)
		var said strings.Builder
		err := e.BuildImage(t.Context(), image.Build{
			Containerfile: "FROM " + base + "\nCOPY . /x\nRUN test \"$(ls -A /x)\" = Containerfile\n",
			Ref:           ref, Mark: fmt.Sprintf("mark-%d", i), Created: time.Unix(0, 0),
		}, &said)
		if err != nil {
			t.Fatal(err, said.String())
		}
		stored, err := e.Image(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, stored.Digest)
		if err := e.RemoveImage(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds of one text are %s", digests)
	}
}
