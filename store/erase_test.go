package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"palabre/account"
	"palabre/history"
	"palabre/muc"
	"palabre/pubsub"
	"palabre/roster"
)

// schema lists the columns of every table, as the database itself tells.
func schema(t testing.TB, s *Store) map[string][]string {
	t.Helper()
	q := `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`
	if _, is := s.engine.(*postgresDB); is {
		q = `SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()`
	}
	out := map[string][]string{}
	must(t, s.db.Query(context.Background(), func(scan scanner) error {
		var table, column string
		err := scan(&table, &column)
		out[table] = append(out[table], column)
		return err
	}, q))
	if len(out) < 5 {
		t.Fatalf("the schema: %v", out)
	}
	return out
}

// rows counts a table's rows that belong to an account, and those that name it in any other column.
func rows(t testing.TB, s *Store, table string, columns []string) (owned, named int) {
	t.Helper()
	ctx := context.Background()
	if slices.Contains(columns, "owner") {
		must(t, s.db.QueryRow(ctx, []any{&owned}, fmt.Sprintf(`SELECT COUNT(*) FROM %s WHERE owner = (SELECT id FROM jid WHERE bare = $1)`, table), romeo.String()))
	}
	for _, c := range columns {
		var n int
		must(t, s.db.QueryRow(ctx, []any{&n}, fmt.Sprintf(`SELECT COUNT(*) FROM %[1]s WHERE CAST(%[2]s AS TEXT) LIKE '%%romeo%%' OR CAST(%[2]s AS TEXT) LIKE '%%%[3]x%%'`, table, c, "romeo")))
		named += n
	}
	return owned, named
}

// emptyEraser waits until there is nothing to erase any more.
func emptyEraser(t testing.TB, s *Store) {
	t.Helper()
	for {
		left, err := s.erase(t.Context())
		must(t, err)
		if !left {
			return
		}
	}
}

// Deleting an account leaves nothing that it owned in any table that there is. Its address stays a number, for those who know it.
func TestDeleteErasesAll(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var ahead atomic.Int64
		p.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		s := p.open(t)
		ctx := t.Context()
		addAccounts(t, s, juliet)
		must(t, s.Create(ctx, account.Account{JID: romeo, Keys: keys(1)}))
		must(t, s.SetLastSeen(ctx, romeo, time.Now(), "romeo was here"))
		must(t, commit(s, set(romeo, juliet, roster.Item{Listed: true, Name: "romeo's"}), set(juliet, romeo, roster.Item{Listed: true})))
		must(t, s.SetData(ctx, romeo, "vcard", map[string]string{"": "<FN>romeo</FN>"}))
		onList := published(juliet, "nick", "hers")
		onList.Edits = append(onList.Edits, pubsub.Edit{Node: "nick", Peer: &pubsub.Peer{JID: romeo, Affiliation: pubsub.Member}})
		mine := published(romeo, "nick", "romeo's")
		mine.Edits = append(mine.Edits, pubsub.Edit{Node: "nick", Peer: &pubsub.Peer{JID: juliet, Affiliation: pubsub.Member}})
		must(t, commit(s, onList, mine))
		must(t, commit(s, line(romeo, juliet, "from romeo"), line(juliet, romeo, "to romeo"), &history.Reached{Account: romeo, Upto: 1}, counted("stream", 1)))
		must(t, commit(s, save(feast, "group"), affiliation(feast, romeo, muc.Member), &muc.Begin{Room: feast, Account: romeo}))

		tables := schema(t, s)
		for table, columns := range tables {
			if owned, _ := rows(t, s, table, columns); owned == 0 && slices.Contains(columns, "owner") {
				t.Errorf("table %s: this test puts nothing into it", table)
			}
		}
		must(t, s.Delete(ctx, romeo))
		ahead.Store(int64(stragglers))
		emptyEraser(t, s)
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			owned, named := rows(t, s, table, tables[table])
			switch table {
			case "jid":
				named--
			case "archive":
				named -= 2 // in the other's
			}
			if owned != 0 || named != 0 {
				t.Errorf("table %s: %d rows are his, %d name him", table, owned, named)
			}
		}
		items, _, err := s.Roster(ctx, juliet)
		must(t, err)
		if len(items) != 1 || items[0].JID != romeo {
			t.Errorf("another's roster: %+v", items)
		}
		expectRows(t, s, history.Query{Owner: juliet}, "from romeo", "to romeo")
		addAccounts(t, s, romeo) // anew
		items, ver, err := s.Roster(ctx, romeo)
		if len(items) != 0 || ver != 0 || err != nil {
			t.Errorf("the new one's roster: %v %d %v", items, ver, err)
		}
	})
}
