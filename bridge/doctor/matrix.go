package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"

	"wtvgate/bridge/matrix"
)

// Matrix looks at the homeserver and at what it knows of us.
type Matrix struct {
	Options matrix.Options // as the network gets them; DB is not needed
	HTTP    *http.Client
	// Serving: the running gateway listens for the homeserver.
	Serving bool
}

// again is how a registration is brought up to date everywhere.
const again = "run `wtvgate matrix registration`, give the file to the homeserver as it says, and restart both"

// Run implements Check.
func (m Matrix) Run(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, netTime)
	defer cancel()
	reg, err := matrix.Inspect(m.Options)
	if err != nil {
		all := []Finding{fail("registration", again, "%v", err)}
		_, f := m.versions(ctx)
		return append(all, f...)
	}
	all := m.registration(reg)
	up, more := m.versions(ctx)
	if all = append(all, more...); !up {
		return all
	}
	known, f := m.token(ctx, reg)
	if all = append(all, f); !known {
		return all
	}
	all = append(all, m.ping(ctx, reg))
	all = append(all, good("encryption", "matrix.encryption: %s, which this version serves as README.md says", or(m.Options.Encryption, "off")))
	return append(all, m.presence(ctx, reg))
}

func (m Matrix) registration(reg matrix.Registered) []Finding {
	file := m.Options.Registration
	all := []Finding{good("registration", "%s fits the configuration", file)}
	if info, err := os.Stat(file); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		all[0] = warn("registration", "chmod 640 "+file+", with the homeserver's group if it reads this very file",
			"every user of this machine can read the tokens in %s (mode %04o)", file, info.Mode().Perm())
	}
	if strings.TrimSuffix(reg.URL, "/") != strings.TrimSuffix(m.Options.URL, "/") {
		all = append(all, fail("registration", again, "it sends the homeserver to %s, but matrix.appservice.url is %s", or(reg.URL, "nowhere"), m.Options.URL))
	}
	if !reg.Exclusive {
		return append(all, warn("ghosts", again, "others may make users whose names begin with %s", m.Options.GhostPrefix))
	}
	return append(all, good("ghosts", "@%s...:%s belongs to the gateway alone", m.Options.GhostPrefix, m.Options.Domain))
}

func (m Matrix) versions(ctx context.Context) (bool, []Finding) {
	mend := "start the homeserver, or correct matrix.homeserver.url"
	var v struct {
		Versions []string `json:"versions"`
	}
	r, err := caller{client: m.HTTP}.call(ctx, http.MethodGet, m.Options.HomeserverURL+"/_matrix/client/versions", nil, &v)
	switch {
	case err != nil:
		return false, []Finding{fail("homeserver", mend, "%s: %v", m.Options.HomeserverURL, err)}
	case r.Status != http.StatusOK || len(v.Versions) == 0:
		return false, []Finding{fail("homeserver", mend, "%s answers with status %d and names no Matrix version", m.Options.HomeserverURL, r.Status)}
	}
	return true, []Finding{good("homeserver", "%s answers, up to %s", m.Options.HomeserverURL, v.Versions[len(v.Versions)-1])}
}

func (m Matrix) caller(reg matrix.Registered) caller {
	return caller{client: m.HTTP, authorize: "Bearer " + reg.AppToken}
}

func (m Matrix) token(ctx context.Context, reg matrix.Registered) (bool, Finding) {
	var me struct {
		User string `json:"user_id"`
	}
	r, err := m.caller(reg).call(ctx, http.MethodGet, m.Options.HomeserverURL+"/_matrix/client/v3/account/whoami", nil, &me)
	want := "@" + m.Options.Bot + ":" + m.Options.Domain
	switch {
	case err != nil:
		return false, fail("token", "look at the homeserver's log", "%v", err)
	case r.Status == http.StatusUnauthorized:
		return false, fail("token", "name "+m.Options.Registration+" in app_service_config_files (Synapse) or app_service_api.config_files (Dendrite) and restart it",
			"the homeserver does not know the registration (%s)", or(r.errcode(), "401"))
	case r.Status != http.StatusOK:
		return false, fail("token", again, "the homeserver refuses the registration's token: status %d %s", r.Status, r.errcode())
	case me.User != want:
		return false, fail("token", "correct matrix.homeserver.domain or matrix.bot, then "+again, "the homeserver takes us for %s instead of %s", me.User, want)
	}
	return true, good("token", "the homeserver knows the gateway as %s", me.User)
}

// presence shows the bot for an instant and looks whether the homeserver tells.
// Homeservers that have presence off take what they are told and forget it
// (matrix.md 9).
func (m Matrix) presence(ctx context.Context, reg matrix.Registered) Finding {
	const mend = "nothing, if you can do without: friends show by what they do. Else presence: {enabled: true} (Synapse), " +
		"global.presence: {enable_inbound: true, enable_outbound: true} (Dendrite)"
	bot := "@" + m.Options.Bot + ":" + m.Options.Domain
	u := m.Options.HomeserverURL + "/_matrix/client/v3/presence/" + url.PathEscape(bot) + "/status"
	c := m.caller(reg)
	set := func(ctx context.Context, state string) error {
		r, err := c.call(ctx, http.MethodPut, u, map[string]string{"presence": state}, nil)
		if err == nil && r.Status != http.StatusOK {
			err = fmt.Errorf("status %d %s", r.Status, r.errcode())
		}
		return err
	}
	if err := set(ctx, "online"); err != nil {
		return warn("presence", mend, "the homeserver takes none: %v", err)
	}
	var is struct {
		Presence string `json:"presence"`
	}
	r, err := c.call(ctx, http.MethodGet, u, nil, &is)
	if offErr := set(ctx, "offline"); err == nil {
		err = offErr
	}
	switch {
	case err != nil:
		return warn("presence", mend, "%v", err)
	case r.Status != http.StatusOK || is.Presence != "online":
		return warn("presence", mend, "is switched off on the homeserver: it forgets what it is told")
	}
	return good("presence", "the homeserver tells it")
}
