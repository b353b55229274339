// Package catalogue runs `template test` of every built-in template with a real guest, two
// at a time, and compares two containers of each image that `template bake` makes of them. CI
// bakes those whose packages make identities; all of them are baked by hand, some ten minutes:
//
//	INFRAHAUS_BAKE=all go test -tags e2e -count=1 -timeout 60m -parallel 2 -run TestBaked -v ./internal/e2e/catalogue
//
// It is a package of its own, so that its time is seen apart.
package catalogue
