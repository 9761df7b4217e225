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
//
// The fifteen acceptance checks of the Matrix side are the tests TestAcceptNN.
//
// WTVGATE_SYNAPSE has them run against Synapse, where that is installed: it is the
// command that starts Synapse's Python, as in WTVGATE_SYNAPSE=python3. If that
// command takes another folder for the root of the file system, as chroot does,
// WTVGATE_SYNAPSE_ROOT names the folder.
//
// WTVGATE_SOAK=1 has the tests that take long run in full: TestSoak with 50
// friends, 20 boxes and 5000 messages (another size as FRIENDSxBOXESxMESSAGES), and
// TestAccept08Presence and TestAccept12Idle with their whole times. Their figures
// are in the log (-v).
//
// WTVGATE_LOGS names a folder for all that the gateway and the homeserver say; without
// it the end is shown of what they said, if a test fails.
package e2e
