package store

import (
	"strings"
	"testing"
)

// TestHotQueriesUseAnIndex asks SQLite how it would run each statement of the
// message path and of sign-in: searching an index, and no sorting.
func TestHotQueriesUseAnIndex(t *testing.T) {
	s, _ := open(t)
	for name, step := range map[string]struct{ query, want string }{
		"Account":      {sqlAccount, "SEARCH a USING INDEX sqlite_autoindex_accounts_1 (address=?)|SEARCH b USING INDEX boxes_account (account=?) LEFT-JOIN"},
		"AccountOfBox": {sqlAccountOfBox, "SEARCH boxes USING PRIMARY KEY (ssid=? AND user_id=?)"},
		"UsersOfBox":   {sqlUsersOfBox, "SEARCH boxes USING PRIMARY KEY (ssid=?)"},
		"BoxOfKey":     {sqlBoxOfKey, "SEARCH box_keys USING PRIMARY KEY (digest=?)"},
		"HasKeys":      {sqlHasKeys, "SEARCH box_keys USING COVERING INDEX box_keys_ssid (ssid=?)"},
		"Roster":       {sqlRoster, "SEARCH a USING INDEX sqlite_autoindex_accounts_1 (address=?)|SEARCH c USING PRIMARY KEY (account=?) LEFT-JOIN"},
		"GroupsAndPhones": {sqlGroupsAndPhones, "MERGE (UNION ALL)|LEFT|MERGE (UNION ALL)|LEFT|SEARCH contact_groups USING PRIMARY KEY (account=?)|USE TEMP B-TREE FOR ORDER BY|" +
			"RIGHT|SEARCH phones USING PRIMARY KEY (account=?)|USE TEMP B-TREE FOR ORDER BY|RIGHT|MERGE (UNION ALL)|LEFT|SEARCH c USING PRIMARY KEY (account=?)|" +
			"SEARCH o USING INDEX sqlite_autoindex_accounts_1 (address=?)|SEARCH p USING PRIMARY KEY (account=?)|" +
			"SEARCH r USING PRIMARY KEY (account=? AND address=?) LEFT-JOIN|USE TEMP B-TREE FOR ORDER BY|RIGHT|" +
			"SEARCH accounts USING INDEX sqlite_autoindex_accounts_1 (address=?)"},
		"Contact":              {sqlContact, "SEARCH contacts USING PRIMARY KEY (account=? AND address=?)"},
		"Watchers":             {sqlWatchers, "SEARCH contacts USING INDEX contacts_watchers (address=?)"},
		"NextOutgoing":         {sqlNextOutgoing, "SEARCH outbox USING INDEX outbox_pending (account=? AND peer=?)"},
		"Outgoing":             {sqlOutgoing, "SEARCH outbox USING INTEGER PRIMARY KEY (rowid=?)"},
		"PendingConversations": {sqlConversations, "SCAN outbox USING COVERING INDEX outbox_pending"},
		"CountPendingOf":       {sqlPendingOf, "SEARCH outbox USING COVERING INDEX outbox_pending (account=?)"},
		"CountPending":         {sqlCountPending, "SEARCH outbox USING COVERING INDEX outbox_pending (account=? AND peer=?)"},
		"CountIncoming":        {sqlCountIncoming, "SEARCH inbox USING COVERING INDEX inbox_pending (account=?)"},
		"CountIncomingPeer":    {sqlCountIncomingPeer, "SEARCH inbox USING COVERING INDEX inbox_pending (account=? AND peer=?)"},
		"CountUpTo":            {sqlCountIncomingUpTo, "CO-ROUTINE (subquery-1)|SEARCH inbox USING COVERING INDEX inbox_pending (account=? AND peer=?)|SCAN (subquery-1)"},
		"CountFolded":          {sqlCountKept, "SEARCH inbox USING COVERING INDEX inbox_folded (account=? AND peer=?)"},
		"UntellAll":            {sqlUntellAll, "SEARCH told USING PRIMARY KEY (account=?)"},
		"Waiting":              {sqlWaiting, "SEARCH inbox USING INDEX inbox_pending (account=? AND peer=? AND id>?)"},
		"WaitingPeers":         {sqlWaitingPeers, "SEARCH inbox USING COVERING INDEX inbox_pending (account=?)|USE TEMP B-TREE FOR ORDER BY"},
		"Modes":                {sqlModes, "SEARCH accounts USING INDEX sqlite_autoindex_accounts_1 (address=?)"},
		"CountList":            {sqlCountList, "SEARCH contacts USING PRIMARY KEY (account=?)"},
		"Crowded":              {sqlLong, "SEARCH inbox USING COVERING INDEX inbox_pending (account=?)|USE TEMP B-TREE FOR ORDER BY"},
		"Kept":                 {sqlKept, "SEARCH inbox USING COVERING INDEX inbox_folded (account=?)"},
		"Fold":                 {sqlFold, "SEARCH inbox USING INDEX inbox_pending (account=? AND peer=? AND id>? AND id<?)"},
		"Unfolding":            {sqlUnfolding, "SEARCH inbox USING COVERING INDEX inbox_folded (account=? AND peer=?)"},
		"MarkDelivered":        {sqlMarkDelivered, "SEARCH inbox USING INTEGER PRIMARY KEY (rowid=?)"},
		"IncomingByEvent":      {sqlIncomingEvent, "SEARCH inbox USING INDEX inbox_event (event=?)"},
		"OutgoingByEvent":      {sqlOutgoingEvent, "SEARCH outbox USING INDEX outbox_event (event=?)"},
		"PendingOfKind":        {sqlPendingKind, "SEARCH inbox USING INDEX inbox_pending (account=? AND peer=?)"},
		"MarkWritten":          {sqlMarkWritten, "SEARCH inbox USING INTEGER PRIMARY KEY (rowid=?)"},
		"Settings":             {sqlSettings, "SEARCH account_settings USING PRIMARY KEY (account=?)"},
		"Picture":              {sqlPicture, "SEARCH pictures USING PRIMARY KEY (token=?)"},
		"PrunePictures":        {sqlPrunePictures, "SEARCH pictures USING PRIMARY KEY (token=?)|LIST SUBQUERY 1|SEARCH pictures USING COVERING INDEX pictures_expires (expires<?)"},
		"PruneOutbox":          {sqlPruneOutbox, "SEARCH outbox USING INTEGER PRIMARY KEY (rowid=?)|LIST SUBQUERY 1|SEARCH outbox USING INDEX outbox_done (changed<?)"},
		"PruneInbox":           {sqlPruneInbox, "SEARCH inbox USING INTEGER PRIMARY KEY (rowid=?)|LIST SUBQUERY 1|SEARCH inbox USING INDEX inbox_done (changed<?)"},
		"PruneSeen":            {sqlPruneSeen, "SEARCH seen USING PRIMARY KEY (network=? AND event=?)|LIST SUBQUERY 2|SEARCH seen USING COVERING INDEX seen_at (at<?)"},
	} {
		args := make([]any, strings.Count(step.query, "?"))
		for i := range args {
			args[i] = 1
		}
		rows, err := s.DB().Query("EXPLAIN QUERY PLAN "+step.query, args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var plan []string
		for rows.Next() {
			var line string
			var skip int
			if err := rows.Scan(&skip, &skip, &skip, &line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan, "|"); got != step.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, step.want)
		}
	}
}
