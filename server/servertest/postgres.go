package servertest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL gives the URL of a schema of the test's own in the database that PALABRE_TEST_POSTGRES names. Without that variable the test is skipped; under CI it fails.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("PALABRE_TEST_POSTGRES")
	switch {
	case base != "":
	case os.Getenv("CI") != "":
		t.Fatal("PALABRE_TEST_POSTGRES is not set: it must be the URL of a PostgreSQL database for tests")
	default:
		t.Skip("PALABRE_TEST_POSTGRES is not set")
	}
	schema := "server_" + strings.ToLower(rand.Text())
	execute(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func execute(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}
