package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

var pveum = append([]command{
	{"user add", []string{"userid"}, map[string]bool{"password": false, "comment": false}, func(c *call) error {
		return c.node.NewUser(node.Params{"userid": c.args[0], "password": c.opt["password"], "comment": c.opt["comment"]})
	}},
	{"user delete", []string{"userid"}, nil, func(c *call) error { return c.node.DeleteUser(c.args[0]) }},
	{"user token remove", []string{"userid", "tokenid"}, nil, func(c *call) error { return c.node.DeleteToken(c.args[0], c.args[1]) }},
	{"user token add", []string{"userid", "tokenid"}, map[string]bool{"privsep": true, "comment": false, "output-format": false}, addToken},
	{"user token modify", []string{"userid", "tokenid"}, map[string]bool{"privsep": true, "expire": false, "comment": false, "regenerate": true, "delete": false, "output-format": false}, modifyToken},
	{"user token list", []string{"userid"}, formats, func(c *call) error {
		rows, err := c.node.Tokens(c.args[0])
		if err != nil {
			return err
		}
		return c.show("tokenid", rows)
	}},
	{"user token permissions", []string{"userid", "tokenid"}, map[string]bool{"path": false, "output-format": false}, func(c *call) error {
		return permissions(c, c.args[0]+"!"+c.args[1])
	}},
	{"user list", nil, map[string]bool{"enabled": true, "full": true, "output-format": false}, func(c *call) error {
		return c.show("userid", c.node.UserList(node.Root, node.Params(c.opt)))
	}},
	{"user modify", []string{"userid"}, map[string]bool{"comment": false, "email": false, "enable": true, "expire": false, "firstname": false, "lastname": false, "groups": false}, func(c *call) error {
		p := maps.Clone(node.Params(c.opt))
		p["userid"] = c.args[0]
		return c.node.ChangeUser(p)
	}},
	{"user permissions", []string{"userid"}, map[string]bool{"path": false, "output-format": false}, func(c *call) error { return permissions(c, c.args[0]) }},
	{"role add", []string{"roleid"}, map[string]bool{"privs": false}, func(c *call) error {
		return c.node.CreateRole(c.args[0], list(c.opt["privs"]))
	}},
	{"role modify", []string{"roleid"}, map[string]bool{"privs": false, "append": true}, func(c *call) error {
		return c.node.ModifyRole(c.args[0], list(c.opt["privs"]), c.flag("append", false))
	}},
	{"role delete", []string{"roleid"}, nil, func(c *call) error { return c.node.DeleteRole(c.args[0]) }},
	{"role list", nil, formats, func(c *call) error { return c.show("roleid", c.node.Roles()) }},
	{"pool list", nil, formats, func(c *call) error {
		rows, err := c.node.Pools(node.Root, node.Params{})
		if err != nil {
			return err
		}
		return c.show("poolid", rows)
	}},
	{"pool modify", []string{"poolid"}, map[string]bool{"comment": false, "vms": false, "storage": false, "delete": true, "allow-move": true}, func(c *call) error {
		p := maps.Clone(node.Params(c.opt))
		p["poolid"] = c.args[0]
		return c.node.UpdatePool(node.Root, p)
	}},
	{"pool delete", []string{"poolid"}, nil, func(c *call) error { return c.node.DeletePool(c.args[0]) }},
	{"realm list", nil, formats, func(c *call) error { return c.show("realm", slices.Clone(c.node.Realms())) }},
	{"acl list", nil, formats, func(c *call) error { return c.show("path", c.node.ACLList(node.Root)) }},
	{"acl delete", []string{"path"}, map[string]bool{"roles": false, "users": false, "tokens": false, "propagate": true}, func(c *call) error {
		c.opt["delete"] = "1"
		return modifyACL(c)
	}},
	{"pool add", []string{"poolid"}, map[string]bool{"comment": false}, func(c *call) error {
		return c.node.CreatePool(node.Params{"poolid": c.args[0], "comment": c.opt["comment"]})
	}},
	{"pool modify", []string{"poolid"}, map[string]bool{"vms": false, "storage": false, "comment": false, "allow-move": true, "delete": true}, func(c *call) error {
		p := node.Params(maps.Clone(c.opt))
		p["poolid"] = c.args[0]
		return c.node.UpdatePool(node.Root, p)
	}},
	{"acl modify", []string{"path"}, map[string]bool{"roles": false, "users": false, "tokens": false, "propagate": true, "delete": true}, modifyACL},
}, cannot("pveum", "group", "passwd", "realm add", "realm modify", "realm delete", "realm sync", "ticket", "user tfa")...)

var formats = map[string]bool{"output-format": false}

// permissions prints what a user or token may do, by path.
func permissions(c *call, id string) error {
	user, _, _ := strings.Cut(id, "!")
	if err := c.node.UserExists(user); err != nil {
		return err
	}
	var rows []map[string]any
	for at, privs := range c.node.Permissions(node.ParseAuth(id), c.opt["path"]) {
		var list []string
		for p := range privs {
			list = append(list, p+" (*)")
		}
		slices.Sort(list)
		rows = append(rows, map[string]any{"ACL path": at, "Permissions": strings.Join(list, " ")})
	}
	return c.show("ACL path", rows)
}

func modifyToken(c *call) error {
	change := node.TokenChange{Regenerate: c.flag("regenerate", false), Delete: list(c.opt["delete"])}
	if c.node.Profile().Major < 9 && (change.Regenerate || len(change.Delete) > 0) {
		return errors.New("400 unable to parse option\npveum user token modify <userid> <tokenid> [OPTIONS]")
	}
	if _, given := c.opt["privsep"]; given {
		v := c.flag("privsep", true)
		change.Privsep = &v
	}
	if text, given := c.opt["comment"]; given {
		change.Comment = &text
	}
	if text, given := c.opt["expire"]; given {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 0 {
			return fmt.Errorf("400 Parameter verification failed.\nexpire: type check ('integer') failed - got '%s'\npveum user token modify <userid> <tokenid> [OPTIONS]", text)
		}
		change.Expire = &v
	}
	secret, err := c.node.ModifyToken(c.args[0], c.args[1], change)
	if err == nil && secret != "" {
		fmt.Fprintln(c.p.Stdout, secret)
	}
	return err
}

func modifyACL(c *call) error {
	roles, ids := list(c.opt["roles"]), append(list(c.opt["users"]), list(c.opt["tokens"])...)
	if len(roles) == 0 {
		return fmt.Errorf("400 Parameter verification failed.\nroles: property is missing and it is not optional\npveum acl modify <path> --roles <string> [OPTIONS]")
	}
	for _, role := range roles {
		if err := c.node.ModifyACL(c.args[0], role, ids, c.flag("propagate", true), c.flag("delete", false)); err != nil {
			return err
		}
	}
	return nil
}

// addToken prints the secret, which is never shown again.
func addToken(c *call) error {
	id := c.args[0] + "!" + c.args[1]
	secret, err := c.node.NewToken(c.args[0], c.args[1], c.flag("privsep", true), 0, c.opt["comment"])
	if err != nil {
		return err
	}
	separated := map[bool]string{true: "1", false: "0"}[c.flag("privsep", true)]
	if c.opt["output-format"] == "json" {
		return json.NewEncoder(c.p.Stdout).Encode(map[string]any{"full-tokenid": id, "info": map[string]string{"privsep": separated}, "value": secret})
	}
	c.box([][]string{{"key", "value"}, {"full-tokenid", id}, {"info", `{"privsep":"` + separated + `"}`}, {"value", secret}})
	return nil
}
