package store

import (
	"testing"

	"palabre/store/storetest"
)

// postgresPlace makes a schema of the test's own.
func postgresPlace(t testing.TB) place {
	t.Helper()
	return schemaPlace(t, storetest.URL(t))
}

func schemaPlace(t testing.TB, base string) place {
	t.Helper()
	return place{Options{URL: storetest.Schema(t, base), Fatal: func(err error) { t.Errorf("fatal: %v", err) }}}
}
