//go:build !unix

package store

// accessible cannot be told here without making something.
func accessible(string) error { return nil }
