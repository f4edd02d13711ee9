package xep_test

import (
	"testing"

	"palabre/server/servertest"
)

func TestTranscripts(t *testing.T) {
	t.Parallel()
	servertest.Run(t, "testdata")
}
