package node

import "slices"

// view is an entry as api_list_user_tfa shows it.
func (t *totp) view() map[string]any {
	return map[string]any{"type": "totp", "id": t.ID, "description": t.Description, "created": t.Created}
}

// UserTFA is GET /access/tfa/USER.
func (n *Node) UserTFA(user string) []map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := []map[string]any{}
	if u := n.st.Access.Users[user]; u != nil && u.TOTP != nil {
		rows = append(rows, u.TOTP.view())
	}
	return rows
}

// TFAEntry is GET /access/tfa/USER/ID.
func (n *Node) TFAEntry(user, id string) (map[string]any, error) {
	for _, m := range n.UserTFA(user) {
		if m["id"] == id {
			return m, nil
		}
	}
	return nil, &Error{Status: 404, Message: "No such tfa entry '" + id + "'"}
}

// AllTFA is GET /access/tfa: everybody's who has a second factor, or the caller's own.
func (n *Node) AllTFA(a Auth) []map[string]any {
	all := n.CheckAny(a, "/access/groups", "User.Modify", "Sys.Audit") == nil
	n.mu.Lock()
	users := []string{}
	for name, u := range n.st.Access.Users {
		if u.TOTP != nil && (all || name == a.ID()) {
			users = append(users, name)
		}
	}
	n.mu.Unlock()
	slices.Sort(users)
	rows := []map[string]any{}
	for _, name := range users {
		rows = append(rows, map[string]any{"userid": name, "entries": n.UserTFA(name)})
	}
	return rows
}

// TFATypes is GET /access/users/USER/tfa. No realm of the sandbox asks for a second factor.
func (n *Node) TFATypes(user string, multiple bool) map[string]any {
	types := []string{}
	if len(n.UserTFA(user)) > 0 {
		types = append(types, "totp")
	}
	m := map[string]any{}
	switch {
	case multiple:
		m["user"] = types
	case len(types) > 0:
		m["user"] = "oath"
	}
	return m
}
