package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// Request is one operation.
type Request struct {
	Verb     Verb   `json:"verb"`
	Account  string `json:"account,omitempty"`
	Contact  string `json:"contact,omitempty"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password,omitempty"`
	Lists    string `json:"lists,omitempty"` // FL,AL
	SSID     string `json:"ssid,omitempty"`
	UserID   int    `json:"user_id,omitempty"`
	Key      string `json:"key,omitempty"` // of a setting
	Value    string `json:"value,omitempty"`
	Text     string `json:"text,omitempty"` // of a notice
	ID       string `json:"id,omitempty"`   // of a message
	File     string `json:"file,omitempty"` // absolute
	Seconds  int    `json:"seconds,omitempty"`
	Texts    bool   `json:"texts,omitempty"` // messages as they are
}

// Verb names an operation.
type Verb string

// The operations.
const (
	AccountAdd       Verb = "account.add"
	AccountList      Verb = "account.list"
	AccountShow      Verb = "account.show"
	AccountRemove    Verb = "account.remove"
	AccountPassword  Verb = "account.password"
	AccountLinkBox   Verb = "account.link-box"
	AccountUnlinkBox Verb = "account.unlink-box"
	AccountSet       Verb = "account.set"
	ContactAdd       Verb = "contact.add"
	ContactList      Verb = "contact.list"
	ContactRemove    Verb = "contact.remove"
)

// Operator carries out requests on a hub.
type Operator struct {
	Hub *bridge.Hub
	// KeepPasswords is accounts.md5_passwords.
	KeepPasswords bool
	// Running describes the gateway; nil when none runs in this process.
	Running func() Running
	// Recorder makes recordings of what clients say; nil when no gateway runs in
	// this process.
	Recorder Recorder
}

// Do carries out one request and gives what the command prints. Errors are
// sentences for the operator.
func (o *Operator) Do(ctx context.Context, r Request) (string, error) {
	if run := o.general(r.Verb); run != nil {
		return run(ctx, r)
	}
	a, err := o.Hub.ParseAccount(r.Account)
	if err != nil {
		return "", err
	}
	run, ok := map[Verb]func(context.Context, id.Account, Request) (string, error){
		AccountAdd: o.add, AccountShow: o.show, AccountRemove: o.remove, AccountPassword: o.password,
		AccountLinkBox: o.link, AccountUnlinkBox: o.unlink, AccountSet: o.set,
		ContactAdd: o.contactAdd, ContactList: o.contactList, ContactRemove: o.contactRemove, SessionKick: o.kick,
		RecordStart: o.recordStart, RecordStop: o.recordStop,
	}[r.Verb]
	if !ok {
		return "", fmt.Errorf("the running gateway does not know %q: is it another version?", r.Verb)
	}
	out, err := run(ctx, a, r)
	return out, explain(err, a)
}

// explain makes sentences of what the store says in its own terms.
func explain(err error, a id.Account) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("there is no account %s; `wtvgate account list` shows all", a)
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("the account %s exists already", a)
	case errors.Is(err, store.ErrBoxTaken), errors.Is(err, store.ErrInvalid):
		return errors.New(strings.TrimPrefix(err.Error(), "store: ")) // sentences already
	}
	return err
}

func (o *Operator) add(ctx context.Context, a id.Account, r Request) (string, error) {
	err := o.Hub.CreateAccount(ctx, bridge.NewAccount{Address: a, Name: r.Name, Password: r.Password, KeepPassword: o.KeepPasswords})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("added %s\nnext: `wtvgate account link-box %s --ssid SSID` lets a box sign in\n", a, a), nil
}

func (o *Operator) list(ctx context.Context) (string, error) {
	all, err := o.Hub.AccountInfos(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "no accounts yet: `wtvgate account add NAME@DOMAIN` makes one\n", nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tBOXES\tPASSWORD\tSIGNED IN")
	for _, a := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", a.Address, a.Name, len(a.Boxes), yes(a.HasPassword), yes(o.Hub.Seat(a.Address) != nil))
	}
	w.Flush()
	return b.String(), nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (o *Operator) show(ctx context.Context, a id.Account, _ Request) (string, error) {
	info, err := o.Hub.AccountInfo(ctx, a)
	if err != nil {
		return "", err
	}
	roster, err := o.Hub.Roster(ctx, a)
	if err != nil {
		return "", err
	}
	peers, err := o.Hub.WaitingPeers(ctx, a)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "address\t%s\nname\t%s\nmade\t%s\npassword\t%s\nsigned in\t%s\n", info.Address, info.Name,
		info.Created.Local().Format("2006-01-02 15:04"), yes(info.HasPassword), yes(o.Hub.Seat(a) != nil))
	for _, x := range info.Boxes {
		fmt.Fprintf(w, "box\t%s user %d\n", x.SSID, x.UserID)
	}
	fmt.Fprintf(w, "contacts\t%d\nprivacy\t%s\n", len(roster.Contacts), privacyWords(roster.Privacy))
	settings, err := o.Hub.Settings(ctx, a)
	if err != nil {
		return "", err
	}
	for _, s := range settings.List() {
		fmt.Fprintf(w, "%s\t%s\n", s.Key, s.Value)
	}
	for _, p := range peers {
		fmt.Fprintf(w, "messages wait from\t%s\n", p)
	}
	w.Flush()
	return b.String(), nil
}

func privacyWords(mode string) string {
	if mode == "BL" {
		return "closed: only the allow list gets through"
	}
	return "open: everyone but the block list gets through"
}

func (o *Operator) remove(ctx context.Context, a id.Account, _ Request) (string, error) {
	if err := o.Hub.RemoveAccount(ctx, a); err != nil {
		return "", err
	}
	return fmt.Sprintf("removed %s\n", a), nil
}

func (o *Operator) password(ctx context.Context, a id.Account, r Request) (string, error) {
	if err := o.Hub.SetPassword(ctx, a, r.Password, o.KeepPasswords); err != nil {
		return "", err
	}
	return fmt.Sprintf("password of %s set\n", a), nil
}

func (o *Operator) link(ctx context.Context, a id.Account, r Request) (string, error) {
	if err := o.Hub.LinkBox(ctx, a, store.Box{SSID: r.SSID, UserID: r.UserID}); err != nil {
		return "", err
	}
	return fmt.Sprintf("box %s (user %d) signs in as %s\n", strings.ToLower(r.SSID), r.UserID, a), nil
}

func (o *Operator) unlink(ctx context.Context, a id.Account, _ Request) (string, error) {
	if _, err := o.Hub.AccountInfo(ctx, a); err != nil {
		return "", err
	}
	boxes, keys, err := o.Hub.UnlinkBoxes(ctx, a)
	if err != nil {
		return "", err
	}
	if boxes == 0 {
		return "", fmt.Errorf("no box is linked to %s", a)
	}
	return fmt.Sprintf("no box signs in as %s any more (%d unlinked, %d of their sign-on keys forgotten)\n"+
		"nobody takes the address over: `wtvgate account link-box %s --ssid SSID` says which box has it next\n", a, boxes, keys, a), nil
}
