package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// The limits of one delivery.
const (
	patience    = 10 * time.Second
	longestBody = 64 << 10 // of an answer, which nobody reads
)

// document is the body of a delivery: a contract (docs/webhook.md).
type document struct {
	Schema   int               `json:"schema"`
	Delivery string            `json:"delivery"`
	Workflow engine.WorkflowID `json:"workflow"`
	Label    string            `json:"label"`
	Seq      uint64            `json:"seq"`
	Time     time.Time         `json:"time"`
	Type     engine.EventType  `json:"type"`
	Task     *engine.TaskID    `json:"task"`
	Attempt  *int              `json:"attempt"`
	Data     any               `json:"data"`
}

// post makes one delivery.
func (s *Sender) post(id engine.WorkflowID, label string, e engine.Event) error {
	d := document{
		Schema: 1, Delivery: fmt.Sprintf("%s-%s-%d", s.opts.StoreID, id, e.Seq),
		Workflow: id, Label: label, Seq: e.Seq, Time: e.Time, Type: e.Type, Data: e.Data,
	}
	if e.Task != "" {
		d.Task = &e.Task
	}
	if e.Attempt != 0 {
		d.Attempt = &e.Attempt
	}
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.opts.URL, bytes.NewReader(body))
	if err != nil {
		return s.fault(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.opts.Program)
	req.Header.Set("Ralph-Delivery", d.Delivery)
	req.Header.Set("Ralph-Event", string(e.Type))
	if len(s.opts.Key) > 0 {
		req.Header.Set("Ralph-Signature", sign(s.opts.Key, s.opts.Now(), body))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return s.fault(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, longestBody))
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return s.fault(fmt.Errorf("it answers %d, and a redirect is not followed", res.StatusCode))
	case res.StatusCode < 200 || res.StatusCode >= 300:
		return s.fault(fmt.Errorf("it answers %d", res.StatusCode))
	}
	return nil
}

// fault is an error with the host's name only: the rest of an address is often a secret.
func (s *Sender) fault(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	host := "the address"
	if u, parseErr := url.Parse(s.opts.URL); parseErr == nil {
		host = u.Hostname()
	}
	return fmt.Errorf("%s: %w", host, err)
}

// sign returns the signature of a body at a time, which keeps others from sending an old one again.
func sign(key []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// newClient returns a client that goes to the address and nowhere else. It keeps no connection: deliveries are rare.
func newClient(address string) *http.Client {
	dialer := &net.Dialer{Timeout: patience}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, DisableKeepAlives: true,
		TLSHandshakeTimeout: patience, MaxResponseHeaderBytes: longestBody, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if strings.HasPrefix(strings.ToLower(address), "http:") { // whatever the name resolves to: in clear on this host only
		transport.Proxy = nil
		dialer.Control = func(_, at string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(at)
			if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
				return errors.New("http:// is for this host only")
			}
			return nil
		}
	}
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
