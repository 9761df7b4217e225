package admin

import (
	"net/http"
	"testing"
)

// A page in the operator's browser, whose name means 127.0.0.1 by now, reads nothing.
func TestPagesOfElsewhereReadNothing(t *testing.T) {
	open, _, _, _ := surface(t, "")
	closed, _, _, _ := surface(t, token)
	for host, want := range map[string]int{
		"evil.example:8463": 403, "evil.example": 403, "127.0.0.1.evil.example": 403, "192.0.2.7:8463": 403, "localhost.evil.example": 403,
		"localhost:8463": 200, "LOCALHOST": 200, "127.0.0.1:8463": 200, "127.0.0.1": 200, "[::1]:8463": 200, "[::1]": 200, "127.0.0.9": 200,
	} {
		for _, path := range []string{"/metrics", "/healthz"} {
			if got := asked(t, open.URL+path, host, ""); got != want {
				t.Errorf("%s as %s: %d, want %d", path, host, got, want)
			}
		}
		if got := asked(t, closed.URL+"/metrics", host, token); got != 200 {
			t.Errorf("as %s with the token: %d", host, got)
		}
	}
}

func asked(t *testing.T, url, host, bearer string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
