package matrix

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/sql_store_upgrade"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crypto.go: end-to-end encryption, as matrix.md section 5 found it to work.
//
// Each ghost has one device, cross-signed, for ever. Its keys, sessions and the
// friends' devices are in the library's tables (crypto_*) of the gateway's
// database; what seals them is sealed with the gateway's own key.

// Vault seals secrets with a key that is not in the database.
type Vault interface {
	Seal(plain []byte, context string) ([]byte, error)
	Unseal(sealed []byte, context string) ([]byte, error)
}

// The values of Options.Encryption.
const (
	encryptionOff     = "off"     // plain rooms alone; others are told so
	encryptionAllow   = "allow"   // encrypted where the friend can read it, plain elsewhere
	encryptionRequire = "require" // nothing is said in a plain room
)

// Contexts of what is sealed: one cannot stand for another.
const (
	sealPickle = "matrix: pickle key"
	sealToken  = "matrix: device token"
	sealSeeds  = "matrix: cross-signing seeds"
)

// pickleKeyBytes is the size of the key that seals the library's tables.
const pickleKeyBytes = 32

// devices has the ghosts' devices that were used since the start. The mutex
// guards the map alone; a device's own guards the work on it.
type devices struct {
	n      *Network
	db     *dbutil.Database
	pickle []byte

	mu  sync.Mutex
	all map[id.Account]*device
}

// encrypts tells whether encrypted rooms can be used at all.
func (n *Network) encrypts() bool { return n.devices != nil }

// openDevices brings the library's tables up to date and reads or makes the key
// that seals them.
func openDevices(ctx context.Context, n *Network) (*devices, error) {
	if n.o.Vault == nil {
		return nil, errors.New("matrix: encryption without a vault for its secrets")
	}
	wrapped, err := dbutil.NewWithDB(n.db, "sqlite")
	if err != nil {
		return nil, fmt.Errorf("matrix: database: %w", err)
	}
	child := wrapped.Child(sql_store_upgrade.VersionTableName, sql_store_upgrade.Table, nil)
	if err := child.Upgrade(ctx); err != nil {
		return nil, fmt.Errorf("matrix: bring the tables of encryption up to date: %w", err)
	}
	d := &devices{n: n, db: wrapped, all: make(map[id.Account]*device)}
	d.pickle, err = d.openPickle(ctx)
	return d, err
}

// openPickle reads the key, or makes it at the first start.
func (ds *devices) openPickle(ctx context.Context) ([]byte, error) {
	var sealed []byte
	err := ds.n.db.QueryRowContext(ctx, `SELECT sealed FROM matrix_secrets WHERE name = ?`, sealPickle).Scan(&sealed)
	if err == nil {
		key, err := ds.n.o.Vault.Unseal(sealed, sealPickle)
		if err != nil {
			return nil, fmt.Errorf("matrix: the key of encryption: %w", err)
		}
		return key, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("matrix: read the key of encryption: %w", err)
	}
	key := make([]byte, pickleKeyBytes)
	_, _ = rand.Read(key) // never fails
	if sealed, err = ds.n.o.Vault.Seal(key, sealPickle); err != nil {
		return nil, fmt.Errorf("matrix: seal the key of encryption: %w", err)
	}
	return key, ds.n.exec(ctx, "store the key of encryption", `INSERT INTO matrix_secrets (name, sealed) VALUES (?, ?)`, sealPickle, sealed)
}

// of gives the device of an account, ready for use: it is made first if it is
// not there, and compared with what the homeserver has at its first use.
func (ds *devices) of(ctx context.Context, a id.Account) (*device, error) {
	ds.mu.Lock()
	d := ds.all[a]
	if d == nil {
		d = &device{n: ds.n, account: a, fresh: make(map[string]bool), again: make(map[string]time.Time)}
		ds.all[a] = d
	}
	ds.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mach != nil {
		return d, nil
	}
	if err := d.open(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// drop forgets what is in memory of an account's device, so that the next use
// looks at everything again.
func (ds *devices) drop(a id.Account) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	delete(ds.all, a)
}

// forget removes the device of an account that is gone.
func (ds *devices) forget(ctx context.Context, a id.Account) error {
	ds.drop(a)
	user, err := ds.n.ghostID(a)
	if err != nil {
		return nil // it never had one
	}
	for _, table := range []string{"crypto_olm_session", "crypto_megolm_inbound_session", "crypto_megolm_outbound_session", "crypto_secrets", "crypto_account"} {
		if err := ds.n.exec(ctx, "forget "+table, `DELETE FROM `+table+` WHERE account_id = ?`, user); err != nil {
			return err
		}
	}
	return ds.n.exec(ctx, "forget device", `DELETE FROM matrix_devices WHERE account = ?`, a)
}

// dropSessions has the next message to a room be encrypted with new keys, for
// whichever ghost: membership or the friend's devices have changed.
func (n *Network) dropSessions(ctx context.Context, room string) error {
	if !n.encrypts() {
		return nil
	}
	return n.exec(ctx, "drop sessions", `DELETE FROM crypto_megolm_outbound_session WHERE room_id = ?`, room)
}

// errNoDevices is a homeserver that lets ghosts have no devices.
var errNoDevices = bridge.Permanent(textNoDevices, errors.New("matrix: the homeserver lets our ghosts have no devices"))

// cryptoStore is the library's store with a trap mended: it shares the friends'
// device lists between all ghosts, so that the first ghost to see a new device
// is the only one to see a change. Its session must end, and so must those of
// all others in that room (matrix.md 5.7).
type cryptoStore struct {
	*crypto.SQLCryptoStore
	n *Network
}

// RemoveOutboundGroupSession removes the sessions of all ghosts in a room.
func (s *cryptoStore) RemoveOutboundGroupSession(ctx context.Context, room mxRoom) error {
	return s.n.dropSessions(ctx, string(room))
}
