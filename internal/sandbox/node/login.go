package node

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// Login has the credentials for a client.
type Login struct {
	User, Password     string
	TokenID, TokenUUID string // user@realm!name and its secret
}

// Login returns root's password and the token that every sandbox has.
func (n *Node) Login() Login {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Login{"root@pam", n.st.Access.Users["root@pam"].Password, defaultToken, n.st.Access.Tokens[defaultToken].Secret}
}

// Token checks an API token and returns its user.
func (n *Node) Token(id, secret string) (Auth, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, ok := n.st.Access.Tokens[id]
	if !ok || subtle.ConstantTimeCompare([]byte(t.Secret), []byte(secret)) != 1 {
		return Auth{}, false
	}
	name, tok, _ := strings.Cut(id, "!")
	return Auth{name, tok}, n.st.Access.Users[name].enabled(n.opt.Now()) && (t.Expire == 0 || t.Expire > n.opt.Now().Unix())
}

// Password checks a password login.
func (n *Node) Password(user, password string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.st.Access.Users[user]
	return u.enabled(n.opt.Now()) && u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
}

// ticketLife is Proxmox's: two hours, and five minutes of clock skew.
const ticketLife = 2 * time.Hour

// Ticket signs a ticket and its CSRF prevention token for a user.
func (n *Node) Ticket(user string) (ticket, csrf string) {
	now := fmt.Sprintf("%08X", n.opt.Now().Unix())
	plain := "PVE:" + user + ":" + now
	return plain + "::" + n.signLong(plain), now + ":" + n.sign("CSRF:"+now+":"+user)
}

// CheckTicket returns whose ticket it is.
func (n *Node) CheckTicket(ticket string) (Auth, bool) {
	plain, sig, ok := strings.Cut(ticket, "::")
	if !ok || !hmac.Equal([]byte(sig), []byte(n.signLong(plain))) {
		return Auth{}, false
	}
	var user, stamp string
	if f := strings.Split(plain, ":"); len(f) == 3 {
		user, stamp = f[1], f[2]
	}
	return Auth{User: user}, n.fresh(stamp)
}

// vncTicketLife is Proxmox's, with 20 s of clock skew.
const vncTicketLife = 40 * time.Second

// vncTicket lets who asks into a container's console. The user and the path are
// signed, not told.
func (n *Node) vncTicket(a Auth, vmid int) string {
	plain := fmt.Sprintf("PVEVNC:%08X", n.opt.Now().Unix())
	return plain + "::" + n.signLong(plain+vncSecret(a, vmid))
}

func vncSecret(a Auth, vmid int) string { return fmt.Sprintf(":%s:/vms/%d", a.ID(), vmid) }

// CheckVNCTicket refuses a ticket that is not of this user and container, or too
// old, as verify_vnc_ticket does.
func (n *Node) CheckVNCTicket(a Auth, vmid int, ticket string) error {
	plain, sig, _ := strings.Cut(ticket, "::")
	var at int64
	_, err := fmt.Sscanf(plain, "PVEVNC:%08X", &at)
	age := n.opt.Now().Sub(time.Unix(at, 0))
	if err != nil || !hmac.Equal([]byte(sig), []byte(n.signLong(plain+vncSecret(a, vmid)))) || age < -20*time.Second || age > vncTicketLife {
		return &Error{Status: 401, Message: "permission denied - invalid PVEVNC ticket"}
	}
	return nil
}

// CheckCSRF checks the CSRF prevention token that every write with a ticket
// must carry.
func (n *Node) CheckCSRF(user, csrf string) bool {
	stamp, sig, ok := strings.Cut(csrf, ":")
	return ok && hmac.Equal([]byte(sig), []byte(n.sign("CSRF:"+stamp+":"+user))) && n.fresh(stamp)
}

func (n *Node) fresh(stamp string) bool {
	var at int64
	if _, err := fmt.Sscanf(stamp, "%08X", &at); err != nil {
		return false
	}
	age := n.opt.Now().Sub(time.Unix(at, 0))
	return age > -5*time.Minute && age < ticketLife
}

func (n *Node) sign(s string) string {
	m := hmac.New(sha1.New, []byte(n.st.Access.Secret))
	m.Write([]byte(s))
	return base64.RawStdEncoding.EncodeToString(m.Sum(nil))
}

// signLong signs a ticket, as long as the RSA signature that it has on a genuine node.
func (n *Node) signLong(s string) string {
	var sum []byte
	for i := range byte(4) {
		m := hmac.New(sha512.New, []byte(n.st.Access.Secret))
		m.Write(append([]byte{i}, s...))
		sum = m.Sum(sum)
	}
	return base64.StdEncoding.EncodeToString(sum)
}
