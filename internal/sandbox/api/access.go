package api

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// The rules of users, tokens and the ACL, which are no privilege on one path.
const (
	mayMakeUser   = "@make-user"
	mayRemoveUser = "@remove-user"
	maySeeUser    = "@see-user"
	selfOrModify  = "@self-or-modify"
	selfOrSee     = "@self-or-see"
	mayGrant      = "@grant"
	mayClone      = "@clone"
	ticketOnly    = "@ticket-only" // and selfOrModify
)

// access are the routes of users, tokens, roles and the ACL.
func (s *Server) access() []route {
	const (
		userPath  = "/access/users/{userid}"
		tokenPath = userPath + "/token/{tokenid}"
		rolePath  = "/access/roles/{roleid}"
		admin     = "/access Sys.Modify"
	)
	n := s.node
	return []route{
		{"GET", "/access/users", "", true, func(c *call) (any, error) { return n.UserList(c.auth, c.params), nil }},
		{"POST", "/access/users", mayMakeUser, true, func(c *call) (any, error) { return nil, n.NewUser(c.params) }},
		{"GET", userPath, maySeeUser, false, func(c *call) (any, error) { return n.User(c.params["userid"]) }},
		{"PUT", userPath, maySeeUser, true, func(c *call) (any, error) {
			if err := c.permittedUser(mayRemoveUser); err != nil { // both want User.Modify
				return nil, err
			}
			return nil, n.ChangeUser(c.params)
		}},
		{"PUT", "/access/password", "", true, changePassword},
		{"DELETE", userPath, mayRemoveUser, true, func(c *call) (any, error) { return nil, n.DeleteUser(c.params["userid"]) }},
		{"GET", userPath + "/token", selfOrModify, false, func(c *call) (any, error) { return n.Tokens(c.params["userid"]) }},
		{"GET", tokenPath, selfOrModify, false, func(c *call) (any, error) { return n.TokenInfo(c.params["userid"], c.params["tokenid"]) }},
		{"POST", tokenPath, selfOrModify, true, newToken},
		{"PUT", tokenPath, selfOrModify, true, changeToken},
		{"DELETE", tokenPath, selfOrModify, true, func(c *call) (any, error) {
			return nil, n.DeleteToken(c.params["userid"], c.params["tokenid"])
		}},
		{"GET", "/access/roles", "", false, func(*call) (any, error) { return n.Roles(), nil }},
		{"POST", "/access/roles", admin, true, func(c *call) (any, error) { return nil, n.CreateRole(c.params["roleid"], split(c.params["privs"])) }},
		{"GET", rolePath, "", false, func(c *call) (any, error) { return n.Role(c.params["roleid"]) }},
		{"PUT", rolePath, admin, true, func(c *call) (any, error) {
			return nil, n.ModifyRole(c.params["roleid"], split(c.params["privs"]), c.params["append"] == "1")
		}},
		{"DELETE", rolePath, admin, true, func(c *call) (any, error) { return nil, n.DeleteRole(c.params["roleid"]) }},
		{"GET", "/access/acl", "", false, func(c *call) (any, error) { return n.ACLList(c.auth), nil }},
		{"PUT", "/access/acl", mayGrant, true, setACL},
		{"POST", "/access/tfa/{userid}", ticketOnly, true, func(c *call) (any, error) { return n.AddTOTP(c.auth, c.params) }},
	}
}

// split splits what Proxmox calls a list.
func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",; \t\n\x00", r) })
}

func newToken(c *call) (any, error) {
	privsep := c.params["privsep"] != "0"
	user, name, comment := c.params["userid"], c.params["tokenid"], c.params["comment"]
	secret, err := c.srv.node.NewToken(user, name, privsep, int64(c.number("expire", 0)), comment)
	if err != nil {
		return nil, err
	}
	info, err := c.srv.node.TokenInfo(user, name)
	if c.params["expire"] == "" {
		delete(info, "expire")
	}
	return map[string]any{"full-tokenid": user + "!" + name, "info": info, "value": secret}, err
}

// changePassword is a user's own affair, or that of somebody who may modify users.
func changePassword(c *call) (any, error) {
	user := c.params["userid"]
	if c.auth.TokenID != "" {
		return nil, &node.Error{Status: 403, Message: "Permission check failed"}
	}
	if c.auth.ID() != user {
		if err := c.permittedUser(mayRemoveUser); err != nil {
			return nil, err
		}
	}
	return nil, c.srv.node.SetPassword(user, c.params["password"])
}

func changeToken(c *call) (any, error) {
	user, name := c.params["userid"], c.params["tokenid"]
	change := node.TokenChange{Regenerate: c.params["regenerate"] == "1", Delete: split(c.params["delete"])}
	if v, ok := c.params["privsep"]; ok {
		separated := v != "0"
		change.Privsep = &separated
	}
	if _, ok := c.params["expire"]; ok {
		at := int64(c.number("expire", 0))
		change.Expire = &at
	}
	if v, ok := c.params["comment"]; ok {
		change.Comment = &v
	}
	secret, err := c.srv.node.ModifyToken(user, name, change)
	if err != nil {
		return nil, err
	}
	info, err := c.srv.node.TokenInfo(user, name)
	if secret != "" {
		info["full-tokenid"], info["value"] = user+"!"+name, secret
	}
	return info, err
}

func setACL(c *call) (any, error) {
	n, at := c.srv.node, c.params["path"]
	ids := append(split(c.params["users"]), split(c.params["tokens"])...)
	if groups := split(c.params["groups"]); len(groups) > 0 {
		return nil, &node.Error{Status: 500, Message: "ACL update failed: group '" + groups[0] + "' does not exist"}
	}
	if len(ids) == 0 {
		bad := map[string]string{}
		for _, key := range []string{"users", "groups", "tokens"} {
			bad[key] = "either 'users', 'groups' or 'tokens' is required."
		}
		return nil, node.BadParams(bad)
	}
	propagate, remove := c.params["propagate"] != "0", c.params["delete"] == "1"
	for _, role := range split(c.params["roles"]) {
		if err := n.MayHandOut(c.auth, at, role, propagate, remove); err != nil {
			return nil, err
		}
		if err := n.ModifyACL(at, role, ids, propagate, remove); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// permittedUser checks a rule that is no privilege on one path.
func (c *call) permittedUser(rule string) error {
	n, user := c.srv.node, c.params["userid"]
	modify := func(privs ...string) error {
		if err := n.UserExists(user); err != nil {
			return err
		}
		if n.CheckAny(c.auth, "/access/groups", privs...) != nil {
			return &node.Error{Status: 403, Message: "Permission check failed"}
		}
		return nil
	}
	allocate := func() error {
		_, realm, _ := strings.Cut(user, "@")
		return n.Check(c.auth, "/access/realm/"+realm, "Realm.AllocateUser")
	}
	switch rule {
	case mayMakeUser:
		if user == "" {
			return nil // reported by the schema
		}
		if err := allocate(); err != nil {
			return err
		}
		return n.CheckAny(c.auth, "/access/groups", "User.Modify")
	case mayRemoveUser:
		if err := allocate(); err != nil {
			return err
		}
		return modify("User.Modify")
	case maySeeUser:
		return modify("User.Modify", "Sys.Audit")
	case mayClone:
		return n.MayClone(c.auth, c.params)
	case mayGrant:
		if c.params["path"] == "" {
			return nil // reported by the schema
		}
		return n.MayGrant(c.auth, c.params["path"])
	case ticketOnly:
		if c.auth.TokenID != "" {
			return &node.Error{Status: 403, Message: "Permission check failed (URI '/access/tfa/" + user + "' not available with API token, need proper ticket.)"}
		}
	}
	if c.auth.ID() == user { // a token is not its user
		return n.UserExists(user)
	}
	if rule == selfOrSee {
		return modify("User.Modify", "Sys.Audit")
	}
	return modify("User.Modify")
}
