//go:build !race

package discord

// burst is how many lines TestCheck22Burst sends (discord.md 11, check 22).
const burst = 2000
