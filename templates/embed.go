// Package templates holds the templates that are built into the binary, one folder each.
// internal/template reads them like any other template; this package does not know what
// they contain.
package templates

import "embed"

// FS has a folder for every built-in template.
//
//go:embed all:hello all:nginx all:postgresql all:docker
var FS embed.FS
