package passport

import "net/http"

// What cbtxt tells the user, percent-encoded: clients show it (msnp.md 5.2).
const (
	textWrong       = "Wrong%20address%20or%20password"
	textUnavailable = "Sign-in%20is%20not%20available%20now.%20Please%20try%20again."
)

// signIn answers Passport 1.4 (msnp.md 5.2). The challenge in the header is not
// looked at: BitLBee sends only its tail, and the ticket is bound to the account.
func (h *handler) signIn(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	l, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		h.log.Info("passport: sign-in refused", "remote", source(r).String(), "reason", err.Error())
		h.deny(w, r, textWrong)
		return
	}
	ticket, how := h.check(r, l)
	switch how {
	case granted:
		answer{status: http.StatusOK, fields: []field{{"Cache-Control", "no-cache"}, {"Authentication-Info",
			"Passport1.4 da-status=success,tname=MSPAuth,tname=MSPProf,tname=MSPSec,from-PP='t=" + ticket + "&p=',ru=http://messenger.msn.com"}}}.write(w, r)
	case unavailable:
		h.deny(w, r, textUnavailable)
	default:
		h.deny(w, r, textWrong)
	}
}

// deny is Passport's refusal. minisrv and WebTV Redialed read Authentication-Info
// without a look at the status, and fail hard when it is missing; with an empty
// ticket the box is told at once (wtvp.md 10.5).
func (h *handler) deny(w http.ResponseWriter, r *http.Request, text string) {
	fields := []field{{"Cache-Control", "no-cache"},
		{"WWW-Authenticate", "Passport1.4 da-status=failed,srealm=Passport.NET,ts=-3,prompt,cburl=" + h.public + "/,cbtxt=" + text}}
	if fromNode(r, "Authorization") {
		fields = append(fields, field{"Authentication-Info", "Passport1.4 da-status=failed,from-PP=''"})
	}
	answer{status: http.StatusUnauthorized, fields: fields}.write(w, r)
}
