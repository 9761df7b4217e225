package pages

// blim.go: what a page has the box's own Messenger do. The Messenger does one thing at a time and says nothing of the outcome
// (section 12.1), so a script walks through the steps and then comes back to a page that shows what the service has.

// script is such a walk, as templates/script.html reads it.
type script struct {
	// Steps are three characters each: A or R for adding to and removing from the list named by the other two, N for the name,
	// P for closed (PCL) or open (POP) mode.
	Steps string
	// Name is that of N.
	Name string
	// Page is where it ends, After what that page is told.
	Page, After string
}

// editScript is an edit in the order in which clients do it: first off the opposite list, since nobody can be on both
// (msnp.md section 7.1).
func editScript(e Edit, c Contact) script {
	s := script{Page: "contact", After: string(e.Do), Name: e.Name}
	step := func(when bool, what string) {
		if when {
			s.Steps += what
		}
	}
	switch e.Do {
	case Add:
		step(c.Blocked, "RBL")
		step(!c.Friend, "AFL")
		step(!c.Allowed, "AAL")
		step(e.Name != "", "NAM")
	case Remove:
		step(c.Friend, "RFL")
		step(c.Allowed, "RAL")
	case Block:
		step(c.Allowed, "RAL")
		step(true, "ABL")
	case Unblock:
		step(c.Blocked, "RBL")
		step(!c.Allowed, "AAL")
	case Rename:
		step(true, "NAM")
	}
	return s
}

func privacyScript(mode string) script {
	s := script{Page: "settings", After: mode, Steps: "POP"}
	if mode == "closed" {
		s.Steps = "PCL"
	}
	return s
}
