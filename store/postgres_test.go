package store

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// postgresURL is the database that tests make their schemas in. Under CI there must be one.
func postgresURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("PALABRE_TEST_POSTGRES")
	switch {
	case u != "":
	case os.Getenv("CI") == "true":
		t.Fatal("PALABRE_TEST_POSTGRES is not set: it must be the URL of a PostgreSQL database for tests")
	default:
		t.Skip("PALABRE_TEST_POSTGRES is not set")
	}
	return u
}

// postgresPlace makes a schema of the test's own.
func postgresPlace(t testing.TB) place {
	t.Helper()
	return schemaPlace(t, postgresURL(t))
}

func schemaPlace(t testing.TB, base string) place {
	t.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	runSQL(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { runSQL(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(base)
	must(t, err)
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return place{Options{URL: u.String(), Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
}

// runSQL runs statements on a connection of its own.
func runSQL(t testing.TB, u string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, u)
	must(t, err)
	defer conn.Close(ctx)
	for _, sql := range statements {
		_, err := conn.Exec(ctx, sql)
		must(t, err)
	}
}
