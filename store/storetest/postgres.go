// Package storetest finds the PostgreSQL that tests use.
package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// URL is that of the database that tests may make schemas in: PALABRE_TEST_POSTGRES. Without that variable the test is skipped; under CI it fails.
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("PALABRE_TEST_POSTGRES")
	switch {
	case base != "":
	case os.Getenv("CI") != "":
		t.Fatal("PALABRE_TEST_POSTGRES is not set: it must be the URL of a PostgreSQL database for tests")
	default:
		t.Skip("PALABRE_TEST_POSTGRES is not set")
	}
	return base
}

// Schema makes a schema of the test's own in the database of a URL, and gives the URL of the schema. It is dropped at the test's end.
func Schema(t testing.TB, base string) string {
	t.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	Execute(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { Execute(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// Execute runs statements on a connection of their own.
func Execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}
