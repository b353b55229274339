package pve_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
)

const challenge = `{"ticket":"PVE:!tfa!{\"totp\"%3Atrue}:66000000::sig","username":"root@pam","CSRFPreventionToken":"x","NeedTFA":1}`

// login is a server that wants a second factor and accepts one code.
func login(t *testing.T, first string) *fake {
	f := newFake(t)
	f.handle("POST /access/ticket", func(c call) answer {
		switch {
		case c.body["tfa-challenge"] == nil && c.body["password"] == "right":
			return ok(first)
		case c.body["tfa-challenge"] == "PVE:!tfa!{\"totp\"%3Atrue}:66000000::sig" && c.body["password"] == "totp:123456":
			return ok(`{"ticket":"PVE:root@pam:66000000::sig","username":"root@pam","CSRFPreventionToken":"x"}`)
		}
		return answer{401, "authentication failure", `{"data":null,"message":"authentication failure\n"}`}
	})
	f.handle("GET /version", func(c call) answer {
		if c.header.Get("Cookie") != "PVEAuthCookie=PVE:root@pam:66000000::sig" {
			return answer{401, "No ticket", ""}
		}
		return ok(`{"version":"9.2.11","release":"9.2"}`)
	})
	return f
}

func TestSecondFactor(t *testing.T) {
	left := errors.New("the person left")
	for _, tt := range []struct {
		name, password, first string
		codes                 []string
		end                   error // of the question, once there is no code left
		want                  string
		asked                 int
	}{
		{"at once", "right", challenge, []string{"123456"}, nil, "", 1},
		{"at the second try", "right", challenge, []string{"000000", " 123456\n"}, nil, "", 2},
		{"never", "right", challenge, []string{"1", "2", "3", "4"}, nil, "cannot log in to Proxmox at HOST: the code of the second factor is not accepted; no code is accepted twice", 3},
		{"not answered", "right", challenge, nil, left, left.Error(), 1},
		{"wrong password", "wrong", challenge, nil, left, "cannot log in to Proxmox at HOST: the user root@pam or the password is not accepted", 0},
		{"only a key", "right", `{"ticket":"PVE:!tfa!{\"webauthn\"%3A{}}:66000000::sig","NeedTFA":1}`, nil, left, "cannot log in to Proxmox at HOST: root@pam needs a second factor that is no code of an authenticator app", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := login(t, tt.first)
			c := f.clientWith(t, pve.Options{User: "root@pam", Password: tt.password})
			asked := 0
			err := c.LogIn(context.Background(), func(_ context.Context, again bool) (string, error) {
				asked++
				if again != (asked > 1) {
					t.Errorf("again is %v at try %d", again, asked)
				}
				if asked > len(tt.codes) {
					return "", tt.end
				}
				return tt.codes[asked-1], nil
			})
			if asked != tt.asked {
				t.Errorf("asked %d times", asked)
			}
			got := ""
			if err != nil {
				got = strings.Replace(err.Error(), strings.TrimPrefix(f.URL, "https://"), "HOST", 1)
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if tt.want != "" {
				return
			}
			if v, err := c.Version(context.Background()); err != nil || v.Release != "9.2" {
				t.Errorf("%v %v", v, err)
			}
		})
	}
}
