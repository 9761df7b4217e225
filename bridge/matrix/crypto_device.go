package matrix

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// crypto_device.go: how a ghost gets its device and keeps it.

// How the homeserver gives a ghost its device (matrix.md 2).
const (
	modeMasquerade = "masquerade" // PUT /devices, and requests that name it: newer Synapse
	modeLogin      = "login"      // an application service's login, and the token it gives: Dendrite
)

// deviceName is what friends read in the list of a ghost's devices.
const deviceName = "WebTV gateway"

// device is a ghost's device. Its library parts have locks of their own; mu
// guards making it ready and the notes below it.
type device struct {
	n       *Network
	account id.Account

	mu     sync.Mutex
	row    deviceRow
	client *mautrix.Client // acts as the device
	store  *cryptoStore
	mach   *crypto.OlmMachine // nil until it is ready

	sending sync.Mutex           // one message is encrypted at a time
	fresh   map[string]bool      // rooms whose friend's devices were asked for since the start; under sending
	again   map[string]time.Time // rooms whose session misses a device: when to make another; under sending

	syncing sync.Mutex // one sync is taken at a time
	counted time.Time  // when the homeserver was asked how many one-time keys it has; under syncing
}

// deviceRow is a row of matrix_devices.
type deviceRow struct {
	device mid.DeviceID
	mode   string
	token  []byte // sealed
	seeds  []byte // sealed
	ready  bool
	since  string
}

// open makes the device ready. The caller holds mu.
func (d *device) open(ctx context.Context) error {
	acc, ok := d.n.ghosts.account(d.account)
	if !ok {
		return bridge.Permanent(textRefused, fmt.Errorf("matrix: %s has no ghost", d.account))
	}
	if err := d.n.ensureGhost(ctx, acc, false); err != nil {
		return err
	}
	for range 2 { // a device that the homeserver has lost is made anew, once
		lost, err := d.try(ctx)
		if err != nil || !lost {
			return err
		}
		d.n.log.Warn("the homeserver has lost a ghost's device, it gets another", "account", d.account, "device", d.row.device)
		if err := d.renew(ctx); err != nil {
			return err
		}
	}
	return bridge.Permanent(textNoDevices, errors.New("matrix: the homeserver forgets a device that was just made"))
}

// try makes the device ready unless the homeserver has lost it.
func (d *device) try(ctx context.Context) (lost bool, err error) {
	if err := d.read(ctx); err != nil {
		return false, err
	}
	if err := d.connect(ctx); err != nil {
		return false, err
	}
	log := libraryLog(d.n.log)
	sql := crypto.NewSQLCryptoStore(d.n.devices.db, nil, string(d.client.UserID), d.row.device, d.n.devices.pickle)
	d.store = &cryptoStore{SQLCryptoStore: sql, n: d.n}
	mach := crypto.NewOlmMachine(d.client, &log, d.store, stateStore{d.n})
	mach.SetBackgroundCtx(context.WithoutCancel(ctx))
	mach.SessionReceived = d.n.keyArrived
	mach.IgnorePostDecryptionParseErrors = true // read like any other event
	if err := mach.Load(ctx); err != nil {
		return false, fmt.Errorf("matrix: load a ghost's keys: %w", err)
	}
	if d.row.ready {
		if lost, err = d.lost(ctx, mach); lost || err != nil {
			return lost, err
		}
		if err := d.importSeeds(mach); err != nil {
			return false, err
		}
	} else if err := d.publish(ctx, mach); err != nil {
		return false, err
	}
	d.mach = mach
	return false, nil
}

// read reads the row and writes it first if there is none: the device's id has
// to be known before the homeserver is asked, so that a second try asks for the
// same.
func (d *device) read(ctx context.Context) error {
	fresh := newDeviceID()
	err := d.n.exec(ctx, "store device", `INSERT INTO matrix_devices (account, device) VALUES (?, ?) ON CONFLICT (account) DO NOTHING`, d.account, fresh)
	if err != nil {
		return err
	}
	ctx, cancel := dbContext(ctx)
	defer cancel()
	err = d.n.db.QueryRowContext(ctx, `SELECT device, mode, token, seeds, ready, since FROM matrix_devices WHERE account = ?`, d.account).
		Scan(&d.row.device, &d.row.mode, &d.row.token, &d.row.seeds, &d.row.ready, &d.row.since)
	if err != nil {
		return fmt.Errorf("matrix: find device: %w", err)
	}
	return nil
}

func newDeviceID() mid.DeviceID { return mid.DeviceID("WEBTV" + rand.Text()[:8]) }

// renew takes another device, with the same cross-signing keys: those cannot be
// replaced everywhere (matrix.md 5.1).
func (d *device) renew(ctx context.Context) error {
	return d.n.inbox.inTx(ctx, "renew device", func(ctx context.Context, tx *sql.Tx) error {
		for _, table := range []string{"crypto_olm_session", "crypto_megolm_outbound_session", "crypto_account"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE account_id = ?`, d.client.UserID); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE matrix_devices SET device = ?, mode = '', token = x'', ready = 0, since = '' WHERE account = ?`,
			newDeviceID(), d.account)
		return err
	})
}

// connect makes the client that acts as the device, and the device with it if
// the homeserver has not given it yet.
func (d *device) connect(ctx context.Context) error {
	_, c, err := d.n.ghost(d.account)
	if err != nil {
		return err
	}
	d.client = c
	c.DeviceID = d.row.device
	switch d.row.mode {
	case modeMasquerade:
		c.SetAppServiceDeviceID = true
		return nil
	case modeLogin:
		token, err := d.n.o.Vault.Unseal(d.row.token, sealToken)
		if err != nil {
			return fmt.Errorf("matrix: token of a ghost's device: %w", err)
		}
		c.AccessToken, c.SetAppServiceUserID = string(token), false
		return nil
	}
	ok, err := d.masquerade(ctx)
	if err != nil || ok {
		return err
	}
	return d.login(ctx)
}

// masquerade asks for the device the newer way; false if the homeserver does not
// know it.
func (d *device) masquerade(ctx context.Context) (bool, error) {
	err := d.client.CreateDeviceMSC4190(ctx, d.row.device, deviceName)
	if err := d.n.judge(err, textNoDevices); permanent(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	me, err := d.client.Whoami(ctx)
	if err := d.n.judge(err, textNoDevices); err != nil && !permanent(err) {
		return false, err
	}
	if err != nil || me.DeviceID != d.row.device {
		d.client.SetAppServiceDeviceID = false
		return false, nil
	}
	d.row.mode = modeMasquerade
	return true, d.n.exec(ctx, "store device", `UPDATE matrix_devices SET mode = ? WHERE account = ?`, d.row.mode, d.account)
}

// login asks for the device the older way. The same id again gives a new token
// and keeps the keys.
func (d *device) login(ctx context.Context) error {
	_, c, err := d.n.ghost(d.account)
	if err != nil {
		return err
	}
	resp, err := c.Login(ctx, &mautrix.ReqLogin{
		Type: mautrix.AuthTypeAppservice, DeviceID: d.row.device, InitialDeviceDisplayName: deviceName,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: string(c.UserID)},
	})
	if err := d.n.judge(err, textNoDevices); permanent(err) {
		d.n.log.Debug("no device for a ghost", "account", d.account, "err", err)
		return errNoDevices
	} else if err != nil {
		return err
	}
	sealed, err := d.n.o.Vault.Seal([]byte(resp.AccessToken), sealToken)
	if err != nil {
		return fmt.Errorf("matrix: seal the token of a ghost's device: %w", err)
	}
	d.client.AccessToken, d.client.SetAppServiceUserID = resp.AccessToken, false
	d.row.mode = modeLogin
	return d.n.exec(ctx, "store device", `UPDATE matrix_devices SET mode = ?, token = ? WHERE account = ?`, d.row.mode, sealed, d.account)
}

// lost asks the homeserver whether it has the device with the keys we have. A
// token that it no longer knows is replaced by another.
func (d *device) lost(ctx context.Context, mach *crypto.OlmMachine) (bool, error) {
	keys, err := d.ownKeys(ctx)
	if errors.Is(err, mautrix.MUnknownToken) && d.row.mode == modeLogin {
		if err := d.login(ctx); err != nil {
			return false, err
		}
		keys, err = d.ownKeys(ctx)
	}
	if err != nil {
		return false, d.n.judge(err, textNoDevices)
	}
	theirs := keys.DeviceKeys[d.client.UserID][d.row.device]
	return theirs.Keys.GetCurve25519(d.row.device) != mach.GetAccount().IdentityKey(), nil
}

func (d *device) ownKeys(ctx context.Context) (*mautrix.RespQueryKeys, error) {
	return d.client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{d.client.UserID: {}}})
}

// publish brings the device's keys to the homeserver and signs it. Each step may
// be done again.
func (d *device) publish(ctx context.Context, mach *crypto.OlmMachine) error {
	if !mach.GetAccount().Shared {
		if err := mach.ShareKeys(ctx, -1); err != nil {
			return d.n.judge(err, textNoDevices)
		}
	}
	if err := d.offerFallback(ctx, mach); err != nil {
		return err
	}
	if err := d.crossSign(ctx, mach); err != nil {
		return err
	}
	d.row.ready = true
	d.n.log.Debug("a ghost has its device", "account", d.account, "device", d.row.device, "mode", d.row.mode)
	return d.n.exec(ctx, "store device", `UPDATE matrix_devices SET ready = 1, next_sync = ? WHERE account = ?`,
		d.n.now().Add(d.n.pace.maintenance).UnixMilli(), d.account)
}

// crossSign gives the ghost its signing keys and signs the device with them.
// Without, clients show a warning or refuse the device (matrix.md 5.1).
func (d *device) crossSign(ctx context.Context, mach *crypto.OlmMachine) error {
	if err := d.importSeeds(mach); err != nil {
		return err
	}
	if mach.CrossSigningKeys == nil {
		if err := d.makeSeeds(ctx, mach); err != nil {
			return err
		}
	}
	keys, err := d.ownKeys(ctx)
	if err != nil {
		return d.n.judge(err, textNoDevices)
	}
	ours := mach.CrossSigningKeys.MasterKey.PublicKey()
	master := keys.MasterKeys[d.client.UserID]
	switch master.FirstKey() {
	case ours:
	case "":
		if err := mach.PublishCrossSigningKeys(ctx, mach.CrossSigningKeys, nil); err != nil {
			return d.n.judge(err, textNoDevices)
		}
	default:
		d.n.log.Error("the homeserver has other signing keys of a ghost; friends will see a warning at its messages", "account", d.account)
		return nil
	}
	if err := mach.SignOwnDevice(ctx, mach.OwnIdentity()); err != nil {
		return d.n.judge(err, textNoDevices)
	}
	return d.n.judge(mach.SignOwnMasterKey(ctx), textNoDevices)
}

// makeSeeds makes the ghost's signing keys and stores them before anybody sees
// them: lost ones cannot be replaced on Dendrite (matrix.md 2).
func (d *device) makeSeeds(ctx context.Context, mach *crypto.OlmMachine) error {
	keys, err := mach.GenerateCrossSigningKeys()
	if err != nil {
		return fmt.Errorf("matrix: make signing keys: %w", err)
	}
	mach.CrossSigningKeys = keys
	plain, err := json.Marshal(mach.ExportCrossSigningKeys())
	if err != nil {
		return fmt.Errorf("matrix: make signing keys: %w", err)
	}
	if d.row.seeds, err = d.n.o.Vault.Seal(plain, sealSeeds); err != nil {
		return fmt.Errorf("matrix: seal signing keys: %w", err)
	}
	return d.n.exec(ctx, "store signing keys", `UPDATE matrix_devices SET seeds = ? WHERE account = ?`, d.row.seeds, d.account)
}

func (d *device) importSeeds(mach *crypto.OlmMachine) error {
	if len(d.row.seeds) == 0 {
		return nil
	}
	plain, err := d.n.o.Vault.Unseal(d.row.seeds, sealSeeds)
	if err != nil {
		return fmt.Errorf("matrix: signing keys: %w", err)
	}
	var seeds crypto.CrossSigningSeeds
	if err = json.Unmarshal(plain, &seeds); err == nil {
		err = mach.ImportCrossSigningKeys(seeds)
	}
	if err != nil {
		return fmt.Errorf("matrix: signing keys: %w", err)
	}
	return nil
}
