package discordtest

import (
	"net/url"
	"strings"
)

// route is one row of the table of reference 8.1.
type route struct {
	name     string // "POST /channels/{channel}/messages"
	method   string
	parts    []string
	open     bool // the token is in the path
	free     bool // does not count into the global limit
	do       func(*call) (int, any, *failure)
	majorKey string // the parameter that has buckets of its own
}

// match finds the route of a request and its parameters, unescaped.
func match(table []*route, method, path string) (*route, map[string]string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var best *route
	var found map[string]string
	for _, rt := range table {
		if rt.method != method || len(rt.parts) != len(parts) {
			continue
		}
		if param, ok := rt.params(parts); ok && (best == nil || len(param) < len(found)) {
			best, found = rt, param
		}
	}
	return best, found
}

func (rt *route) params(parts []string) (map[string]string, bool) {
	param := make(map[string]string)
	for i, p := range rt.parts {
		if !strings.HasPrefix(p, "{") {
			if p != parts[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(parts[i])
		if err != nil || v == "" {
			return nil, false
		}
		param[strings.Trim(p, "{}")] = v
	}
	return param, true
}

func newRoute(name string, do func(*call) (int, any, *failure)) *route {
	method, path, _ := strings.Cut(name, " ")
	rt := &route{name: name, method: method, parts: strings.Split(strings.Trim(path, "/"), "/"), do: do}
	for _, p := range []string{"{channel}", "{guild}", "{webhook}"} {
		if strings.Contains(name, p) {
			rt.majorKey = strings.Trim(p, "{}")
			break
		}
	}
	rt.open = strings.Contains(name, "{token}")
	rt.free = strings.HasPrefix(path, "/interactions/")
	return rt
}

// routes is the table. A webhook with the application's id is an interaction's.
func routes() []*route {
	return []*route{
		newRoute("GET /gateway", getGateway),
		newRoute("GET /gateway/bot", getGatewayBot),
		newRoute("GET /users/@me", getMe),
		newRoute("GET /users/{user}", getUser),
		newRoute("GET /oauth2/applications/@me", getApplication),
		newRoute("GET /applications/@me", getApplication),
		newRoute("POST /users/@me/channels", openDM),
		newRoute("GET /channels/{channel}", getChannel),
		newRoute("PATCH /channels/{channel}", patchChannel),
		newRoute("GET /channels/{channel}/messages", getMessages),
		newRoute("POST /channels/{channel}/messages", postMessage),
		newRoute("GET /channels/{channel}/messages/{message}", getMessage),
		newRoute("PATCH /channels/{channel}/messages/{message}", patchMessage),
		newRoute("DELETE /channels/{channel}/messages/{message}", deleteMessage),
		newRoute("PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me", putReaction),
		newRoute("DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/@me", deleteReaction),
		newRoute("POST /channels/{channel}/typing", postTyping),
		newRoute("GET /channels/{channel}/webhooks", getWebhooks),
		newRoute("POST /channels/{channel}/webhooks", postWebhook),
		newRoute("GET /guilds/{guild}/webhooks", getGuildWebhooks),
		newRoute("DELETE /webhooks/{webhook}", deleteWebhook),
		newRoute("POST /webhooks/{webhook}/{token}", execute),
		newRoute("GET /webhooks/{webhook}/{token}/messages/{message}", hookMessage),
		newRoute("PATCH /webhooks/{webhook}/{token}/messages/{message}", hookMessage),
		newRoute("DELETE /webhooks/{webhook}/{token}/messages/{message}", hookMessage),
		newRoute("POST /channels/{channel}/threads", postThread),
		newRoute("PUT /channels/{channel}/thread-members/{user}", putThreadMember),
		newRoute("DELETE /channels/{channel}/thread-members/{user}", deleteThreadMember),
		newRoute("GET /guilds/{guild}", getGuild),
		newRoute("GET /guilds/{guild}/channels", getGuildChannels),
		newRoute("GET /guilds/{guild}/roles", getRoles),
		newRoute("GET /guilds/{guild}/members/search", searchMembers),
		newRoute("GET /guilds/{guild}/members/{user}", getMember),
		newRoute("GET /guilds/{guild}/threads/active", getActiveThreads),
		newRoute("GET /applications/{application}/commands", getCommands),
		newRoute("PUT /applications/{application}/commands", putCommands),
		newRoute("POST /interactions/{interaction}/{token}/callback", callback),
	}
}
