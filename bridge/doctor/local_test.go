package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wtvgate/bridge/config"
	"wtvgate/bridge/store"
)

func TestPorts(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := free.Addr().String()
	free.Close()
	for name, c := range map[string]struct {
		listen string
		held   map[string]string
		want   string
	}{
		"free":                    {open, nil, "ok k|free"},
		"taken":                   {taken, nil, "FAIL k|another program"},
		"ours":                    {taken, map[string]string{"k": taken}, "ok k|running gateway (pid 7)"},
		"ours, on everything":     {taken, map[string]string{"k": "[::]:" + portOf(taken)}, "ok k|running gateway"},
		"a stranger beside ours":  {taken, map[string]string{"k": open}, "FAIL k|another program"},
		"ours has another":        {open, map[string]string{"k": taken}, "warn k|has " + taken + " open"},
		"ours has none":           {open, map[string]string{}, "warn k|has nothing open"},
		"the system's choice":     {"127.0.0.1:0", nil, "warn k|system's choice"},
		"no address of this host": {"192.0.2.199:1863", nil, "FAIL k|no address of this machine"},
	} {
		look(t, name, Ports{Want: []Port{{"k", c.listen}}, Held: c.held, PID: 7}.Run(t.Context()), c.want)
	}
}

func TestData(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "data")
	look(t, "not there", Data{Dir: dir}.Run(t.Context()), "ok data_dir|first start makes it", "ok disk|free")
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const private, written, disk, key = "ok data_dir|alone", "ok data_dir|written", "ok disk|free", "ok secret.key|alone"
	look(t, "in use by a command", Data{Dir: dir}.Run(t.Context()), private, written, disk, key, "warn database|another wtvgate")
	asked := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	look(t, "in use by serve", Data{Dir: dir, Check: asked(nil)}.Run(t.Context()), private, written, disk, key, "ok database|whole")
	look(t, "damaged", Data{Dir: dir, Check: asked(errors.New("page 2"))}.Run(t.Context()), private, written, disk, key, "FAIL database|page 2")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	look(t, "at rest", Data{Dir: dir}.Run(t.Context()), private, written, disk, key, "ok database|whole")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "secret.key"), 0o644)); err != nil {
		t.Fatal(err)
	}
	look(t, "open", Data{Dir: dir}.Run(t.Context()), "warn data_dir|0755", written, disk, "FAIL secret.key|0644", "ok database|whole")
	if err := os.Remove(filepath.Join(dir, "secret.key")); err != nil {
		t.Fatal(err)
	}
	look(t, "no key", Data{Dir: dir}.Run(t.Context()), "warn data_dir|0755", written, disk, "FAIL secret.key|missing", "ok database|whole")
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look(t, "a file", Data{Dir: file}.Run(t.Context()), "FAIL data_dir|is a file")
	if left, err := filepath.Glob(filepath.Join(dir, ".doctor-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// certificate writes one for a name, with its key.
func certificate(t *testing.T, name string, from, until time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: from, NotAfter: until},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	if err := errors.Join(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestPassport(t *testing.T) {
	from := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	cert, key := certificate(t, "p.example.org", from, from.AddDate(0, 0, 90))
	other, _ := certificate(t, "p.example.org", from, from.AddDate(0, 0, 90))
	const url, pem = "passport.public_url", "passport.tls_cert"
	day := func(n int) time.Time { return from.AddDate(0, 0, n) }
	for name, c := range map[string]struct {
		p    config.Passport
		now  time.Time
		want []string
	}{
		"this machine":     {config.Passport{Listen: "127.0.0.1:1", PublicURL: "http://127.0.0.1:1"}, day(1), []string{"ok " + url + "|only this machine"}},
		"open, told local": {config.Passport{Listen: ":1", PublicURL: "http://127.0.0.1:1"}, day(1), []string{"warn " + url + "|this machine itself"}},
		"open, plain":      {config.Passport{Listen: ":1", PublicURL: "http://p.example.org"}, day(1), []string{"warn " + url + "|HTTPS only"}},
		"open, no TLS":     {config.Passport{Listen: ":1", PublicURL: "https://p.example.org"}, day(1), []string{"warn " + url + "|without TLS"}},
		"behind a proxy":   {config.Passport{Listen: "127.0.0.1:1", PublicURL: "https://p.example.org"}, day(1), []string{"ok " + url + "|proxy"}},
		"valid":            {config.Passport{Listen: ":1", PublicURL: "https://p.example.org", TLSCert: cert, TLSKey: key}, day(1), []string{"ok " + url, "ok " + pem + "|2026-11-30", "ok " + pem + "|p.example.org"}},
		"soon over":        {config.Passport{Listen: ":1", PublicURL: "https://p.example.org", TLSCert: cert, TLSKey: key}, day(80), []string{"ok " + url, "warn " + pem + "|expires", "ok " + pem}},
		"over":             {config.Passport{Listen: ":1", PublicURL: "https://p.example.org", TLSCert: cert, TLSKey: key}, day(91), []string{"ok " + url, "FAIL " + pem + "|expired", "ok " + pem}},
		"not yet":          {config.Passport{Listen: ":1", PublicURL: "https://p.example.org", TLSCert: cert, TLSKey: key}, day(-1), []string{"ok " + url, "FAIL " + pem + "|valid from", "ok " + pem}},
		"for another":      {config.Passport{Listen: ":1", PublicURL: "https://q.example.org", TLSCert: cert, TLSKey: key}, day(1), []string{"ok " + url, "ok " + pem, "FAIL " + pem + "|another name"}},
		"not its key":      {config.Passport{Listen: ":1", PublicURL: "https://p.example.org", TLSCert: other, TLSKey: key}, day(1), []string{"ok " + url, "FAIL " + pem + "|does not match"}},
	} {
		look(t, name, Passport{c.p, func() time.Time { return c.now }}.Run(t.Context()), c.want...)
	}
}
