package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml.go: the file as a tree with line numbers, laid beside the schema. viper
// itself would fold case, take a word for a list and forget the lines.

// reader walks one file.
type reader struct {
	src    sources
	fields map[string]field
	keys   []string // of fields and sections
	values map[string]any
	faults []Fault
}

// parseYAML gives the values of a file by key, each of its field's type, and
// what is wrong with the rest. It fills src.lines.
func parseYAML(text []byte, fields []field, src sources) (map[string]any, []Fault) {
	r := &reader{src: src, fields: make(map[string]field), values: make(map[string]any)}
	for _, f := range fields {
		r.fields[f.key] = f
		r.keys = append(r.keys, f.key)
	}
	root, err := decodeYAML(text)
	if err != nil {
		return nil, []Fault{r.syntax(text, err)}
	}
	if root != nil {
		r.section("", root)
	}
	return r.values, r.faults
}

// decodeYAML gives the file's tree, nil if it is empty.
func decodeYAML(text []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := d.Decode(&second); err == nil {
		return nil, fmt.Errorf("line %d: a second document begins here; one is allowed", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	root := resolve(doc.Content[0])
	if isNull(root) {
		return nil, nil
	}
	return root, nil
}

// syntax makes a fault of the parser's complaint. Its words for a tab (a
// character that cannot start any token) help nobody.
func (r *reader) syntax(text []byte, err error) Fault {
	n := 0
	for line := range bytes.Lines(text) {
		if n++; !strings.Contains(err.Error(), "cannot start any token") && !strings.Contains(err.Error(), "tab character") {
			break
		}
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return Fault{Problem: "the line begins with a tab; YAML is indented with spaces only", Where: r.src.line(n)}
		}
	}
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	where := r.src.file
	if rest, ok := strings.CutPrefix(problem, "line "); ok {
		if number, rest, ok := strings.Cut(rest, ": "); ok {
			// It counts some lines from 0 and some from 1.
			where, problem = r.src.file+" near line "+number, rest
		}
	}
	return Fault{Problem: "not YAML: " + problem, Where: where}
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func (r *reader) fault(n *yaml.Node, key, problem, allowed string) {
	r.faults = append(r.faults, Fault{Key: key, Problem: problem, Allowed: allowed, Where: r.src.line(n.Line)})
}

// section reads the keys of a mapping. prefix ends in a dot, or is empty at the
// root.
func (r *reader) section(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		problem := "should be a section with keys of its own"
		if prefix == "" {
			problem = "the file should hold keys and values, such as `data_dir: data`"
		}
		r.fault(n, strings.TrimSuffix(prefix, "."), problem, strings.Join(r.names(prefix), ", "))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		if name.Kind != yaml.ScalarNode {
			r.fault(name, strings.TrimSuffix(prefix, "."), "a key should be a word", "")
			continue
		}
		key := prefix + name.Value
		if first := seen[key]; first > 0 {
			r.fault(name, key, fmt.Sprintf("stands in the file twice, first in line %d", first), "")
			continue
		}
		seen[key] = name.Line
		r.entry(key, name, value)
	}
}

// entry reads one key. One without a value is as if it were not there, so that
// a section may be left with all its keys commented out.
func (r *reader) entry(key string, name, value *yaml.Node) {
	f, leaf := r.fields[key]
	section := r.names(key + ".")
	switch {
	case !leaf && section == nil, strings.Contains(name.Value, "."): // a.b on one line is no section
		r.unknown(key, name)
	case isNull(value):
	case section != nil:
		r.section(key+".", value)
	default:
		r.src.lines[key] = name.Line
		v, problem, allowed := nodeValue(value, f.value)
		if problem != "" {
			r.fault(value, key, problem, allowed)
			return
		}
		r.values[key] = v
	}
}

// unknown looks for the nearest key: in the same section first, then anywhere
// by its last word, for one that was put in the wrong section.
func (r *reader) unknown(key string, name *yaml.Node) {
	prefix := key[:len(key)-len(name.Value)]
	names := r.names(prefix)
	hint := didYouMean("", name.Value, names)
	for _, k := range r.keys {
		if section, last, ok := strings.Cut(k, "."); ok && k == name.Value {
			hint = "; a section's keys are indented below it: " + section + ": {" + last + ": ...}"
		} else if hint == "" && strings.HasSuffix(k, "."+name.Value) {
			hint = "; did you mean " + k + "?"
		}
	}
	r.fault(name, key, "is not a known key"+hint, strings.Join(names, ", "))
}

// names lists what may stand in a section, in order; nil if it is none.
func (r *reader) names(prefix string) (names []string) {
	for _, k := range r.keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

// nodeValue reads a value of the type that like has.
func nodeValue(n *yaml.Node, like any) (value any, problem, allowed string) {
	switch like.(type) {
	case bool:
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
			return strings.EqualFold(n.Value, "true"), "", ""
		}
		return nil, "should be true or false", "true, false"
	case int:
		if i, err := strconv.Atoi(n.Value); err == nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
			return i, "", ""
		}
		return nil, "should be a whole number", "digits"
	case []string:
		if n.Kind != yaml.SequenceNode {
			return nil, "should be a list", "[first, second], or [] for none"
		}
		list := []string{}
		for _, item := range n.Content {
			s, problem, allowed := nodeText(resolve(item))
			if problem != "" {
				return nil, "every item " + problem, allowed
			}
			list = append(list, s)
		}
		return list, "", ""
	}
	return nodeText(n)
}

// nodeText reads a text. A plain number is taken as its digits (ids of guilds);
// whatever else YAML would turn into something should stand in quotes.
func nodeText(n *yaml.Node) (value, problem, allowed string) {
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str":
			return n.Value, "", ""
		case "!!int":
			if n.Value == "0" || strings.Trim(n.Value, "0123456789") == "" && !strings.HasPrefix(n.Value, "0") && n.Value != "" {
				return n.Value, "", ""
			}
		}
	}
	return "", "should be a text", `text, in quotes if it has a meaning of its own in YAML`
}
