//go:build race

package sb_test

const raceEnabled = true
