package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/config"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	"wtvgate/wtvp/sec"
)

// askNexus sends a request and gives the value of one header of the answer.
func askNexus(ctx context.Context, at, request, header string) (string, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(string(answer), "\r\n"+header+": ")
	if !ok {
		return "", fmt.Errorf("no %s in %q", header, answer)
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value, nil
}

// passwordBy signs in as minisrv does for its boxes: the nexus, the URL behind
// DALogin=, the ticket out of Authentication-Info.
func passwordBy(g *gateway, address, password string) msnp.Credential {
	return func(ctx context.Context, challenge string) (string, error) {
		at := g.nexusPort.Addr().String()
		const node = "Host: " + "gw.example" + "\r\nConnection: keep-alive\r\n\r\n"
		urls, err := askNexus(ctx, at, "GET /rdr/pprdr.asp HTTP/1.1\r\n"+node, "PassportURLs")
		if err != nil {
			return "", err
		}
		_, login, _ := strings.Cut(urls, "DALogin=")
		u, err := url.Parse(login)
		if err != nil || !strings.HasPrefix(login, g.cfg.Passport.PublicURL+"/") {
			return "", fmt.Errorf("DALogin is %q, %w", login, err)
		}
		info, err := askNexus(ctx, at, "GET "+u.Path+" HTTP/1.1\r\nAuthorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,sign-in="+
			address+",pwd="+url.PathEscape(password)+","+challenge+"\r\n"+node, "Authentication-Info")
		_, ticket, _ := strings.Cut(info, "from-PP='")
		ticket, _, _ = strings.Cut(ticket, "'")
		return ticket, err
	}
}

// TestPassportSignIn is the whole way of a PC client of MSNP8: nexus, sign-in,
// USR TWN S; and the operator's new password counts at once.
func TestPassportSignIn(t *testing.T) {
	t.Chdir(t.TempDir())
	g, _ := startGateway(t)
	play(t, []step{{"account add carol@webtv.local --password-stdin", "hunter 22,+%\n", 0, "added"}})
	messenger := g.messengerPort.Addr().String()
	signIn := func(password string) error {
		o := msnp.Options{Address: "carol@webtv.local", Dialects: []wire.Dialect{wire.MSNP8},
			CVR:        &msnp.CVR{LCID: "0x0409", OS: "winnt", OSVersion: "5.1", Arch: "i386", Library: "MSMSGS", Version: "6.0.0602", Client: "MSMSGS"},
			Credential: passwordBy(g, "carol@webtv.local", password)}
		c, err := msnp.SignIn(t.Context(), messenger, o)
		if err != nil {
			return err
		}
		defer c.Close()
		if s := c.Self(); s.Address != "carol@webtv.local" || s.Name != "Carol" {
			t.Errorf("signed in as %+v", s)
		}
		return c.SetStatus(t.Context(), wire.Online)
	}
	for range 2 { // the second time from what is remembered
		if err := signIn("hunter 22,+%"); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(password string) {
		t.Helper()
		var se *msnp.SignInError // the empty ticket of a refusal: USR t TWN S and no answer
		if err := signIn(password); !errors.As(err, &se) || se.Step != "USR S" {
			t.Errorf("%q: %v", password, err)
		}
	}
	refused("hunter22")
	old, err := passwordBy(g, "carol@webtv.local", "hunter 22,+%")(t.Context(), "ct=1")
	if err != nil || old == "" {
		t.Fatalf("%q, %v", old, err)
	}
	play(t, []step{{"account password carol@webtv.local --password-stdin", "s3cret\n", 0, "set"}})
	refused("hunter 22,+%")
	if _, err := msnp.SignIn(t.Context(), messenger, msnp.Options{Address: "carol@webtv.local", Credential: msnp.Ticket(old)}); err == nil {
		t.Error("a ticket of the old password is still good")
	}
	if err := signIn("s3cret"); err != nil {
		t.Error(err)
	}
	play(t, []step{{"account remove carol@webtv.local", "", 0, "removed"}})
	refused("s3cret")
}

// writeCert writes a certificate for gw.example and its key.
func writeCert(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"gw.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	return "cert.pem", "key.pem", pool
}

func TestPassportOverTLS(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := demoConfig("data", sec.Key{})
	var pool *x509.CertPool
	cfg.Passport.TLSCert, cfg.Passport.TLSKey, pool = writeCert(t)
	g, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	c, err := tls.Dial("tcp", g.nexusPort.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "gw.example"})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(answer), "\r\nPassportURLs: DARealm=Passport.Net,DALogin=127.0.0.1:8464/login2.srf,") {
		t.Errorf("%q, %v", answer, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}

	if err := os.WriteFile("cert.pem", []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "passport.tls_cert") {
		t.Errorf("a file that is no certificate: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	for _, tt := range []struct {
		listen, url string
		want        bool
	}{
		{"127.0.0.1:8464", "http://127.0.0.1:8464", false},
		{"localhost:8464", "http://gw.example", false}, // a proxy in front, and somebody's reasons
		{":8464", "http://127.0.0.1:8464", true},
		{":443", "http://gw.example", true},
		{"192.0.2.1:443", "https://localhost", true},
		{":443", "https://gw.example", false},
	} {
		if got := unreachable(config.Passport{Listen: tt.listen, PublicURL: tt.url}); got != tt.want {
			t.Errorf("%s as %s: %v", tt.listen, tt.url, got)
		}
	}
}
