package store

import (
	"context"
	"fmt"
	"time"

	"wtvgate/bridge/id"
)

// pictures.go: the links under which boxes fetch friends' pictures.

// PictureLink is a link and what is behind it.
type PictureLink struct {
	Token   string // unguessable
	Account id.Account
	Network id.Network
	File    string // one for each picture of a network, for caches
	Ref     string // the picture in the network's own words; kept encrypted
	Expires time.Time
}

const (
	sqlPicture = `SELECT account, network, file, ref, expires FROM pictures WHERE token = ?`
	// sqlCrowded removes all but an account's newest.
	sqlCrowded = `DELETE FROM pictures WHERE account = ?1 AND token NOT IN
		(SELECT token FROM pictures WHERE account = ?1 ORDER BY expires DESC LIMIT ?2)`
	sqlPrunePictures = `DELETE FROM pictures WHERE token IN (SELECT token FROM pictures WHERE expires <= ? LIMIT ?)`
)

// AddPicture stores a link and gives its token: that of an earlier one if the
// account has a link to the picture, which then lives as long as this one. An
// account keeps its newest links up to most. ErrNotFound: there is no such
// account.
func (s *Store) AddPicture(ctx context.Context, p PictureLink, most int) (token string, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		if _, err := tx.Account(p.Account); err != nil {
			return err
		}
		sealed, err := s.Seal([]byte(p.Ref), pictureContext(p.File))
		if err != nil {
			return err
		}
		err = tx.row(`INSERT INTO pictures (token, account, network, file, ref, expires) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, file) DO UPDATE SET expires = excluded.expires RETURNING token`,
			[]any{p.Token, p.Account, p.Network, p.File, sealed, millis(p.Expires)}, &token)
		if err != nil {
			return fmt.Errorf("store: a picture's link for %s: %w", p.Account, err)
		}
		if _, err := tx.exec(sqlCrowded, p.Account, most); err != nil {
			return fmt.Errorf("store: removing old links of %s: %w", p.Account, err)
		}
		return nil
	})
	return token, err
}

// Picture finds what is behind a link, expired or not. ErrNotFound.
func (s *Store) Picture(ctx context.Context, token string) (PictureLink, error) {
	q, done, err := s.reader(ctx)
	if err != nil {
		return PictureLink{}, err
	}
	defer done()
	p := PictureLink{Token: token}
	var sealed []byte
	var expires int64
	if err := q.row(sqlPicture, []any{token}, &p.Account, &p.Network, &p.File, &sealed, &expires); err != nil {
		return PictureLink{}, fmt.Errorf("store: reading a picture's link: %w", err)
	}
	ref, err := s.Unseal(sealed, pictureContext(p.File))
	p.Ref, p.Expires = string(ref), fromMillis(expires)
	return p, err
}

func pictureContext(file string) string { return "picture " + file }
