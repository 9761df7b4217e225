package config

import (
	"sort"
	"strconv"
	"strings"
)

// ours picks the variables with our prefix. An empty one counts as not set:
// that is what container files make of a variable nobody gave.
func ours(environ []string) map[string]string {
	env := make(map[string]string)
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && value != "" && strings.HasPrefix(name, EnvPrefix) {
			env[name] = value
		}
	}
	return env
}

// parseEnv gives the values of variables by key, each of its field's type, the
// tokens by variable, and what is wrong with the rest. It fills src.env.
func parseEnv(env map[string]string, fields []field, src sources) (values map[string]any, tokens map[string]string, faults []Fault) {
	byName := make(map[string]field)
	known := []string{EnvConfig[len(EnvPrefix):], EnvDiscordToken[len(EnvPrefix):], EnvAdminToken[len(EnvPrefix):]} // compared without the prefix
	for _, f := range fields {
		byName[EnvName(f.key)] = f
		known = append(known, EnvName(f.key)[len(EnvPrefix):])
	}
	names := make([]string, 0, len(env))
	for name := range env {
		names = append(names, name)
	}
	sort.Strings(names)
	values, tokens = make(map[string]any), make(map[string]string)
	for _, name := range names {
		f, ok := byName[name]
		switch {
		case name == EnvConfig:
		case name == EnvDiscordToken, name == EnvAdminToken:
			tokens[name] = env[name]
		case !ok:
			faults = append(faults, Fault{Key: name, Problem: "is not a known variable" + didYouMean(EnvPrefix, name[len(EnvPrefix):], known),
				Allowed: EnvPrefix + "SECTION_KEY for a key of the configuration", Where: "environment"})
		default:
			v, problem, allowed := textValue(env[name], f.value)
			src.env[f.key] = true
			if problem != "" {
				faults = append(faults, Fault{Key: f.key, Problem: problem, Allowed: allowed, Where: name})
				continue
			}
			values[f.key] = v
		}
	}
	return values, tokens, faults
}

// textValue reads a variable as the type that like has.
func textValue(text string, like any) (value any, problem, allowed string) {
	switch like.(type) {
	case bool:
		if strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
			return strings.EqualFold(text, "true"), "", ""
		}
		return nil, "should be true or false", "true, false"
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, "should be a whole number", "digits"
		}
		return n, "", ""
	case []string:
		list := []string{}
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		return list, "", ""
	}
	return text, "", ""
}
