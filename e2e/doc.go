// Package e2e holds the end-to-end tests: the gateway against a real homeserver,
// and against the Discord double, which runs in the test's process.
// It is a module of its own so that the gateway does not depend on what the
// tests need.
//
//	cd e2e && go test -tags goolm -count=1 -timeout 30m ./...
//
// The first run builds the homeserver, which takes some minutes and needs a C
// compiler, and installs the friend's client, which needs node 20 or newer and npm;
// both are kept in the user's cache folder.
package e2e
