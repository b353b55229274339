// Package packages makes releases as .goreleaser.yaml says, and installs, upgrades and
// removes their packages with the tools of each format, in folders of their own. It needs
// Linux, root, and the packages that `make e2e` installs. It knows the project's files, and
// nothing of its code.
package packages
