// Package puppets says who is who: which network an address belongs to, how a
// friend is named on a box and an account elsewhere, and how presence looks
// from the other side. It holds no state that changes after start.
package puppets
