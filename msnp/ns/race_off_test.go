//go:build !race

package ns_test

const raceEnabled = false
