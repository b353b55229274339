// Package templates holds the templates that are built into the binary, a folder
// each. They are read like any other (internal/template) and nothing here knows
// what is in them.
package templates

import "embed"

// FS has a folder for every built-in template.
//
//go:embed all:hello all:nginx all:postgresql all:docker
var FS embed.FS
