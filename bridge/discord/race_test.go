//go:build race

package discord

// burst is how many lines TestCheck22Burst sends: the detector makes SQLite ten
// times slower.
const burst = 300
