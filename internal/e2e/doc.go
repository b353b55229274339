// Package e2e runs the built binary against real LXC guests and a real Redis as a user
// would, with commands, files and addresses. It needs Linux, root and the packages that
// `make e2e` installs. Its tests have the build tag e2e.
package e2e
