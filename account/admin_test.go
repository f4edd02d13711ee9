package account_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"palabre/account"
	"palabre/xmpp"
)

func TestAdd(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	for name, c := range map[string]struct {
		jid, password string
		want          error
	}{
		"again":             {"juliet@example.org", "x", account.ErrExists},
		"another domain":    {"juliet@example.net", "x", account.ErrDomain},
		"a domain":          {"example.org", "x", account.ErrAddress},
		"a full address":    {"romeo@example.org/orchard", "x", account.ErrAddress},
		"no password":       {"romeo@example.org", "", account.ErrPassword},
		"a control":         {"romeo@example.org", "a\tb", account.ErrPassword},
		"a blank password":  {"mercutio@example.org", " ", nil},
		"a short password":  {"benvolio@example.org", "x", nil},
		"one beyond ASCII":  {"rosaline@example.org", "Å, ﬁ", nil},
		"one of 1,000 sign": {"paris@example.org", strings.Repeat("é", 1000), nil},
	} {
		if err := r.Add(t.Context(), xmpp.MustParseJID(c.jid), c.password); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	a, err := db.Account(t.Context(), juliet)
	must(t, err)
	var hashes []string
	for _, k := range a.Keys {
		hashes = append(hashes, k.Hash)
		if len(k.Salt) != 16 || k.Iterations != 4096 || len(k.StoredKey) != len(k.ServerKey) {
			t.Errorf("%+v", k)
		}
	}
	slices.Sort(hashes)
	if !slices.Equal(hashes, []string{"SHA-1", "SHA-256", "SHA-512"}) || a.Created.IsZero() {
		t.Errorf("%v, made at %v", hashes, a.Created)
	}
}

// A password is the same however its characters are composed (RFC 8265 §4.2).
func TestPasswordForms(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	romeo := xmpp.MustParseJID("romeo@example.org")
	must(t, r.Add(t.Context(), romeo, "Ame\u0301lie\u00a01"))
	for _, password := range []string{"Ame\u0301lie 1", "Am\u00e9lie 1"} {
		if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00romeo\x00"+password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	client := scramClient{mechanism: "SCRAM-SHA-256", name: "romeo", password: "Am\u00e9lie 1"}
	if _, err := client.login(t.Context(), r, newPeer(r)); err != nil {
		t.Error(err)
	}
}

func TestUnknownAccounts(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	nobody := xmpp.MustParseJID("nobody@example.org")
	for name, err := range map[string]error{
		"SetPassword": r.SetPassword(t.Context(), nobody, "x"),
		"Disable":     r.Disable(t.Context(), nobody),
		"Enable":      r.Enable(t.Context(), nobody),
		"Delete":      r.Delete(t.Context(), nobody),
	} {
		if !errors.Is(err, account.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ok, err := r.Exists(t.Context(), nobody); ok || err != nil {
		t.Errorf("nobody exists: %v %v", ok, err)
	}
	must(t, r.Delete(t.Context(), juliet))
	if ok, err := r.Exists(t.Context(), juliet); ok || err != nil {
		t.Errorf("juliet still exists: %v %v", ok, err)
	}
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"CSV":             {"a@x,one\nb@x,\"two, \"\"three\"\"\"\n", []string{"1 a@x one", `2 b@x two, "three"`}},
		"with a header":   {"\xef\xbb\xbfJID,Password\r\na@x, one\r\n", []string{"2 a@x  one"}},
		"header in midst": {"a@x,1\njid,password\n", []string{"1 a@x 1", "2 jid password"}},
		"empty lines":     {"\n\na@x,1\n\n", []string{"3 a@x 1"}},
		"columns":         {"a@x\nb@x,1,2\nc@x,1\n", []string{"1 !", "2 !", "3 c@x 1"}},
		"quotes":          {"a@x,o\"ne\nb@x,1\n", []string{"1 !", "2 b@x 1"}},
		"JSON":            {"\n{\"jid\":\"a@x\",\"password\":\"é,\\\"\"}\n\n{\"jid\":\"b@x\",\"password\":\"1\",\"more\":[]}", []string{`2 a@x é,"`, "4 b@x 1"}},
		"bad JSON":        {"{\"jid\":1}\n{\"jid\":\"b@x\"}\nx\n{\"jid\":\"c@x\",\"password\":\"\"}", []string{"1 !", "2 !", "3 !", "4 c@x "}},
		"a long line":     {"{\"jid\":\"a@x\",\"password\":\"1\"}\n{" + strings.Repeat(" ", 70_000), []string{"1 a@x 1", "2 !"}},
		"nothing":         {"", nil},
	} {
		var got []string
		for row := range account.ReadRows(strings.NewReader(c.file)) {
			if row.Err != nil {
				got = append(got, fmt.Sprintf("%d !", row.Line))
			} else {
				got = append(got, fmt.Sprintf("%d %s %s", row.Line, row.JID, row.Password))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	broken := io.MultiReader(strings.NewReader("a@x,1\n"), failing{})
	n := 0
	for row := range account.ReadRows(broken) {
		if n++; n == 2 && row.Err == nil {
			t.Errorf("a broken file goes on: %+v", row)
		}
	}
	if n != 2 {
		t.Errorf("%d rows of a broken file", n)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestImport(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	var file strings.Builder
	for i := range 600 {
		fmt.Fprintf(&file, "user%d@example.org,secret%d\n", i, i)
	}
	file.WriteString("juliet@example.org,other\nuser7@example.org,again\nUSER8@example.org,again\nx@example.net,1\n@,1\ny@example.org,\n")
	problems, reports := 0, 0
	got, err := r.Import(t.Context(), account.ReadRows(strings.NewReader(file.String())), func(p account.Progress) {
		problems += len(p.Problems)
		reports++
	})
	must(t, err)
	if got.Created != 600 || got.Existing != 3 || got.Refused != 3 || problems != 3 || reports < 3 {
		t.Errorf("%+v, %d problems in %d reports", got, problems, reports)
	}
	if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00user7\x00secret7"); err != nil {
		t.Errorf("an imported account: %v", err)
	}
	if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00R0m30"); err != nil {
		t.Errorf("an account that was there: %v", err)
	}
	got, err = r.Import(t.Context(), account.ReadRows(strings.NewReader(file.String())), func(account.Progress) {})
	if err != nil || got.Created != 0 || got.Existing != 603 {
		t.Errorf("once more: %+v %v", got, err)
	}
}

func TestImportBroken(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	var file strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&file, "user%d@example.org,secret\n", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, err := r.Import(ctx, account.ReadRows(strings.NewReader(file.String())), func(p account.Progress) {
		if p.Created >= 256 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || got.Created == 0 {
		t.Fatalf("%+v %v", got, err)
	}
	list, err := r.List(t.Context(), domain, "", 3000)
	must(t, err)
	if len(list) != got.Created+1 {
		t.Errorf("%d reported, %d there", got.Created, len(list)-1)
	}
}
