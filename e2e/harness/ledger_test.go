package harness

import "testing"

func TestJudge(t *testing.T) {
	sent := []Message{{"a", false}, {"b", true}, {"c", false}, {"d", false}}
	for name, c := range map[string]struct {
		came []Arrived
		want Ledger
	}{
		"all":        {[]Arrived{{"a", 1}, {"b", 1}, {"c", 1}, {"d", 2}}, Ledger{Sent: 3, Unsure: 1}},
		"unsure":     {[]Arrived{{"a", 1}, {"c", 1}, {"d", 2}}, Ledger{Sent: 3}},
		"lost":       {[]Arrived{{"a", 1}, {"d", 2}}, Ledger{Sent: 3, Lost: 1}},
		"doubled":    {[]Arrived{{"a", 1}, {"c", 1}, {"c", 1}, {"d", 1}}, Ledger{Sent: 3, Doubled: 1}},
		"again":      {[]Arrived{{"a", 1}, {"c", 1}, {"c", 2}, {"d", 2}}, Ledger{Sent: 3, ShownAgain: 1}},
		"disordered": {[]Arrived{{"a", 1}, {"d", 1}, {"c", 1}}, Ledger{Sent: 3, Disordered: 1}},
		"strange":    {[]Arrived{{"a", 1}, {"c", 1}, {"x", 1}, {"d", 1}}, Ledger{Sent: 3, Strange: 1}},
	} {
		if got := Judge(sent, c.came); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
