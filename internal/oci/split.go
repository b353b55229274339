package oci

import (
	"errors"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	errNoName  = errors.New("no name of an image")
	errTooLong = errors.New("the name of an image is too long")
)

// maxName is the most characters that a path may have.
const maxName = 255

// named is the grammar of the distribution specification's own library: registry, path, tag
// and digest. That library is an oracle of the tests. It compiles its grammar whenever a
// program starts, which took a twelfth of every command's CPU time.
var named = lazy.Regexp(`^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?|\[[a-fA-F0-9:]+\](?::[0-9]+)?)` +
	`/([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)` +
	`(?::([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}))?` +
	`(?:@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$`)

// bare is the id of an image, which docker takes for nothing else.
var bare = lazy.Regexp(`^[a-f0-9]{64}$`)

// split reads a name as docker does. It fails with errNoName or errTooLong.
func split(name string) (Reference, error) {
	if bare().MatchString(name) {
		return Reference{}, errNoName
	}
	host, path := located(name)
	m := named().FindStringSubmatch(host + "/" + path)
	switch {
	case m == nil:
		return Reference{}, errNoName
	case len(m[2]) > maxName:
		return Reference{}, errTooLong
	}
	return Reference{Host: m[1], Path: m[2], Tag: m[3], Digest: m[4]}, nil
}

// located separates the registry from the rest. The first part of a name is a registry if it
// looks like a host: it has a dot, a port or an upper-case letter, or it is localhost.
func located(name string) (host, path string) {
	const hub, oldHub = "docker.io", "index.docker.io"
	host, path, ok := strings.Cut(name, "/")
	isHost := ok && (host == "localhost" || strings.ContainsAny(host, ".:") || strings.ToLower(host) != host)
	switch {
	case !isHost:
		host, path = hub, name
	case host == oldHub:
		host = hub
	}
	if host == hub && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	return host, path
}
