package matrix

import (
	"database/sql"
	"regexp"

	mid "maunium.net/go/mautrix/id"
)

// RegistrationID is the name by which homeservers know us.
const RegistrationID = registrationID

// Registered is what a registration file says, for a check that is no part of
// the network.
type Registered struct {
	ID          string // in the paths of the homeserver's API
	URL         string
	AppToken    string // ours to the homeserver; never shown
	ServerToken string // the homeserver's to us; never shown
	Exclusive   bool   // nobody else may make users of the ghosts' names
}

// Inspect reads the options and the registration file as a start of the network
// would, and opens nothing. The error is one sentence that names the key.
func Inspect(o Options) (Registered, error) {
	n := &Network{o: o}
	if n.o.DB == nil {
		n.o.DB = new(sql.DB) // asked for and not used
	}
	if err := n.check(); err != nil {
		return Registered{}, err
	}
	reg, err := n.loadRegistration()
	if err != nil {
		return Registered{}, err
	}
	r := Registered{ID: reg.ID, URL: reg.URL, AppToken: reg.AppToken, ServerToken: reg.ServerToken}
	sample := string(mid.NewUserID(o.GhostPrefix+"a", o.Domain))
	for _, ns := range reg.Namespaces.UserIDs {
		if re, err := regexp.Compile(ns.Regex); err == nil && re.MatchString(sample) {
			r.Exclusive = r.Exclusive || ns.Exclusive
		}
	}
	return r, nil
}
