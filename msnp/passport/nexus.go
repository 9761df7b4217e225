package passport

import (
	"net/http"
	"strings"
)

// nexus says where to sign in. Two layouts exist, and each breaks the clients of
// the other (msnp.md 25.5):
//   - minisrv and WebTV Redialed take all that follows `DALogin=` as a URL;
//   - libraries and official clients put https:// before what stands between
//     `DALogin=` and the next comma, which must be there.
func (h *handler) nexus(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	urls := "DALogin=" + h.public + "/login2.srf"
	if !fromNode(r, "") && !strings.HasSuffix(strings.ToLower(r.URL.Path), "/webtv/pprdr.asp") {
		p := h.place
		urls = "DARealm=Passport.Net,DALogin=" + p + "/login2.srf,DAReg=" + p + "/reg.srf,Properties=" + p +
			"/editprof.srf,GeneralRedir=" + p + "/redir.srf,ConfigVersion=11"
	}
	answer{status: http.StatusOK, fields: []field{{"Cache-Control", "private"}, {"PassportURLs", urls}}}.write(w, r)
}
