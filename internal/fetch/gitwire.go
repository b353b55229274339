package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// maxAdvert bounds the list of refs, in bytes.
const maxAdvert = 64 << 20

// decodeAdvert reads the list of refs.
func decodeAdvert(s Source, r io.Reader) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(io.LimitReader(r, maxAdvert))
	var said *pktline.ErrorLine
	switch {
	case errors.As(err, &said):
		return nil, wrong(s, "the server says: %s", strings.TrimSpace(said.Text))
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, wrong(s, "the repository is empty")
	case err != nil:
		return nil, wrong(s, "the server does not answer as a git server does: %v", err)
	}
	return adv, nil
}

// encodeRequest writes a request for a pack.
func encodeRequest(w io.Writer, req *packp.UploadPackRequest) error {
	if err := req.UploadRequest.Encode(w); err != nil {
		return err
	}
	return pktline.NewEncoder(w).EncodeString("done\n")
}

// decodePack reads the answer to a request up to the pack.
func decodePack(s Source, req *packp.UploadPackRequest, r io.ReadCloser) (io.ReadCloser, error) {
	resp := packp.NewUploadPackResponse(req)
	if err := resp.Decode(r); err != nil {
		r.Close()
		return nil, wrong(s, "the server does not give it out: %v", err)
	}
	if !req.Capabilities.Supports(capability.Sideband64k) {
		return resp, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{sideband.NewDemuxer(sideband.Sideband64k, resp), resp}, nil
}

// httpWire is git's smart protocol over https.
type httpWire struct {
	f    *Fetcher
	s    Source
	base string // of the repository, after redirects
}

func (w *httpWire) close() {}

func (w *httpWire) advert(ctx context.Context) (*packp.AdvRefs, error) {
	const question = "/info/refs"
	base := "https://" + w.s.Host + escape(w.s.Path)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+question+"?service=git-upload-pack", nil)
	if err != nil {
		return nil, wrong(w.s, "%v", err)
	}
	resp, err := w.f.do(r, w.s)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "application/x-git-upload-pack-advertisement" {
		e := wrong(w.s, "%s answers with %q and not as a git server does", w.s.Host, kind)
		e.Hints = []string{"check the address; servers without git's smart protocol are not supported"}
		return nil, e
	}
	final := *resp.Request.URL
	final.RawQuery = ""
	if w.base = strings.TrimSuffix(final.String(), question); w.base == final.String() {
		return nil, wrong(w.s, "the server redirects to %s, which is no repository", final.Redacted())
	}
	body := bufio.NewReader(resp.Body)
	adv, err := decodeAdvert(w.s, body)
	if err != nil && ctx.Err() != nil {
		return nil, w.f.explain(ctx, w.s, err)
	}
	return adv, err
}

func (w *httpWire) pack(ctx context.Context, req *packp.UploadPackRequest) (io.ReadCloser, error) {
	var body bytes.Buffer
	if err := encodeRequest(&body, req); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+"/git-upload-pack", &body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	r.Header.Set("Accept", "application/x-git-upload-pack-result")
	resp, err := w.f.do(r, w.s) //nolint:bodyclose // the pack's reader closes it
	if err != nil {
		return nil, err
	}
	return decodePack(w.s, req, resp.Body)
}

// sshWire is git's protocol over one SSH session.
type sshWire struct {
	f       *Fetcher
	s       Source
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	said    *bytes.Buffer
	stop    func() bool
}

// overSSH logs in and starts git-upload-pack.
func (f *Fetcher) overSSH(ctx context.Context, s Source) (wire, error) {
	host, port := strings.Trim(s.Host, "[]"), 0
	if h, p, err := net.SplitHostPort(s.Host); err == nil {
		host = h
		port, _ = strconv.Atoi(p)
	}
	if f.o.SSH == nil {
		return nil, wrong(s, "SSH is not available")
	}
	client, err := f.o.SSH(ctx, s.User, host, port)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTooLong) {
			return nil, cause
		}
		return nil, sshError(s, err)
	}
	w := &sshWire{f: f, s: s, client: client, said: &bytes.Buffer{}}
	w.stop = context.AfterFunc(ctx, func() { client.Close() })
	if err := w.start(); err != nil {
		w.close()
		return nil, f.explain(ctx, s, err)
	}
	return w, nil
}

// sshError keeps the hints of a login that failed.
func sshError(s Source, err error) error {
	e := unreachable(s, err)
	if exit.Status(err) == exit.Unreachable {
		var known exit.Error
		if errors.As(err, &known) {
			e.Hints = known.NextSteps()
		}
	}
	return e
}

func (w *sshWire) start() (err error) {
	if w.session, err = w.client.NewSession(); err != nil {
		return err
	}
	if w.in, err = w.session.StdinPipe(); err != nil {
		return err
	}
	if w.out, err = w.session.StdoutPipe(); err != nil {
		return err
	}
	w.session.Stderr = &capped{buf: w.said, left: 4096}
	return w.session.Start("git-upload-pack '" + strings.ReplaceAll(w.s.Path, "'", `'\''`) + "'")
}

func (w *sshWire) close() {
	w.stop()
	w.client.Close()
}

func (w *sshWire) advert(ctx context.Context) (*packp.AdvRefs, error) {
	adv, err := decodeAdvert(w.s, w.out)
	if err == nil {
		return adv, nil
	}
	if ctx.Err() != nil {
		return nil, w.f.explain(ctx, w.s, err)
	}
	w.in.Close()                                     // else the server may wait for a request
	if w.session.Wait() != nil && w.said.Len() > 0 { // the server's own words say more
		return nil, wrong(w.s, "the server says: %s", strings.TrimSpace(w.said.String()))
	}
	return nil, err
}

func (w *sshWire) pack(_ context.Context, req *packp.UploadPackRequest) (io.ReadCloser, error) {
	if err := encodeRequest(w.in, req); err != nil {
		return nil, fmt.Errorf("cannot ask for it: %w", err)
	}
	return decodePack(w.s, req, io.NopCloser(w.out))
}

// capped keeps the first bytes that are written to it.
type capped struct {
	buf  *bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	c.buf.Write(p[:n])
	return len(p), nil
}
