package service

import (
	"bytes"
	"context"
	"html/template"
	"net/url"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

const (
	// namePath is the page that a box chooses its Messenger address with.
	namePath = "/choose-name"
	// maxName is the longest name taken from the form, in bytes: the input field has as many places.
	maxName = 32
	// maxForm is the longest form body read, in bytes.
	maxForm = 1 << 10
)

// TextBadName is the answer to a name that can be none.
const TextBadName = "Please choose a name of letters and digits."

// homePage follows section 13: HTML 3.2 in tables, large letters on a dark background, nothing to load beside it.
var homePage = template.Must(template.New("home").Parse(`<html>
<head><title>{{.Title}}</title></head>
<body bgcolor="#191919" text="#E7CE4A" link="#6ABAD3" vlink="#6ABAD3" fontsize="large" hspace="12" vspace="8">
<table width="100%" cellspacing="0" cellpadding="6">
<tr><td><font size="+2">{{.Title}}</font></td></tr>
{{if .Notice}}<tr><td><font color="#FF8C69">{{.Notice}}</font></td></tr>
{{end}}{{if .Address}}<tr><td>Your Messenger address is<br><b>{{.Address}}</b></td></tr>
<tr><td>Messenger signs in by itself. Your friends write to this address.</td></tr>
{{else if .MayRegister}}<tr><td>Choose your Messenger address. Nobody else can have it afterwards, and it cannot be changed.</td></tr>
<tr><td><form action="{{.Action}}" method="post"><input name="name" size="16" maxlength="{{.MaxName}}" asciionly selected>
@{{.Domain}}<br><br><input type="submit" value="Take this address"></form></td></tr>
{{else}}<tr><td>This WebTV is not signed up for Messenger yet.</td></tr>
<tr><td>Please tell the operator of your service its number:<br><b>{{.SSID}}</b></td></tr>
{{end}}{{range .Links}}<tr><td><a href="{{.URL}}">{{.Title}}</a></td></tr>
{{end}}</table>
</body>
</html>
`))

// homeData is what the page shows.
type homeData struct {
	Title, Notice, Address, Domain, SSID string
	MayRegister                          bool
	MaxName                              int
	Action                               template.URL
	Links                                []homeLink
}

type homeLink struct {
	Title string
	URL   template.URL // of our own services, which the template would not know as safe
}

// home shows who the box is to Messenger.
func (s *Standalone) home(ctx context.Context, r *server.Request) *server.Response {
	t, err := s.known(r)
	if err != nil {
		return s.lost(r, err)
	}
	sub, err := s.o.Subscribers.Subscriber(ctx, s.box(r, t))
	if err != nil {
		return refusalOf(err)
	}
	return s.homeOf(t.SSID, sub, "", nil)
}

// chooseName makes an account of the name that the box's user typed, and switches Messenger on at once (section 9.2). Only a
// secured connection will do: a ticket alone can be overheard.
func (s *Standalone) chooseName(ctx context.Context, r *server.Request) *server.Response {
	t, err := s.known(r)
	if err != nil {
		return s.lost(r, err)
	}
	if !r.Session.Secured {
		return server.Refuse(500, TextNotSecured, "a name was chosen without SECURE ON")
	}
	p, ok := s.places(r.Session)
	if !ok {
		return nowhere()
	}
	name := chosen(r)
	if name == "" || len(name) > maxName {
		return server.Refuse(400, TextBadName, "a name of no or too many characters was chosen")
	}
	sub, err := s.o.Subscribers.Register(ctx, s.box(r, t), name)
	if err != nil {
		return refusalOf(err)
	}
	var h wire.Header
	s.addMessenger(&h, p, sub)
	return s.homeOf(t.SSID, sub, "Messenger is ready.", h)
}

// chosen is what was typed, from the body of a POST or the query of a GET.
func chosen(r *server.Request) string {
	text := r.URL.Query
	if r.Method == wire.MethodPost {
		text = string(r.Body[:min(len(r.Body), maxForm)])
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return ""
	}
	return form.Get("name")
}

func (s *Standalone) homeOf(ssid string, sub Subscriber, notice string, h wire.Header) *server.Response {
	data := homeData{Title: "Messenger", Notice: notice, Address: sub.Address(), Domain: sub.Domain, SSID: ssid,
		MayRegister: sub.MayRegister, MaxName: maxName, Action: template.URL(HomeName + ":" + namePath)}
	for _, l := range s.o.Links {
		data.Links = append(data.Links, homeLink{l.Title, template.URL(l.URL)})
	}
	var b bytes.Buffer
	if err := homePage.Execute(&b, data); err != nil {
		return server.Refuse(500, server.TextTrouble, "home page: "+err.Error())
	}
	h.Add("Expires", noCache)
	return &server.Response{Status: 200, Text: "OK", Header: h, ContentType: "text/html", Body: b.Bytes(), Compress: true}
}
