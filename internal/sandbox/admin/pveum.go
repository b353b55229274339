package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

var pveum = []command{
	{"user add", []string{"userid"}, map[string]bool{"password": false, "comment": false}, func(c *call) error {
		return c.node.NewUser(node.Params{"userid": c.args[0], "password": c.opt["password"], "comment": c.opt["comment"]})
	}},
	{"user delete", []string{"userid"}, nil, func(c *call) error { return c.node.DeleteUser(c.args[0]) }},
	{"user token remove", []string{"userid", "tokenid"}, nil, func(c *call) error { return c.node.DeleteToken(c.args[0], c.args[1]) }},
	{"user token add", []string{"userid", "tokenid"}, map[string]bool{"privsep": true, "comment": false, "output-format": false}, addToken},
	{"user token modify", []string{"userid", "tokenid"}, map[string]bool{"privsep": true, "expire": false, "comment": false, "output-format": false}, modifyToken},
	{"user token list", []string{"userid"}, map[string]bool{"output-format": false}, func(c *call) error {
		if err := c.node.UserExists(c.args[0]); err != nil {
			return err
		}
		tokens := c.node.TokenList(c.args[0])
		for _, name := range slices.Sorted(maps.Keys(tokens)) {
			fmt.Fprintf(c.p.Stdout, "%-20s privsep=%d\n", name, map[bool]int{true: 1}[tokens[name]])
		}
		return nil
	}},
	{"role add", []string{"roleid"}, map[string]bool{"privs": false}, func(c *call) error {
		return c.node.CreateRole(c.args[0], list(c.opt["privs"]))
	}},
	{"role modify", []string{"roleid"}, map[string]bool{"privs": false, "append": true}, func(c *call) error {
		return c.node.ModifyRole(c.args[0], list(c.opt["privs"]), c.flag("append", false))
	}},
	{"role delete", []string{"roleid"}, nil, func(c *call) error { return c.node.DeleteRole(c.args[0]) }},
	{"role list", nil, map[string]bool{"output-format": false}, func(c *call) error {
		roles := c.node.RoleList()
		for _, name := range slices.Sorted(maps.Keys(roles)) {
			fmt.Fprintf(c.p.Stdout, "%-20s %s\n", name, strings.Join(roles[name], ","))
		}
		return nil
	}},
	{"pool add", []string{"poolid"}, map[string]bool{"comment": false}, func(c *call) error {
		return c.node.CreatePool(node.Params{"poolid": c.args[0], "comment": c.opt["comment"]})
	}},
	{"acl modify", []string{"path"}, map[string]bool{"roles": false, "users": false, "tokens": false, "propagate": true, "delete": true}, modifyACL},
}

func modifyToken(c *call) error {
	var privsep *bool
	if _, given := c.opt["privsep"]; given {
		v := c.flag("privsep", true)
		privsep = &v
	}
	var expire *int64
	if text, given := c.opt["expire"]; given {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 0 {
			return fmt.Errorf("400 Parameter verification failed.\nexpire: type check ('integer') failed - got '%s'\npveum user token modify <userid> <tokenid> [OPTIONS]", text)
		}
		expire = &v
	}
	return c.node.ModifyToken(c.args[0], c.args[1], privsep, expire)
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
	rows := [][2]string{{"key", "value"}, {"full-tokenid", id}, {"info", `{"privsep":"` + separated + `"}`}, {"value", secret}}
	wide := 0
	for _, r := range rows {
		wide = max(wide, len(r[1]))
	}
	line := func(left, mid, right, dash string) {
		fmt.Fprintln(c.p.Stdout, left+strings.Repeat(dash, 14)+mid+strings.Repeat(dash, wide+2)+right)
	}
	line("┌", "┬", "┐", "─")
	for i, r := range rows {
		if i == 1 {
			line("╞", "╪", "╡", "═")
		} else if i > 1 {
			line("├", "┼", "┤", "─")
		}
		fmt.Fprintf(c.p.Stdout, "│ %-12s │ %-*s │\n", r[0], wide, r[1])
	}
	line("└", "┴", "┘", "─")
	return nil
}
