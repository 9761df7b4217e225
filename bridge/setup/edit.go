package setup

import (
	_ "embed" // the example
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// example is config.example.yaml, which Go can embed from this folder only; a
// test holds the two equal.
//
//go:embed example.yaml
var example string

// set gives the example's text with other values, comments and all. Values are
// by full key; each is written as a YAML scalar.
func set(text string, values map[string]any) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", fmt.Errorf("setup: reading the example: %w", err)
	}
	lines := strings.Split(text, "\n")
	for key, value := range values {
		n := doc.Content[0]
		for name := range strings.SplitSeq(key, ".") {
			if n = child(n, name); n == nil {
				return "", fmt.Errorf("setup: the example has no %s", key)
			}
		}
		if n.Line < 1 || n.Line > len(lines) {
			return "", fmt.Errorf("setup: %s has no line in the example", key)
		}
		lines[n.Line-1] = replace(lines[n.Line-1], n.Column-1, scalar(value))
	}
	return strings.Join(lines, "\n"), nil
}

func child(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// replace puts a value in the place of the one that begins at a column; a
// comment behind it stays, in its column if there is room.
func replace(line string, at int, value string) string {
	old, comment := line[at:], ""
	if i := strings.Index(old, " #"); i >= 0 {
		comment = strings.TrimLeft(old[i:], " ")
	}
	if comment == "" {
		return line[:at] + value
	}
	head := line[:at] + value
	return head + strings.Repeat(" ", max(1, strings.LastIndex(line, comment)-len(head))) + comment
}

// scalar writes a value so that it is read as what it is.
func scalar(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case string:
		return strconv.Quote(v) // a subset of YAML's double quotes for what has no control characters
	}
	return fmt.Sprint(v)
}
