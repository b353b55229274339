package node

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// totp is a user's second factor (RFC 6238), as proxmox-tfa keeps it.
type totp struct {
	ID          string `json:"id"`
	Created     int64  `json:"created"` // in seconds since 1970
	Key         []byte `json:"key"`
	Description string `json:"description"`
	Used        int64  `json:"used"` // the step of the last code: no code is accepted twice
}

const totpStep = 30 // seconds, with six digits and SHA-1: what otpauth:// means without more

// code is the code of one step.
func (t *totp) code(step int64) string {
	m := hmac.New(sha1.New, t.Key)
	_ = binary.Write(m, binary.BigEndian, step) // a hash never fails
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// step finds the step of a code among the present one and its neighbours.
func (t *totp) step(code string, now time.Time) (int64, bool) {
	for _, s := range []int64{0, -1, 1} {
		if step := now.Unix()/totpStep + s; hmac.Equal([]byte(t.code(step)), []byte(code)) {
			return step, true
		}
	}
	return 0, false
}

// AddTOTP is POST /access/tfa/USER of type totp. Everybody but root@pam repeats the
// password of the login that asks.
func (n *Node) AddTOTP(a Auth, p Params) (map[string]any, error) {
	if p["type"] != "totp" {
		return nil, fail("the sandbox knows no second factor but totp")
	}
	if !a.isRoot() && !n.Password(a.User, p["password"]) {
		return nil, &Error{Status: 401, Message: "authentication failure"}
	}
	u, err := url.Parse(p["totp"])
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return nil, fail("failed to parse totp url")
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(u.Query().Get("secret"), "=")))
	if err != nil || len(key) == 0 {
		return nil, fail("missing secret in otpauth url")
	}
	t := &totp{ID: uuid(), Created: n.opt.Now().Unix(), Key: key, Description: p["description"]}
	if _, ok := t.step(p["value"], n.opt.Now()); !ok {
		return nil, fail("failed to verify TOTP challenge")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	user := n.st.Access.Users[p["userid"]]
	if user == nil {
		return nil, fail("no such user ('%s')", p["userid"])
	}
	user.TOTP = t
	return map[string]any{"id": t.ID}, n.save()
}

// NeedsTOTP reports whether a password alone is not enough for a user.
func (n *Node) NeedsTOTP(user string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.st.Access.Users[user]
	return u != nil && u.TOTP != nil
}

// TOTP checks a response to a challenge, "totp:CODE".
func (n *Node) TOTP(user, response string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.st.Access.Users[user]
	code, ok := strings.CutPrefix(response, "totp:")
	if !ok || u == nil || u.TOTP == nil {
		return false
	}
	step, ok := u.TOTP.step(code, n.opt.Now())
	if !ok || step <= u.TOTP.Used {
		return false
	}
	u.TOTP.Used = step
	return n.save() == nil
}

// Challenge is the ticket of a user after the password and before the second factor. Its
// signature covers the user's name, but the name is not in it.
func (n *Node) Challenge(user string) string {
	plain := fmt.Sprintf(`PVE:!tfa!{"totp"%%3Atrue}:%08X`, n.opt.Now().Unix())
	return plain + "::" + n.sign(plain+":"+user)
}

// CheckChallenge reports whether a challenge is this user's and not too old.
func (n *Node) CheckChallenge(user, ticket string) bool {
	plain, sig, ok := strings.Cut(ticket, "::")
	if !ok || !strings.HasPrefix(plain, "PVE:!tfa!") || !hmac.Equal([]byte(sig), []byte(n.sign(plain+":"+user))) {
		return false
	}
	return n.fresh(plain[strings.LastIndexByte(plain, ':')+1:])
}
