package puppets

// Presence is how reachable somebody is, in the few grades that boxes and all
// networks share.
type Presence string

// The grades. Unknown is a network that cannot tell.
const (
	Unknown Presence = ""
	Online  Presence = "online"
	Idle    Presence = "idle"
	Away    Presence = "away"
	Busy    Presence = "busy"
	Offline Presence = "offline"
)

// Reachable tells whether a first-generation box shows it as connected: every
// grade but offline is (design, section 5).
func (p Presence) Reachable() bool {
	switch p {
	case Online, Idle, Away, Busy:
		return true
	}
	return false
}
