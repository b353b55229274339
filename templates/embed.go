// Package templates holds the templates that are built into the binary, one folder each.
// internal/template reads them like any other template; this package does not know what
// they contain.
package templates

import "embed"

// FS has a folder for every built-in template: m* are mariadb and an MQTT broker whose name
// a spelling checker would mend.
//
//go:embed all:hello all:docker all:nginx all:postgresql all:caddy all:m* all:redis all:rabbitmq all:prometheus
//go:embed all:samba all:wireguard all:haproxy all:unbound all:git-server all:nodejs-app all:python-app all:static-site all:debian-base
var FS embed.FS

// Starter is the template that `template new` writes, in the folder starter. The word NAME
// in its files and their names stands for the name of the new template.
//
//go:embed all:starter
var Starter embed.FS
