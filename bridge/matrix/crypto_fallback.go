package matrix

import (
	"context"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/goolm/account"
	"maunium.net/go/mautrix/crypto/signatures"
	mid "maunium.net/go/mautrix/id"
)

// crypto_fallback.go: how many one-time keys a ghost has left, and the key that
// friends take when there is none. The library has no call for that one.

// offerFallback uploads a fallback key, unless the last one made was taken by
// the homeserver and is still good.
func (d *device) offerFallback(ctx context.Context, mach *crypto.OlmMachine) error {
	acc, ok := mach.GetAccount().Internal.(*account.Account)
	if !ok {
		return nil // another Olm than the one that is built in
	}
	if len(acc.FallbackKeyUnpublished()) == 0 {
		if err := acc.GenFallbackKey(); err != nil {
			return fmt.Errorf("matrix: make a fallback key: %w", err)
		}
	}
	keys := make(map[mid.KeyID]*mautrix.OneTimeKey)
	for keyID, public := range acc.FallbackKeyUnpublished() {
		key := mautrix.OneTimeKey{Key: public, Fallback: true, IsSigned: true}
		signature, err := mach.GetAccount().SignJSON(&key)
		if err != nil {
			return fmt.Errorf("matrix: sign a fallback key: %w", err)
		}
		key.Signatures = signatures.NewSingleSignature(d.client.UserID, mid.KeyAlgorithmEd25519, string(d.row.device), signature)
		keys[mid.NewKeyID(mid.KeyAlgorithmSignedCurve25519, keyID)] = &key
	}
	if err := d.store.PutAccount(ctx, mach.GetAccount()); err != nil { // before anybody can use it
		return fmt.Errorf("matrix: store a fallback key: %w", err)
	}
	body := struct {
		Keys map[mid.KeyID]*mautrix.OneTimeKey `json:"fallback_keys"`
	}{keys}
	if _, err := d.client.MakeRequest(ctx, "POST", d.client.BuildClientURL("v3", "keys", "upload"), body, nil); err != nil {
		return d.n.judge(err, textNoDevices)
	}
	acc.CurrentFallbackKey.Published = true
	if err := d.store.PutAccount(ctx, mach.GetAccount()); err != nil {
		return fmt.Errorf("matrix: store a fallback key: %w", err)
	}
	return nil
}

// fallbackUsed tells from a sync whether somebody has taken the fallback key.
// Homeservers that do not say it have none.
func fallbackUsed(resp *mautrix.RespSync) bool {
	return resp.FallbackKeys != nil && !slices.Contains(resp.FallbackKeys, mid.KeyAlgorithmSignedCurve25519)
}

// countKeys makes sure that the number of one-time keys that a sync tells is one.
// Dendrite leaves it out of an answer that has nothing else [run], which reads as
// none left; and whoever then makes new ones each time throws away the private
// halves of those that friends have taken.
func (d *device) countKeys(ctx context.Context, resp *mautrix.RespSync) error {
	if resp.DeviceOTKCount.SignedCurve25519 > 0 {
		return nil
	}
	if now := d.n.now(); now.Sub(d.counted) >= countEvery {
		real, err := d.client.UploadKeys(ctx, &mautrix.ReqUploadKeys{})
		if err != nil {
			return d.n.judge(err, textNoDevices)
		}
		d.counted = now
		resp.DeviceOTKCount.SignedCurve25519 = real.OneTimeKeyCounts.SignedCurve25519
		return nil
	}
	resp.DeviceOTKCount.SignedCurve25519 = enoughKeys
	return nil
}

const (
	// countEvery is how often a homeserver that tells no number is asked for it.
	countEvery = 5 * time.Minute
	// enoughKeys is a number at which no new keys are made: half of what the
	// library keeps.
	enoughKeys = 50
)
