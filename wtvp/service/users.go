package service

import (
	"bytes"
	"context"
	"html/template"
	"net/url"
	"slices"
	"strconv"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// whichUser settles which user of the box signs in, and puts the number into what becomes the ticket. A box with one user who has
// an account is that user's. With more, many is true until one is chosen; a box that comes back stays who it was.
func (s *Standalone) whichUser(ctx context.Context, r *server.Request, t *sec.Sealed) (many bool, err error) {
	users, err := s.o.Subscribers.Users(ctx, s.box(r, *t))
	if err != nil || len(users) == 0 {
		return false, err
	}
	if len(users) == 1 {
		t.UserID = users[0].ID
		return false, nil
	}
	has := func(id int) bool { return slices.ContainsFunc(users, func(u User) bool { return u.ID == id }) }
	if r.URL.Path != "/login-stage-two" && has(t.UserID) {
		return false, nil
	}
	query, err := url.ParseQuery(r.URL.Query)
	if err != nil {
		return true, nil
	}
	chosen, err := strconv.Atoi(query.Get("user"))
	if err != nil || !has(chosen) {
		return true, nil
	}
	t.UserID = chosen
	return false, nil
}

// usersPage is what a box with several users shows before its sign-in is complete.
var usersPage = template.Must(template.New("users").Parse(`<html>
<head><title>Who is there?</title></head>
<body bgcolor="#191919" text="#E7CE4A" link="#6ABAD3" vlink="#6ABAD3" fontsize="large" hspace="12" vspace="8">
<table width="100%" cellspacing="0" cellpadding="6">
<tr><td><font size="+2">Who is there?</font></td></tr>
{{range .}}<tr><td><a href="{{.URL}}">{{.Title}}</a></td></tr>
{{end}}</table>
</body>
</html>
`))

// chooseUser shows the users of the box.
func (s *Standalone) chooseUser(ctx context.Context, r *server.Request) *server.Response {
	t, err := s.known(r)
	if err != nil {
		return s.lost(r, err)
	}
	users, err := s.o.Subscribers.Users(ctx, s.box(r, t))
	if err != nil {
		return refusalOf(err)
	}
	links := make([]homeLink, len(users))
	for i, u := range users {
		links[i] = homeLink{u.Address, template.URL(stageTwoURL + "user=" + strconv.Itoa(u.ID))}
	}
	var b bytes.Buffer
	if err := usersPage.Execute(&b, links); err != nil {
		return server.Refuse(500, server.TextTrouble, "users page: "+err.Error())
	}
	return &server.Response{Status: 200, Text: "OK", Header: wire.Header{{Name: "Expires", Value: noCache}},
		ContentType: "text/html", Body: b.Bytes(), Compress: true}
}
