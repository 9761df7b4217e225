package doctor

import (
	"context"
	"errors"
	"net/url"

	"wtvgate/bridge/config"
)

// Settings are the findings on a configuration as a whole.
type Settings struct {
	Config config.Config
	// Running describes the gateway that runs on it; "" if none does.
	Running string
}

// Run implements Check.
func (s Settings) Run(context.Context) []Finding {
	from := "the built-in defaults; `wtvgate init` writes a file"
	if s.Config.Path != "" {
		from = s.Config.Path
	}
	all := []Finding{good("configuration", "%s", from)}
	if s.Config.Accounts.Registration == config.FirstBox && len(s.Config.WTVP.AllowedNetworks) == 0 {
		all = append(all, warn("accounts.registration", "set wtvp.allowed_networks to the networks your boxes come from, or close registration",
			"first-box, and boxes may come from anywhere: any box your WebTV server lets in takes any free address"))
	}
	if s.Running == "" {
		return append(all, good("gateway", "does not run"))
	}
	return append(all, good("gateway", "%s", s.Running))
}

// Broken are the findings on a configuration that cannot be read: nothing else
// can be looked at.
func Broken(err error) []Finding {
	var e *config.Error
	if !errors.As(err, &e) {
		return []Finding{fail("configuration", "name the right file with --config", "%v", err)}
	}
	var all []Finding
	for _, f := range e.Faults {
		what, where := f.Key, ""
		if what == "" {
			what = "configuration"
		}
		if f.Where != "" {
			where = " (" + f.Where + ")"
		}
		mend := "correct it; `wtvgate init` writes a file that is right"
		if f.Allowed != "" {
			mend = "allowed: " + f.Allowed
		}
		all = append(all, fail(what, mend, "%s%s", f.Problem, where))
	}
	return all
}

// host is the host of a URL, for people.
func host(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	return u.Host
}
