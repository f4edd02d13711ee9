package resumption_test

import (
	"testing"

	"go.uber.org/goleak"

	"palabre/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTranscripts(t *testing.T) {
	t.Parallel()
	servertest.Run(t, "testdata")
}
